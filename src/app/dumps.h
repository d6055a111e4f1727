/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No core dumps. Prompts, answers and keys are all over a worker's heap and stack while
 * a request runs, and in its vector registers after a copy, which every dump holds. So
 * leaving out single buffers would not do, nor all of the memory (coredump_filter: tried,
 * 32 bytes of a prompt were found in the registers). Children inherit it.
 * WEIR_CORE_DUMPS=full in the environment leaves the limit as it is, for debugging.
 */
#ifndef WEIR_APP_DUMPS_H
#define WEIR_APP_DUMPS_H

/* Before anything is read. */
void dumps_off(void);

#endif
