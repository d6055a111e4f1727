# SPDX-License-Identifier: Apache-2.0
"""The mix: which generator how often, several turns, system messages, tools.

`chat(ctx, pub)` gives {"messages", "tools", "task", "op"}; the last message is
the answer that is judged, every assistant message is learned from."""
import arith
import clock
import device
import refuse
import talk
import text
from common import SYSTEM, SYSTEM_UNSEEN

# operation: (share for nano, share for mini); 0 = this model does not have it
SHARES = {
    "intent": (15, 13), "slots": (11, 12), "device": (10, 8), "tools": (4, 4), "sum2": (22, 9), "follow": (2, 2), "long_sum": (0, 7), "times": (0, 9),
    "divide": (0, 2), "word_problem": (0, 6), "clock": (5, 5), "calendar": (5, 4), "unit": (4, 4), "text": (13, 13), "talk": (5, 4),
    "small_talk": (2, 2), "refuse": (5, 4), "near": (4, 1.5), "refuse_public": (4, 4),
}
LOCAL = {"device": device.make, "sum2": arith.two_digits, "follow": arith.follow_up, "long_sum": arith.long_sum, "times": arith.times, "divide": arith.divide,
         "word_problem": arith.word_problem, "clock": clock.clock, "calendar": clock.calendar, "unit": clock.unit, "text": text.text_op, "talk": talk.talk,
         "refuse": refuse.wide, "near": refuse.near}
# Asked of every model, whatever it was taught (the union): here nano's right answer is not its refusal.
UNION = ["long_sum", "times", "divide", "word_problem"]
PUBLIC = ["intent", "slots", "small_talk", "refuse_public"]  # texts that are not ours to commit


def single(ctx, pub, op):
    """(tools, turns, task) of one operation."""
    if op == "tools":
        return device.with_tools(ctx)
    if op in LOCAL:
        turns, task = LOCAL[op](ctx)
    else:
        f = {"intent": "clinc", "slots": "slots", "small_talk": "small_talk", "refuse_public": "refuse"}[op]
        turns, task = getattr(pub, f)(ctx)
    return None, turns, task


def draw_op(ctx, ops=None):
    names = ops or list(SHARES)
    weights = [SHARES[n][0 if ctx.model == "nano" else 1] for n in names]
    return ctx.r.choices(names, weights)[0]


def chat(ctx, pub, op=None, turns_before=None, system=None):
    op = op or draw_op(ctx)
    tools, turns, task = single(ctx, pub, op)
    if turns_before is None:
        turns_before = 0
        if ctx.chance(0.09):
            turns_before = 1 if ctx.chance(0.6) else ctx.r.randint(2, 3)
    before, public = [], op in PUBLIC
    for _ in range(turns_before):
        op2 = draw_op(ctx)
        public = public or op2 in PUBLIC
        t2, earlier, _ = single(ctx, pub, op2)
        if t2 is None and earlier[0][0] == "user":
            before += earlier
    head = [t for t in turns if t[0] == "system"]
    turns = head + before + [t for t in turns if t[0] != "system"]
    if not head and (system or system is None and ctx.chance(0.3)):
        turns = [("system", ctx.one(SYSTEM_UNSEEN if ctx.split == "unseen" else SYSTEM))] + turns
    return {"messages": [{"role": r, "content": c} for r, c in turns], "tools": tools, "task": task, "op": op, "public": public}
