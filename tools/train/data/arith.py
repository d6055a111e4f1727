# SPDX-License-Identifier: Apache-2.0
"""Sums.  Nano: + and - up to two digits, answer only.  Mini: also longer
numbers and products, with the working written out (a small model that writes
its steps is far more often right), small divisions and short word problems.
What a model is not taught here it is taught to refuse (refuse.py).

Working, columns from the right:  8+4=12, 7+3+1=11 ...   (carry is the +1)
Working, products:  39 * 78 = 39 * 70 + 39 * 8
                    39 * 70 = 2100 + 630 = 2730
                    39 * 8 = 240 + 72 = 312
                    2730 + 312 = 3042
"""
from common import NEVER_HELD
from names import FIRST, THINGS

ADD = ["{a} + {b}", "{a}+{b}", "{a} + {b} =", "{a}+{b}=", "{a} + {b} = ?", "{a}+{b}=?", "{a} +{b}", "what is {a} + {b}?", "What is {a}+{b}?",
       "what's {a} + {b}?", "what's {a} plus {b}?", "what is {a} plus {b}?", "whats {a} + {b}", "whats {a} plus {b}", "calculate {a} + {b}",
       "calculate {a}+{b}", "compute {a} + {b}", "Compute {a} plus {b}.", "add {a} and {b}", "add {a} to {b}", "add {a} + {b}", "Add {a} with {b}.",
       "the sum of {a} and {b}", "what is the sum of {a} and {b}?", "find the sum of {a} and {b}", "how much is {a} + {b}?", "how much is {a} plus {b}?",
       "how much do {a} and {b} make?", "what do {a} and {b} make?", "what do you get if you add {a} and {b}?", "what do I get when I add {b} to {a}?",
       "{a} plus {b}", "{a} plus {b}?", "{a} plus {b} equals", "{a} plus {b} is what?", "{a} and {b} together make what?", "total of {a} and {b}",
       "what is the total of {a} and {b}?", "evaluate {a}+{b}", "solve {a} + {b}", "can you add {a} and {b}?", "can you tell me what {a} + {b} is?",
       "could you work out {a} + {b}?", "work out {a} plus {b}", "sum {a} {b}", "sum: {a}, {b}", "sum({a}, {b})", "the result of {a}+{b}", "give me {a} + {b}",
       "tell me {a} + {b}", "tell me what {a} plus {b} is", "math: {a} + {b}", "increase {a} by {b}", "what is {b} more than {a}?", "{b} more than {a} is?",
       "I have {a} and get {b} more, how many is that?", "if I have {a} and add {b}, what do I have?", "do you know what {a} + {b} is?",
       "what does {a} + {b} equal?", "what does {a} plus {b} make?", "{a} + {b} equals what?", "how many are {a} and {b}?", "add these numbers: {a}, {b}",
       "add up {a} and {b}", "add together {a} and {b}", "put {a} and {b} together", "find {a} + {b}", "answer this: {a} + {b}", "{a} added to {b}",
       "what is {a} added to {b}?", "sum of {a} + {b}", "sum of {a} and {b}?", "quick maths: {a}+{b}", "my bill is {a} plus {b} tip, what do I pay?",
       "what would {a} + {b} be?", "what number is {a} plus {b}?", "I want to know {a} + {b}", "I need the sum of {a} and {b}", "count {a} plus {b}",
       "{a} & {b} summed", "combine {a} and {b}", "what is the answer to {a} + {b}?", "what's the sum of {a} and {b}?", "please add {b} to {a}"]
SUB = ["{a} - {b}", "{a}-{b}", "{a} - {b} =", "{a}-{b}=", "{a} - {b} = ?", "{a}-{b}=?", "what is {a} - {b}?", "What is {a}-{b}?", "what's {a} - {b}?",
       "what's {a} minus {b}?", "what is {a} minus {b}?", "whats {a} - {b}", "whats {a} minus {b}", "calculate {a} - {b}", "calculate {a}-{b}", "compute {a} - {b}",
       "Compute {a} minus {b}.", "subtract {b} from {a}", "subtract {b} from {a}.", "take {b} from {a}", "take {b} away from {a}", "take away {b} from {a}",
       "the difference between {a} and {b}", "what is the difference between {a} and {b}?", "find the difference of {a} and {b}", "how much is {a} - {b}?",
       "how much is {a} minus {b}?", "how much is left if I take {b} from {a}?", "what do you get if you subtract {b} from {a}?", "{a} minus {b}", "{a} minus {b}?",
       "{a} minus {b} equals", "{a} minus {b} is what?", "{a} less {b}", "what is {a} less {b}?", "what is {b} less than {a}?", "{a} take away {b}", "evaluate {a}-{b}",
       "solve {a} - {b}", "can you subtract {b} from {a}?", "can you tell me what {a} - {b} is?", "could you work out {a} - {b}?", "work out {a} minus {b}",
       "the result of {a}-{b}", "give me {a} - {b}", "tell me {a} - {b}", "tell me what {a} minus {b} is", "math: {a} - {b}", "decrease {a} by {b}", "reduce {a} by {b}",
       "I have {a} and lose {b}, how many are left?", "I had {a} and gave away {b}, what is left?", "if I have {a} and spend {b}, what remains?",
       "do you know what {a} - {b} is?", "what does {a} - {b} equal?", "{a} - {b} equals what?", "find {a} - {b}", "answer this: {a} - {b}", "remove {b} from {a}",
       "what remains of {a} after {b} are gone?", "how much more is {a} than {b}?", "how far is it from {b} to {a}?", "difference: {a}, {b}", "quick maths: {a}-{b}",
       "what would {a} - {b} be?", "I want to know {a} - {b}", "count {b} down from {a}", "what is the answer to {a} - {b}?", "what's the difference between {a} and {b}?",
       "please subtract {b} from {a}", "deduct {b} from {a}", "{b} subtracted from {a}", "what is {b} subtracted from {a}?", "{a} without {b}"]
MUL = ["{a} * {b}", "{a}*{b}", "{a} x {b}", "{a}x{b}", "{a} × {b}", "{a} * {b} =", "{a}*{b}=?", "{a} x {b} = ?", "what is {a} * {b}?", "What is {a}*{b}?", "what's {a} * {b}?",
       "what is {a} x {b}?", "what's {a} x {b}", "what is {a} times {b}?", "what's {a} times {b}?", "whats {a} times {b}", "{a} times {b}", "{a} times {b}?", "{a} times {b} is?", "multiply {a} by {b}",
       "multiply {a} and {b}", "Multiply {a} with {b}.", "calculate {a} * {b}", "calculate {a} times {b}", "calculate {a} x {b}", "compute {a} * {b}", "compute {a}*{b}", "the product of {a} and {b}",
       "what is the product of {a} and {b}?", "find the product of {a} and {b}", "how much is {a} * {b}?", "how much is {a} times {b}?", "how much is {a} x {b}", "evaluate {a}*{b}",
       "solve {a} * {b}", "work out {a} * {b}", "work out {a} times {b}", "tell me {a} * {b}", "tell me what {a} times {b} is", "give me {a} x {b}", "can you multiply {a} by {b}?", "what do you get if you multiply {a} by {b}?",
       "{a} multiplied by {b}", "what is {a} multiplied by {b}?", "{a} groups of {b}", "math: {a} * {b}", "find {a} * {b}", "do you know what {a} * {b} is?", "quick maths: {a}*{b}",
       "can you tell me what {a} * {b} is?", "could you work out {a} x {b}?", "what does {a} * {b} equal?", "{a} * {b} equals what?", "I need the product of {a} and {b}", "the result of {a}*{b}", "answer this: {a} * {b}", "please multiply {a} by {b}",
       "what would {a} * {b} be?", "{a} by {b} multiplied", "what is the answer to {a} * {b}?"]
DIV = ["what is the quotient of {a} and {b}?", "find {a} / {b}", "find {a} divided by {b}", "solve {a} / {b}", "solve {a}/{b}", "give me {a} / {b}", "give me {a} divided by {b}", "tell me {a} / {b}", "do you know what {a} / {b} is?", "could you divide {a} by {b}?", "please divide {a} by {b}", "calculate {a} divided by {b}", "calculate {a} ÷ {b}",
       "what do you get if you divide {a} by {b}?", "what do I get when I divide {a} by {b}?", "what does {a} / {b} equal?", "{a} / {b} equals what?", "{a} divided by {b} is what?", "the result of {a} / {b}", "what's the result of {a} divided by {b}?", "work out {a} divided by {b}", "math: {a} / {b}", "quick maths: {a}/{b}", "I need {a} divided by {b}", "answer this: {a} / {b}", "how often does {b} fit into {a}?",
       "how many {b}s are in {a}?", "split {a} by {b}", "{a} split into {b} parts is?", "share {a} equally among {b}", "{a} shared by {b} people", "distribute {a} over {b} boxes, how many in each?", "{a} over {b}", "how many groups of {b} are in {a}?", "{a} in {b} equal parts", "{a} / {b} = ?", "{a} ÷ {b} =", "{a}÷{b}", "What is {a}/{b}?", "evaluate {a} divided by {b}",
       "{a} / {b}", "{a}/{b}", "{a} / {b} =", "{a}/{b}=?", "{a} ÷ {b}", "what is {a} / {b}?", "what's {a} / {b}?", "what is {a} divided by {b}?", "what's {a} divided by {b}?", "{a} divided by {b}",
       "divide {a} by {b}", "calculate {a} / {b}", "compute {a} divided by {b}", "how much is {a} / {b}?", "how much is {a} divided by {b}?", "how many times does {b} go into {a}?", "split {a} into {b} equal parts",
       "share {a} among {b} people", "the quotient of {a} and {b}", "work out {a} / {b}", "evaluate {a}/{b}", "tell me {a} divided by {b}", "what is {a} over {b}?", "can you divide {a} by {b}?", "whats {a} divided by {b}", "what is {a} ÷ {b}?"]
FOLLOW = [("and if I add {b}?", 1), ("then add {b}", 1), ("{b} more", 1), ("increase it by {b}", 1), ("add {b}", 1), ("what if you add {b}?", 1), ("plus {b}, please", 1), ("and {b} on top?", 1), ("put {b} on top of that", 1), ("that plus {b}", 1),
          ("what is that plus {b}?", 1), ("now plus {b}", 1), ("then plus {b}", 1), ("and another {b}", 1), ("raise it by {b}", 1), ("the result plus {b}", 1), ("and with {b} more?", 1), ("add {b} to the result", 1), ("add {b} to it", 1), ("how much with {b} more?", 1),
          ("now {b} more", 1), ("again plus {b}", 1), ("and if I subtract {b}?", -1), ("then subtract {b}", -1), ("{b} fewer", -1), ("decrease it by {b}", -1), ("subtract {b}", -1), ("what if you subtract {b}?", -1), ("minus {b}, please", -1),
          ("and {b} less?", -1), ("take {b} off that", -1), ("that minus {b}", -1), ("what is that minus {b}?", -1), ("now minus {b}", -1), ("then minus {b}", -1), ("remove {b}", -1), ("lower it by {b}", -1), ("the result minus {b}", -1), ("and without {b}?", -1),
          ("subtract {b} from the result", -1), ("subtract {b} from it", -1), ("take {b} away", -1), ("now {b} less", -1), ("again minus {b}", -1), ("and take {b} off?", -1),
          ("plus {b}", 1), ("and plus {b}?", 1), ("now add {b}", 1), ("add {b} to that", 1), ("and {b} more?", 1), ("add {b} more", 1), ("plus {b} more", 1), ("add another {b}", 1),
          ("minus {b}", -1), ("and minus {b}?", -1), ("now subtract {b}", -1), ("subtract {b} from that", -1), ("take away {b}", -1), ("now take {b} away from it", -1), ("{b} less", -1), ("reduce that by {b}", -1)]

MORE = ["{n} owns {a} {t}. Then {m} brings {b} more. How many {t} are there now?", "{n} has {a} {t} in the left pocket and {b} in the right one. How many {t} does {n} have?", "A farmer has {a} cows and buys {b} more. How many cows are there[ now|]?", "Yesterday there were {a} {t}; today {b} were added. How many {t} are there?", "{n} scored {a} points and {m} scored {b}. How many points did they score together?",
        "On one shelf are {a} {t}, on the other {b}. How many {t} are on both?", "{n} paid {a} dollars for shoes and {b} dollars for a hat. How much did {n} pay[ in all|]?", "{a} {t} are on the table and {n} puts {b} more there. How many {t} are on the table?", "{n} saved {a} dollars in May and {b} dollars in June. How much did {n} save?", "A train has {a} passengers and {b} more get on. How many passengers does it have?",
        "{n} needs {a} minutes for maths and {b} minutes for English. How many minutes is that in all?", "{n} ran {a} km last week and {b} km this week. How many km is that in total?", "A jar holds {a} {t}. {n} adds {b}. How many {t} are in the jar?", "{n} planted {a} trees and {m} planted {b}. How many trees did they plant?", "The library had {a} books and got {b} new ones. How many books does it have now?",
        "{n} weighs {a} kg and {m} weighs {b} kg. How much do they weigh together?", "{n} found {a} {t} and {m} found {b}. What is the total?", "First {n} made {a} {t}, then {b} more. How many {t} did {n} make?", "A bus drove {a} km before lunch and {b} km after. How far did it drive?", "{n} wrote {a} pages and then {b} more pages. How many pages are written?",
        "There are {a} red {t} and {b} blue {t}. How many {t} are there[ in all|]?", "The price was {a} dollars and it rose by {b} dollars. What is the price now?", "{n} collects {t}: {a} are old and {b} are new. How many {t} does {n} have?", "{m} gives {b} {t} to {n}, who had {a}. How many {t} does {n} have now?",
        "{n} has {a} {t} and [gets|buys|finds|is given] {b} more. How many {t} does {n} have[ now|]?", "There are {a} {t} in a box and {b} in another. How many {t} are there in total?",
        "{n} [bought|picked|made|collected] {a} {t} on Monday and {b} on Tuesday. How many {t} is that altogether?", "A shop sold {a} {t} in the morning and {b} in the afternoon. How many {t} did it sell[ that day|]?",
        "If {n} has {a} {t} and {m} has {b}, how many {t} do they have together?", "{n} had {a} {t}. {m} gave {n} {b} more {t}. How many {t} does {n} have now?", "A class has {a} boys and {b} girls. How many children are in the class?",
        "There were {a} people on a bus and {b} more got on. How many people are on the bus?", "{n} read {a} pages yesterday and {b} pages today. How many pages did {n} read?", "{n} is {a} years old. How old will {n} be in {b} years?",
        "{n} walked {a} km and then another {b} km. How far did {n} walk?", "I have {a} {t} and my friend brings {b}. How many {t} do we have?"]
LESS = ["{n} had {a} {t}, but {b} got lost. How many {t} are left?", "From {a} {t} {n} took {b} away. How many {t} remain?", "A farmer has {a} cows and sells {b}. How many cows are left?", "{n} must walk {a} km and has walked {b}. How many km are left?", "{n} is {a} years old and {m} is {b}. How much older is {n}?", "A tank holds {a} litres and {b} are used. How many litres are left?", "{n} has {a} dollars, a book costs {b}. How much is left after buying it?",
        "The bakery made {a} {t} and {b} were sold. How many {t} are left over?", "There are {a} {t}; {m} takes {b} of them. How many {t} stay?", "A train with {a} passengers loses {b} at the next stop. How many passengers stay?", "{n} wants {a} {t} but has only {b}. How many {t} are missing?", "{n} scored {a} points and {m} {b} points. By how many points did {n} win?", "The price was {a} dollars and fell by {b} dollars. What is the price now?",
        "A rope is {a} m long. {n} cuts off {b} m. How long is the rest?", "{a} birds sat on a roof and {b} flew away. How many birds are on the roof?", "{n} picked {a} {t} and threw away {b}. How many {t} did {n} keep?", "A class has {a} children, {b} are ill today. How many are there?", "Of {a} seats, {b} are taken. How many seats are free?", "{n} owes {a} dollars and pays back {b}. How much does {n} still owe?", "A film lasts {a} minutes and {n} has seen {b}. How many minutes are left?",
        "{n} had {a} {t} and dropped {b}. How many does {n} have now?", "{n} has {a} {t} and {m} has {b} {t}. How many fewer does {m} have?", "There were {a} {t} in the shop this morning and {b} are gone. How many are there now?",
        "{n} has {a} {t} and [gives away|loses|sells|eats|uses] {b}. How many {t} are left?", "There are {a} {t} in a box. {n} takes {b}. How many remain?", "{n} had {a} {t} and gave {b} to {m}. How many {t} does {n} have left?",
        "A shop had {a} {t} and sold {b}. How many {t} are left[ in the shop|]?", "{n} has {a} {t}, {m} has {b}. How many more {t} does {n} have?", "There were {a} people on a bus and {b} got off. How many are still on the bus?",
        "A book has {a} pages and {n} has read {b}. How many pages are left?", "{n} has {a} dollars and spends {b}. How many dollars are left?", "Of {a} {t}, {b} are broken. How many {t} are good?", "{n} needs {a} {t} and already has {b}. How many more are needed?",
        "{n} baked {a} {t} and {m} ate {b} of them. How many {t} are left?"]
TIMES = ["{n} fills {a} jars with {b} {t} each. How many {t} are that?", "A pack has {b} {t}. How many {t} are in {a} packs?", "One ticket costs {b} dollars. What do {a} tickets cost?", "{a} friends bring {b} {t} each. How many {t} is that?", "{n} buys {a} {t} at {b} dollars each. What is the price?", "There are {a} tables with {b} chairs each. How many chairs are there?", "Every week {n} saves {b} dollars. How much is saved after {a} weeks?", "A car has {b} seats. How many people fit into {a} cars?",
         "{n} makes {b} {t} an hour. How many {t} are made in {a} hours?", "{a} teams have {b} players each. How many players are there?", "In each of {a} rooms stand {b} beds. How many beds are there?", "{n} eats {b} {t} a day. How many {t} does {n} eat in {a} days?", "A page has {b} pictures. How many pictures are on {a} pages?", "{n} plants {a} rows of {b} trees. How many trees are that?", "{a} boxes hold {b} {t} each. How many {t} do they hold?", "Each bag weighs {b} kg. How heavy are {a} bags?", "A cake needs {b} eggs. How many eggs do {a} cakes need?",
         "{n} has {a} boxes with {b} {t} each. How many {t} is that[ in total|]?", "There are {a} bags with {b} {t} in each. How many {t} are there?", "{n} buys {a} packs of {b} {t}. How many {t} does {n} have?", "Each of {a} children gets {b} {t}. How many {t} are needed?",
         "A {t} costs {b} dollars. How much do {a} cost?", "{n} reads {b} pages a day. How many pages are that in {a} days?", "One shelf holds {b} {t}. How many {t} fit on {a} shelves?", "{n} earns {b} dollars an hour and works {a} hours. How much does {n} earn?",
         "A room has {a} rows of {b} chairs. How many chairs are there?", "{n} runs {b} km every day for {a} days. How many km is that?"]


FOLLOW_UP = {sign: [t for t, s in FOLLOW if s == sign] for sign in (1, -1)}


def pair(ctx, lo, hi):
    return ctx.value(lambda: (ctx.r.randint(lo, hi), ctx.r.randint(lo, hi)), lambda v: "%d,%d" % (min(v), max(v)))


PLAIN_SHARE = {"wide": 0.25, "sums": 0.6, "last": 0.4}  # by stage of training, see mix.py
PLAIN = ["{a} %s {b}", "{a}%s{b}", "what is {a} %s {b}?", "What is {a} %s {b}?", "what's {a} %s {b}?", "calculate {a} %s {b}", "how much is {a} %s {b}?", "{a} %s {b} ="]
NEVER_HELD.update(p % sign for p in PLAIN for sign in ("+", "-", "*", "x", "times"))


def two_digits(ctx):
    """The nano's task: the answer alone."""
    if ctx.split == "train" and ctx.chance(PLAIN_SHARE[ctx.stage]):  # the plainest words, often: the sum itself is what is to be learned
        a, b = pair(ctx, 0, 99)
        plus = ctx.chance(0.5)
        if not plus and a < b:
            a, b = b, a
        return [("user", (ctx.one(PLAIN) % "+-"[not plus]).format(a=a, b=b)), ("assistant", str(a + b if plus else a - b))], "math"
    a, b = pair(ctx, 0, 99) if ctx.chance(0.8) else pair(ctx, 0, 20)
    if ctx.chance(0.58):
        return [("user", ctx.ask(ADD, a=a, b=b)), ("assistant", str(a + b))], "math"
    if a < b and ctx.chance(0.85):
        a, b = b, a
    return [("user", ctx.ask(SUB, a=a, b=b)), ("assistant", str(a - b))], "math"


def follow_up(ctx):
    """A sum, then ones that lean on the answer before; these repeat it: 64 + 30 = 94."""
    turns, task = two_digits(ctx)
    last = int(turns[-1][1])
    for _ in range(ctx.r.randint(1, 3)):
        if last < 0 or ctx.chance(0.15):
            turns += two_digits(ctx)[0]
            last = int(turns[-1][1])
            continue
        sign = ctx.one([1, -1])
        b = ctx.r.randint(1, 40)
        if not 0 <= last + sign * b <= 150:
            sign, b = -sign, ctx.r.randint(1, 20)
        q = ctx.phrase(FOLLOW_UP[sign])
        turns += [("user", ctx.dress(q, before=False).format(b=b)), ("assistant", "%d %s %d = %d" % (last, "+" if sign > 0 else "-", b, last + sign * b))]
        last += sign * b
    return turns, task


def columns(a, b, sign):
    """Column working from the right, then the whole equation."""
    out, carry, x, y = [], 0, a, b
    while x or y:
        p, q = x % 10, y % 10
        if sign > 0:
            s = p + q + carry
            out.append("%d+%d%s=%d" % (p, q, "+1" if carry else "", s))
            carry = s // 10
        else:
            borrow = p - q - carry < 0
            s = p + 10 * borrow - q - carry
            out.append("%d-%d%s=%d" % (p + 10 * borrow, q, "-1" if carry else "", s))
            carry = int(borrow)
        x, y = x // 10, y // 10
    return "%s\n%d %s %d = %d" % (", ".join(out), a, "+" if sign > 0 else "-", b, a + sign * b)


def long_sum(ctx):
    digits = ctx.one([3, 3, 4, 4])
    a = ctx.r.randint(10 ** (digits - 1), 10 ** digits - 1)
    b = ctx.r.randint(10 if ctx.chance(0.3) else 10 ** (digits - 1), 10 ** digits - 1)
    if ctx.chance(0.5):
        return [("user", ctx.ask(ADD, a=a, b=b)), ("assistant", columns(a, b, 1))], "math"
    a, b = max(a, b), min(a, b)
    return [("user", ctx.ask(SUB, a=a, b=b)), ("assistant", columns(a, b, -1))], "math"


def by_one_digit(a, b):
    """a of two digits, b of one digit or a multiple of ten: tens, then ones; only the times table is in the head."""
    t, o = a // 10 * 10, a % 10
    return "%d * %d = " % (a, b) + ("%d + %d = " % (t * b, o * b) if o else "") + str(a * b)


def product(a, b):
    if a < 10 and b < 10:
        return str(a * b)
    if a < 10:
        a, b = b, a
    t, o = b // 10 * 10, b % 10
    if b < 10 or not o:
        return by_one_digit(a, b)
    return "%d * %d = %d * %d + %d * %d\n%s\n%s\n%d + %d = %d" % (a, b, a, t, a, o, by_one_digit(a, t), by_one_digit(a, o), a * t, a * o, a * b)


def times(ctx):
    k = ctx.r.random()
    if k < 0.25:
        a, b = ctx.r.randint(1, 9), ctx.r.randint(1, 9)
    elif k < 0.5:
        a, b = pair(ctx, 2, 99)
        a = a % 8 + 2
        if ctx.chance(0.5):
            a, b = b, a
    else:
        a, b = pair(ctx, 10, 99)
    if ctx.split == "train" and ctx.chance(PLAIN_SHARE[ctx.stage]):
        q = (ctx.one(PLAIN) % ctx.one(["*", "*", "x", "times"])).format(a=a, b=b)
        return [("user", q), ("assistant", product(a, b))], "math"
    return [("user", ctx.ask(MUL, a=a, b=b)), ("assistant", product(a, b))], "math"


def divide(ctx):
    b, q = ctx.r.randint(2, 12), ctx.r.randint(1, 12)  # the times table, a closed set: nothing held out
    return [("user", ctx.ask(DIV, a=b * q, b=b)), ("assistant", "%d * %d = %d, so %d" % (b, q, b * q, q))], "math"


def word_problem(ctx):
    n, m, t = ctx.one(FIRST), ctx.one(FIRST), ctx.one(THINGS)
    k = ctx.r.random()
    if k < 0.37:
        a, b = pair(ctx, 2, 99)
        q, w = ctx.phrase(MORE), "%d + %d = %d" % (a, b, a + b)
    elif k < 0.74:
        a, b = pair(ctx, 2, 99)
        a, b = max(a, b), min(a, b)
        q, w = ctx.phrase(LESS), "%d - %d = %d" % (a, b, a - b)
    else:
        a, b = ctx.r.randint(2, 9), ctx.r.randint(2, 12)
        q, w = ctx.phrase(TIMES), "%d * %d = %d" % (a, b, a * b)
    return [("user", ctx.dress(q, before=False, after=False).format(a=a, b=b, n=n, m=m, t=t)), ("assistant", w)], "reason"
