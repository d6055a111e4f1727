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
from common import REFUSAL, SYSTEM, SYSTEM_UNSEEN

# operation: (share for nano, share for mini); 0 = this model does not have it.
# Sums come late or never in a wide mix (20 % of the chats, 2-digit sums .25 right after
# 30,000 of them); a few hundred steps of mostly sums, in plain words, make them right.
# So training has stages: wide, then sums, then last.
STAGES = {
    "wide": {
        "intent": (16, 14), "slots": (0, 15), "device": (8, 5), "tools": (9, 9), "sum2": (22, 9), "follow": (4, 3), "long_sum": (0, 8), "times": (0, 10),
        "divide": (0, 3), "word_problem": (0, 6), "clock": (7, 6), "calendar": (5, 5), "unit": (5, 5), "text": (14, 13), "talk": (5, 4),
        "small_talk": (2.5, 2.5), "refuse": (5, 4), "near": (5, 1.5), "refuse_public": (5, 5),
    },
    "sums": {
        "intent": (6, 3), "slots": (0, 3), "device": (2.5, 1.5), "tools": (1.7, 1), "sum2": (74, 34), "follow": (1, 1), "long_sum": (0, 10), "times": (0, 26),
        "divide": (0, 4), "word_problem": (0, 10), "clock": (2, 2), "calendar": (1.5, 1), "unit": (1.3, 1.3), "text": (5, 3), "talk": (1, 0.8),
        "small_talk": (0.5, 0.4), "refuse": (1.3, 1.2), "near": (1, 1), "refuse_public": (1.2, 1),
    },
    "last": {
        "intent": (16, 17), "slots": (0, 20), "device": (7, 4), "tools": (9, 9), "sum2": (24, 13), "follow": (4, 4), "long_sum": (0, 8), "times": (0, 12),
        "divide": (0, 4), "word_problem": (0, 6), "clock": (7, 7), "calendar": (5, 4), "unit": (4, 4), "text": (13, 11), "talk": (4, 3),
        "small_talk": (2, 2), "refuse": (4, 4), "near": (4, 2), "refuse_public": (4, 4),
    },
}
SHARES = STAGES["wide"]
ALONE = ("sum2", "long_sum", "times", "divide", "word_problem")  # mostly without turns and system message
LOCAL = {"device": device.make, "sum2": arith.two_digits, "follow": arith.follow_up, "long_sum": arith.long_sum, "times": arith.times, "divide": arith.divide,
         "word_problem": arith.word_problem, "clock": clock.clock, "calendar": clock.calendar, "unit": clock.unit, "text": text.text_op, "talk": talk.talk,
         "refuse": refuse.wide, "near": refuse.near}
# Asked of every model, whatever it was taught (the union): here nano's right answer is not its refusal.
UNION = ["long_sum", "times", "divide", "word_problem"]
PUBLIC = ["intent", "slots", "small_talk", "refuse_public"]  # texts that are not ours to commit


def single(ctx, pub, op):
    """(tools, turns, task, whether a text of a public set is in it) of one operation."""
    public = op in PUBLIC
    if op == "tools":
        return *device.with_tools(ctx), False
    if op == "near" and ctx.model == "nano" and pub and ctx.chance(0.2):  # slots are the mini's
        turns = [t for t in pub.slots(ctx)[0] if t[0] != "assistant"] + [("assistant", REFUSAL)]
        task, public = "refuse", True
    elif op in LOCAL:
        turns, task = LOCAL[op](ctx)
    else:
        f = {"intent": "clinc", "slots": "slots", "small_talk": "small_talk", "refuse_public": "refuse"}[op]
        turns, task = getattr(pub, f)(ctx)
    return None, turns, task, public


def draw_op(ctx, ops=None):
    shares = STAGES[ctx.stage]
    names = ops or list(shares)
    weights = [shares[n][0 if ctx.model == "nano" else 1] for n in names]
    return ctx.r.choices(names, weights)[0]


def chat(ctx, pub, op=None, turns_before=None, system=None):
    op = op or draw_op(ctx)
    if ctx.stage != "wide" and op in ALONE and ctx.chance(0.75):
        turns_before, system = 0, False
    tools, turns, task, public = single(ctx, pub, op)
    if turns_before is None:
        turns_before = 0
        if ctx.chance(0.09):
            turns_before = 1 if ctx.chance(0.6) else ctx.r.randint(2, 3)
    before = []
    for _ in range(turns_before):
        t2, earlier, _, public2 = single(ctx, pub, draw_op(ctx))
        public = public or public2
        if t2 is None and earlier[0][0] == "user":
            before += earlier
    head = [t for t in turns if t[0] == "system"]
    turns = head + before + [t for t in turns if t[0] != "system"]
    if not head and (system or system is None and ctx.chance(0.3)):
        turns = [("system", ctx.one(SYSTEM_UNSEEN if ctx.split == "unseen" else SYSTEM))] + turns
    return {"messages": [{"role": r, "content": c} for r, c in turns], "tools": tools, "task": task, "op": op, "public": public}
