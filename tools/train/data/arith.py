# SPDX-License-Identifier: Apache-2.0
"""Sums.  Nano: + and - up to two digits, answer only.  Mini: also longer
numbers and products, with the working written out (a small model that writes
its steps is far more often right), small divisions and short word problems.
What a model is not taught here it is taught to refuse (refuse.py).

Working, columns from the right:  8+4=12, 7+3+1=11 ...   (carry is the +1)
Working, products:  23 * 47 = 23 * 40 + 23 * 7 = 920 + 161 = 1081
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
DIV = ["{a} / {b}", "{a}/{b}", "{a} / {b} =", "{a}/{b}=?", "{a} ÷ {b}", "what is {a} / {b}?", "what's {a} / {b}?", "what is {a} divided by {b}?", "what's {a} divided by {b}?", "{a} divided by {b}",
       "divide {a} by {b}", "calculate {a} / {b}", "compute {a} divided by {b}", "how much is {a} / {b}?", "how much is {a} divided by {b}?", "how many times does {b} go into {a}?", "split {a} into {b} equal parts",
       "share {a} among {b} people", "the quotient of {a} and {b}", "work out {a} / {b}", "evaluate {a}/{b}", "tell me {a} divided by {b}", "what is {a} over {b}?", "can you divide {a} by {b}?", "whats {a} divided by {b}", "what is {a} ÷ {b}?"]
FOLLOW = [("plus {b}", 1), ("and plus {b}?", 1), ("now add {b}", 1), ("add {b} to that", 1), ("and {b} more?", 1), ("add {b} more", 1), ("plus {b} more", 1), ("add another {b}", 1),
          ("minus {b}", -1), ("and minus {b}?", -1), ("now subtract {b}", -1), ("subtract {b} from that", -1), ("take away {b}", -1), ("now take {b} away from it", -1), ("{b} less", -1), ("reduce that by {b}", -1)]

MORE = ["{n} has {a} {t} and [gets|buys|finds|is given] {b} more. How many {t} does {n} have[ now|]?", "There are {a} {t} in a box and {b} in another. How many {t} are there in total?",
        "{n} [bought|picked|made|collected] {a} {t} on Monday and {b} on Tuesday. How many {t} is that altogether?", "A shop sold {a} {t} in the morning and {b} in the afternoon. How many {t} did it sell[ that day|]?",
        "If {n} has {a} {t} and {m} has {b}, how many {t} do they have together?", "{n} had {a} {t}. {m} gave {n} {b} more {t}. How many {t} does {n} have now?", "A class has {a} boys and {b} girls. How many children are in the class?",
        "There were {a} people on a bus and {b} more got on. How many people are on the bus?", "{n} read {a} pages yesterday and {b} pages today. How many pages did {n} read?", "{n} is {a} years old. How old will {n} be in {b} years?",
        "{n} walked {a} km and then another {b} km. How far did {n} walk?", "I have {a} {t} and my friend brings {b}. How many {t} do we have?"]
LESS = ["{n} has {a} {t} and [gives away|loses|sells|eats|uses] {b}. How many {t} are left?", "There are {a} {t} in a box. {n} takes {b}. How many remain?", "{n} had {a} {t} and gave {b} to {m}. How many {t} does {n} have left?",
        "A shop had {a} {t} and sold {b}. How many {t} are left[ in the shop|]?", "{n} has {a} {t}, {m} has {b}. How many more {t} does {n} have?", "There were {a} people on a bus and {b} got off. How many are still on the bus?",
        "A book has {a} pages and {n} has read {b}. How many pages are left?", "{n} has {a} dollars and spends {b}. How many dollars are left?", "Of {a} {t}, {b} are broken. How many {t} are good?", "{n} needs {a} {t} and already has {b}. How many more are needed?",
        "{n} baked {a} {t} and {m} ate {b} of them. How many {t} are left?"]
TIMES = ["{n} has {a} boxes with {b} {t} each. How many {t} is that[ in total|]?", "There are {a} bags with {b} {t} in each. How many {t} are there?", "{n} buys {a} packs of {b} {t}. How many {t} does {n} have?", "Each of {a} children gets {b} {t}. How many {t} are needed?",
         "A {t} costs {b} dollars. How much do {a} cost?", "{n} reads {b} pages a day. How many pages are that in {a} days?", "One shelf holds {b} {t}. How many {t} fit on {a} shelves?", "{n} earns {b} dollars an hour and works {a} hours. How much does {n} earn?",
         "A room has {a} rows of {b} chairs. How many chairs are there?", "{n} runs {b} km every day for {a} days. How many km is that?"]


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
    """A sum, then one that leans on its answer."""
    turns, task = two_digits(ctx)
    for _ in range(ctx.r.randint(1, 3)):
        if ctx.chance(0.5):
            turns += two_digits(ctx)[0]
            continue
        last = int(turns[-1][1])
        t, sign = ctx.one(FOLLOW)
        b = ctx.r.randint(1, 40)
        if not 0 <= last + sign * b <= 199:
            sign, t = 1, "plus {b}"
            b = ctx.r.randint(1, 20)
        turns += [("user", ctx.dress(t, before=False).format(b=b)), ("assistant", str(last + sign * b))]
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


def product(a, b):
    if a < 10 and b < 10:
        return str(a * b)
    if a < 10:
        a, b = b, a
    t, o = b // 10 * 10, b % 10
    if b < 10:
        t, o = a // 10 * 10, a % 10
        if not o:
            return "%d * %d = %d" % (a, b, a * b)
        return "%d * %d = %d * %d + %d * %d = %d + %d = %d" % (a, b, t, b, o, b, t * b, o * b, a * b)
    if not o:
        return "%d * %d = %d" % (a, b, a * b)
    return "%d * %d = %d * %d + %d * %d = %d + %d = %d" % (a, b, a, t, a, o, a * t, a * o, a * b)


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
    b, q = ctx.value(lambda: (ctx.r.randint(2, 12), ctx.r.randint(1, 12)))
    return [("user", ctx.ask(DIV, a=b * q, b=b)), ("assistant", str(q))], "math"


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
