# SPDX-License-Identifier: Apache-2.0
"""Dates, times and units on small integers, always with the step written out
before the answer: a small model that must do two things in its head (add, then
wrap at noon) is right one time in ten, and nearly always when it writes the sum.

  7 hours after 8 pm           8 + 7 = 15 = 12 + 3: 3 am
  3 days after Friday          1 Saturday, 2 Sunday, 3 Monday
  4 weeks in days              4 * 7 = 28 days

Mini also gets minutes, more than six days, larger numbers and the way back."""
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LEN = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
UNITS = [("hours", "minutes", 60), ("minutes", "seconds", 60), ("days", "hours", 24), ("weeks", "days", 7), ("years", "months", 12), ("km", "m", 1000), ("kilometers", "meters", 1000), ("m", "cm", 100), ("meters", "centimeters", 100),
         ("cm", "mm", 10), ("kg", "g", 1000), ("kilograms", "grams", 1000), ("liters", "milliliters", 1000), ("feet", "inches", 12), ("yards", "feet", 3), ("dozen", "pieces", 12), ("dollars", "cents", 100), ("tons", "kg", 1000), ("decades", "years", 10), ("centuries", "years", 100)]

UNIT = ["how many {y} are in {n} {x}?", "how many {y} is {n} {x}?", "{n} {x} in {y}", "{n} {x} to {y}", "convert {n} {x} to {y}", "convert {n} {x} into {y}", "what is {n} {x} in {y}?", "what's {n} {x} in {y}", "how many {y} are {n} {x}?", "how many {y} in {n} {x}", "change {n} {x} to {y}", "{n} {x} equals how many {y}?",
        "{n} {x} = ? {y}", "{n} {x} as {y}", "express {n} {x} in {y}", "give me {n} {x} in {y}", "tell me how many {y} are in {n} {x}", "turn {n} {x} into {y}", "{n} {x} is how many {y}?", "how many {y} make {n} {x}?", "how much is {n} {x} in {y}?", "can you convert {n} {x} to {y}?", "number of {y} in {n} {x}", "in {y}, what is {n} {x}?",
        "I have {n} {x}, how many {y} is that?", "unit conversion: {n} {x} to {y}", "how long is {n} {x} in {y}?", "do you know how many {y} {n} {x} are?", "{x} to {y}: {n}", "count the {y} in {n} {x}",
        "{n} {x} how many {y}", "{n} {x} makes how many {y}?", "calculate {n} {x} in {y}", "write {n} {x} in {y}", "how many {y} does {n} {x} have?", "how many {y} do {n} {x} have?", "how many {y} would {n} {x} be?", "what are {n} {x} in {y}?", "{n} {x} into {y}", "{n} {x} -> {y}", "get {n} {x} in {y}", "could you convert {n} {x} into {y}?", "show {n} {x} as {y}", "please convert {n} {x} to {y}", "what do {n} {x} equal in {y}?", "how many {y} are there in {n} {x}?", "is it possible to tell {n} {x} in {y}?", "translate {n} {x} to {y}", "{y} in {n} {x}", "{y} in {n} {x}?", "the number of {y} in {n} {x}", "find {n} {x} in {y}", "work out {n} {x} in {y}", "I need {n} {x} in {y}", "I want {n} {x} as {y}", "make {n} {x} into {y}", "compute {n} {x} to {y}", "how many {y} go into {n} {x}?", "what number of {y} is {n} {x}?", "{n} {x} are how many {y}?", "{n} {x} = {y}"]
AFTER = ["what time is it {n} after {t}?", "what time will it be {n} after {t}?", "{n} after {t}", "it is {t}. what time is it in {n}?", "it's {t} now, what time will it be in {n}?", "add {n} to {t}", "{t} plus {n}", "what is {t} plus {n}?", "if it is {t}, what time is it {n} later?", "{n} later than {t}", "what is the time {n} past {t}?", "when is {n} after {t}?",
         "starting at {t}, what time is it after {n}?", "a meeting starts at {t} and lasts {n}. when does it end?", "I leave at {t} and travel {n}. when do I arrive?", "the film begins at {t} and takes {n}, when is it over?", "calculate {t} + {n}", "which time is {n} after {t}?", "what's the time {n} from {t}?", "clock says {t}, what does it say {n} later?", "what time is {n} after {t}", "now {t}, in {n}?",
         "what will the clock show {n} after {t}?", "{t} and then {n}", "it's {t}, add {n}", "{n} on from {t}", "what time is {t} plus {n}?", "time {n} after {t}", "tell me the time {n} after {t}", "in {n} from {t} it will be?", "my shift starts at {t} and is {n} long, when is it over?", "if I start at {t} and work {n}, when am I done?", "the bus leaves at {t} and needs {n}. when is it there?", "{t} + {n}", "what's {t} plus {n}?", "give me the time {n} after {t}", "find the time {n} later than {t}", "{n} past {t} is what time?", "the lesson begins at {t}. it lasts {n}. when is the end?", "let {n} pass from {t}, what time is it?", "move {t} forward by {n}"]
BEFORE = ["what time is it {n} before {t}?", "what time was it {n} before {t}?", "{n} before {t}", "it is {t}. what time was it {n} ago?", "subtract {n} from {t}", "{t} minus {n}", "what is {t} minus {n}?", "if it is {t}, what time was it {n} earlier?", "{n} earlier than {t}", "when is {n} before {t}?", "I must be there at {t} and need {n}. when do I leave?", "the train arrives at {t} after {n}. when did it start?",
          "calculate {t} - {n}", "which time is {n} before {t}?", "it's {t}, what time was it {n} ago",
          "what did the clock show {n} before {t}?", "{n} back from {t}", "what time is {t} minus {n}?", "time {n} before {t}", "tell me the time {n} before {t}", "{t} - {n}", "what's {t} minus {n}?", "give me the time {n} before {t}", "{n} prior to {t}", "move {t} back by {n}", "if it ends at {t} after {n}, when did it begin?", "the party is at {t}. I need {n} to prepare. when do I start?", "{n} before {t} is what time?", "go back {n} from {t}"]
NEXT = ["what day comes after {d}?", "what day is after {d}?", "which day follows {d}?", "the day after {d}", "what comes after {d}?", "after {d} comes which day?", "what's the next day after {d}", "today is {d}, what is tomorrow?", "if today is {d}, what day is tomorrow?", "tomorrow if today is {d}", "day after {d}?", "next day after {d}", "{d} is followed by which day?", "name the day after {d}",
        "which day comes after {d}?", "what is the day after {d}?", "tell me the day after {d}", "the next day after {d}", "what follows {d}?", "tomorrow of {d}", "it's {d} today, and tomorrow?", "following day of {d}", "which is the day following {d}?"]
PREV = ["what day comes before {d}?", "what day is before {d}?", "which day precedes {d}?", "the day before {d}", "what comes before {d}?", "before {d} comes which day?", "what's the day before {d}", "today is {d}, what was yesterday?", "if today is {d}, what day was yesterday?", "yesterday if today is {d}", "day before {d}?", "previous day of {d}", "name the day before {d}",
        "which day comes before {d}?", "what is the day before {d}?", "tell me the day before {d}", "the previous day to {d}", "what precedes {d}?", "it's {d} today, and yesterday?", "which is the day preceding {d}?", "what came before {d}?"]
NDAYS = ["what day is {n} days after {d}?", "{n} days after {d}", "what day is it {n} days after {d}?", "today is {d}. what day is it in {n} days?", "if today is {d}, what day will it be in {n} days?", "which day is {n} days from {d}?", "{d} plus {n} days", "what weekday is {n} days later than {d}?", "count {n} days on from {d}", "it's {d}, what day is it {n} days later?", "which weekday comes {n} days after {d}?", "in {n} days from {d} it is what day?",
         "what is the day {n} days after {d}?", "starting on {d}, which day is it after {n} days?", "add {n} days to {d}", "{n} days from {d}", "tell me the day {n} days after {d}", "what day do we have {n} days after {d}?", "{d} + {n} days", "the day {n} days later than {d}", "which day comes {n} days after {d}?", "if it is {d} now, what day is in {n} days?", "it was {d} {n} days ago, what is today?"]
MNEXT = ["what month comes after {d}?", "which month follows {d}?", "the month after {d}", "what comes after {d}?", "what is the next month after {d}?", "month after {d}?", "which month is after {d}?", "if it is {d}, what is next month?", "name the month after {d}"]
MPREV = ["what month comes before {d}?", "which month precedes {d}?", "the month before {d}", "what comes before {d}?", "month before {d}?", "which month is before {d}?", "if it is {d}, what was last month?", "name the month before {d}"]
MLEN = ["how many days does {d} have?", "how many days are in {d}?", "number of days in {d}", "how long is {d}?", "days in {d}", "{d} has how many days?", "how many days are there in {d}?", "tell me the number of days of {d}", "length of {d} in days"]
BETWEEN = ["{d} {a} to {d} {b}, how many days?", "what is the number of days between {d} {a} and {d} {b}?", "how many days lie between {d} {a} and {d} {b}?", "today is {d} {a}. in how many days is {d} {b}?", "from {d} {a} to {d} {b} is how many days?", "days between {d} {a} and {d} {b}", "tell me the days from {d} {a} to {d} {b}", "how many days until {d} {b} if today is {d} {a}?", "how many days pass from {d} {a} to {d} {b}?", "my holiday is on {d} {b} and it is {d} {a}, how many days is that?",
           "how many days are between {d} {a} and {d} {b}?", "how many days from {d} {a} to {d} {b}?", "days from {d} {a} until {d} {b}", "how many days is it from {d} {a} to {d} {b}?", "count the days between {d} {a} and {d} {b}", "it is {d} {a}. how many days until {d} {b}?", "number of days from {d} {a} to {d} {b}", "how long is it from {d} {a} to {d} {b} in days?"]


def amount(n, unit):
    return "%d %s%s" % (n, unit, "" if n == 1 else "s")


def hour_text(h24, m, style):
    h = h24 % 12 or 12
    tail = "pm" if h24 % 24 >= 12 else "am"
    if style == 2:
        return "%d:%02d" % (h24 % 24, m)
    return "%d%s %s" % (h, "" if m == 0 and style == 0 else ":%02d" % m, tail)


def hours_on(h, n, style):
    """The sum of hours as one writes it: past noon or midnight (past 24 in style 2) it starts again."""
    ring = 24 if style == 2 else 12
    a = h % ring
    if n >= 0:
        s = a + n
        return "%d + %d = %d" % (a, n, s) + (" = %d + %d" % (ring, s - ring) if s >= ring else "")
    if a + n >= 0:
        return "%d - %d = %d" % (a, -n, a + n)
    return "%d + %d = %d, %d - %d = %d" % (a, ring, a + ring, a + ring, -n, a + ring + n)


def clock(ctx):
    style = ctx.one([0, 0, 0, 1, 2])
    m = 0 if style == 0 else ctx.r.randint(0, 11) * 5
    if ctx.model == "mini" and ctx.chance(0.35):
        return hours_and_minutes(ctx)
    h, n = ctx.value(lambda: (ctx.r.randint(0, 23), ctx.r.randint(1, 11)), lambda v: "h%d,%d" % v)
    q, sign = (AFTER, 1) if ctx.chance(0.65) else (BEFORE, -1)
    answer = hours_on(h, sign * n, style) + ": " + hour_text((h + sign * n) % 24, m, style)
    return [("user", ctx.ask(q, n=amount(n, "hour"), t=hour_text(h, m, style))), ("assistant", answer)], "math"


def hours_and_minutes(ctx):
    """The hours first, then the minutes: 10 + 3 = 13 = 12 + 1: 1:40 pm, 40 + 25 = 65 = 60 + 5: 2:05 pm."""
    h, hours = ctx.r.randint(0, 23), ctx.r.randint(0, 3)
    style, m, mins = ctx.one([1, 2]), ctx.r.randint(0, 11) * 5, ctx.r.randint(1, 11) * 5
    n_text = (amount(hours, "hour") + " and " if hours else "") + amount(mins, "minute")
    q = ctx.ask(AFTER, n=n_text, t=hour_text(h, m, style))
    end = (h * 60 + m + hours * 60 + mins) % 1440
    work = hours_on(h, hours, style) + ": " + hour_text((h + hours) % 24, m, style) + ", " if hours else ""
    work += "%d + %d = %d" % (m, mins, m + mins) + (" = 60 + %d" % (m + mins - 60) if m + mins >= 60 else "")
    return [("user", q), ("assistant", work + ": " + hour_text(end // 60, end % 60, style))], "reason"


def count_on(i, n):
    return ", ".join("%d %s" % (k, DAYS[(i + k) % 7]) for k in range(1, n + 1)) or DAYS[i]


def calendar(ctx):
    k = ctx.r.random()
    i = ctx.r.randint(0, 6)
    j = ctx.r.randint(0, 11)
    if k < 0.2:
        q, a = ctx.ask(NEXT, d=DAYS[i]), DAYS[(i + 1) % 7]
    elif k < 0.36:
        q, a = ctx.ask(PREV, d=DAYS[i]), DAYS[(i - 1) % 7]
    elif k < 0.6:
        n = ctx.r.randint(2, 6)  # a closed set, like the weekdays themselves: nothing held out
        if ctx.model == "mini" and ctx.chance(0.5):
            i, n = ctx.value(lambda: (ctx.r.randint(0, 6), ctx.r.randint(7, 20)))
        q, a = ctx.ask(NDAYS, d=DAYS[i], n=n), count_on(i, n)
        if n > 6:
            a = "%d = %d * 7 + %d: " % (n, n // 7, n % 7) + count_on(i, n % 7)
    elif k < 0.72:
        q, a = ctx.ask(MNEXT, d=MONTHS[j]), MONTHS[(j + 1) % 12]
    elif k < 0.82:
        q, a = ctx.ask(MPREV, d=MONTHS[j]), MONTHS[(j - 1) % 12]
    elif k < 0.92 or ctx.model == "nano":
        q, a = ctx.ask(MLEN, d=MONTHS[j]), "%d days" % LEN[j]
    else:
        a, b = sorted(ctx.r.sample(range(1, LEN[j] + 1), 2))
        q, a = ctx.ask(BETWEEN, d=MONTHS[j], a=a, b=b), "%d - %d = %d days" % (b, a, b - a)
    return [("user", q), ("assistant", a)], "math"


def unit(ctx):
    def draw():
        u = ctx.one(UNITS)
        large = ctx.chance(0.4) and (ctx.model == "mini" or u[2] % 10 == 0 and u[2] != 60)
        return u, ctx.r.randint(1, 40 if large else 10)
    u, n = draw()
    if n > 10:  # up to ten it is the times table, a closed set: nothing held out
        u, n = ctx.value(draw, lambda v: "%s%d" % (v[0][0], v[1]))
    x, y, f = u
    one = x[:-1] if n == 1 and x[-1] == "s" else x
    if x == "feet" and n == 1:
        one = "foot"
    if x == "centuries" and n == 1:
        one = "century"
    if ctx.model == "mini" and ctx.chance(0.25):
        return [("user", ctx.ask(UNIT, n=n * f, x=y, y=x)), ("assistant", "%d / %d = %d %s" % (n * f, f, n, one))], "math"
    work = "%d * %d = %d" % (n, f, n * f)
    if n > 10 and n % 10 and f in (7, 12, 24, 60):  # the tens, then the ones
        t, o = n // 10 * 10, n % 10
        work = "%d * %d = %d + %d = %d" % (n, f, t * f, o * f, n * f)
    return [("user", ctx.ask(UNIT, n=n, x=one, y=y)), ("assistant", "%s %s" % (work, y))], "math"
