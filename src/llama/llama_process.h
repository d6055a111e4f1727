/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine process: owns llama.cpp, serves any number of workers on one Unix
 * socket, and may crash without taking anything else with it.
 *
 * Two threads: the I/O thread reads and writes frames, renders chat templates and
 * parses tool calls (C++ shim over llama.cpp's `common`); the decode thread owns
 * model and context and runs one batch after another over `slots` sequences.
 * They hand jobs over through one bounded queue.
 */
#ifndef WEIR_LLAMA_LLAMA_PROCESS_H
#define WEIR_LLAMA_LLAMA_PROCESS_H

#include "base/err.h"
#include "core/backend.h"

struct llama_process_options {
    const struct backend *backend;
    int listener_fd; /* bound and listening; inherited */
    int parent_pid;  /* ends when the parent is gone (also PDEATHSIG) */
};

/* Runs until told to end (SIGTERM: finish what runs, at most 5 s). Returns the exit status. Logs to stderr. */
int llama_process_run(const struct llama_process_options *options);

/* Whether this build has an engine, and what it can use: "llama.cpp 0.5.0 (cpu)". */
const char *llama_process_version(void);

#endif
