/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter for bench/router/run: prompts on standard input, each ended by a NUL byte; for each
 * one line with the task and the language that words.c guesses.
 */
#include "base/text.h"
#include "router/words.h"

#include <stdio.h>

int main(void)
{
    struct text all;
    text_init(&all, 256 * MIB);
    char chunk[65536];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, stdin)) > 0;) {
        text_add(&all, span_of(chunk, n));
    }
    struct span rest = text_span(&all);
    while (rest.len) {
        struct span prompt = span_cut(&rest, '\0');
        struct words words;
        words_read(prompt, SPAN_NONE, &words);
        printf("%s %s\n", task_name(words.task), words.language ? words.language : "-");
    }
    text_done(&all);
    return 0;
}
