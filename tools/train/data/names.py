# SPDX-License-Identifier: Apache-2.0
"""Word lists for the generators.  Ours, written down by hand; a made-up word
(`pseudo`) keeps copying from becoming a matter of memory."""

FIRST = """Tom Anna Ben Carla David Emma Felix Grace Henry Iris Jack Kate Leo Maria Nina Oscar Paula Quinn Rosa Sam Tina Umar Vera Will Yara Zoe
Alice Bruno Clara Diego Elena Frank Greta Hugo Ivy James Karin Lars Mia Noah Olga Peter Ravi Sara Theo Ursula Victor Wendy Yusuf Amir Bella Chen Dana Erik Fatima
Georg Hana Igor Jonas Kofi Laura Marco Nora Omar Petra Ruth Simon Tara Vikram Aisha Boris Chloe Daniel Eva Finn Gloria Hassan Isabel Julia Kenji Linda Mateo Priya""".split()
LAST = """Smith Jones Brown Miller Garcia Lopez Kim Chen Singh Patel Khan Novak Kowalski Rossi Bianchi Weber Schmidt Fischer Meyer Wagner Larsen Hansen Berg Silva Costa
Santos Ivanov Petrov Sato Tanaka Suzuki Nguyen Tran Ali Hassan Okafor Mensah Cohen Levi Dubois Martin Moreau Murphy Kelly Walsh Baker Carter Cooper Fisher Hunter Parker Turner Walker Young Hill Stone Wood""".split()
THINGS = """apples books pens coins cards eggs cookies stamps balls toys shells marbles flowers pears oranges cakes pencils bottles plums stickers tickets candles muffins lemons keys shirts
photos magnets beads nuts carrots bananas cups plates boxes chairs letters stones""".split()
NOUNS = """river garden window market train bridge letter kitchen forest engine mountain paper village teacher doctor painter captain cat dog horse bird table lamp road island winter summer morning
evening storm cloud story song city school office harbour museum farmer baker nurse report meeting budget server printer phone laptop coffee bread soup apple orange basket boat castle clock
coat corner cousin desert dinner dragon field fire friend glass guitar hat hill hotel house jacket judge key ladder lake leaf mirror moon neighbour ocean pencil pilot planet plant pocket queen
rain ring robot rope sailor shop shoe sister snow soldier spoon star stone street sugar sun tower tree truck uncle valley wall wheel wind wolf""".split()
VERBS = """found opened closed painted carried followed watched repaired sold bought lost visited crossed cleaned moved called helped liked saw heard wrote read sent took broke built dropped held kept left met needed
passed pushed reached showed started stopped touched turned used wanted""".split()
ADJ = """old new small large quiet loud red blue green yellow white black warm cold heavy light empty full bright dark slow quick strange simple broken wooden golden silver tiny huge soft hard sweet wet dry clean
narrow wide deep kind brave clever lazy young tired happy""".split()
PLACES = """Paris London Berlin Madrid Rome Vienna Oslo Lisbon Prague Cairo Lima Tokyo Delhi Boston Chicago Dublin Athens Geneva Hamburg Munich Warsaw Zurich Lagos Nairobi Sydney Toronto""".split()
MAIL = ["example.com", "mail.org", "test.net", "firm.io", "school.edu", "post.de", "shop.co.uk", "home.net", "work.com", "lab.org"]
SYL = "ba be bi bo da de di do fa fe fi fo ga go ka ke ki ko la le li lo ma me mi mo na ne ni no pa pe pi po ra re ri ro sa se si so ta te ti to va ve vi vo za zo lu mu nu ru tu ar en in on um ist and ell".split()


def pseudo(r):
    return "".join(SYL[int(r.random() * len(SYL))] for _ in range(r.choice((2, 2, 3))))
