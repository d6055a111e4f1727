/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How good is a reply, where the right answer is known? Pure text work, 0 or 1.
 *
 *   json      the first JSON value in the reply has the same members, in any order
 *   numeric   the last number of the reply is the number (thousands signs and units around it allowed)
 *   exact     the reply, or what stands behind its last "answer is" or "answer:", is the same but for
 *             case, white space and signs at the ends; for a one-letter answer also "(b)", "B. text"
 *
 * Which of them is told by the answer itself: an object or a list is JSON, a number (also "#### 42", as
 * GSM8K ends) is numeric, all else exact.
 */
#ifndef WEIR_CLI_TEACHER_SCORE_H
#define WEIR_CLI_TEACHER_SCORE_H

#include "base/span.h"

enum match { MATCH_AUTO, MATCH_EXACT, MATCH_NUMERIC, MATCH_JSON };

bool match_from(struct span name, enum match *out); /* "auto", "exact", "numeric", "json" */
/* MATCH_AUTO resolved; the others stay. */
enum match match_of(struct span answer, enum match wished);
bool match_reply(struct span reply, struct span answer, enum match how);

/* What a judge that was told to say A, B or TIE says: 'A', 'B', 'T', or 0 when it is none of them. */
char verdict_read(struct span reply);
/* The device's score from two verdicts, the second with the answers swapped: 1 as good or better in both orders, 0
 * worse in both, 0.5 when the orders disagree; -1 when a verdict is missing. `first` has the device as A. */
double verdict_score(char first, char second);

#endif
