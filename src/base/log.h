/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event on standard error, plain or JSON.
 *
 * Library layers return errors; the edge that ends a request logs once. Prompt
 * text, answers and personal data never go into a log line at any level.
 * A line is written with one write(2), so processes sharing the descriptor do
 * not mix lines. Thread-safe.
 *
 *   LOG(LOG_INFO, "engine", "model %s loaded in %u ms", name, ms);
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

#ifndef LOG_MAX_LEVEL
#define LOG_MAX_LEVEL LOG_DEBUG /* lines above it compile out */
#endif

/* Before other threads exist. `who` is borrowed for ever ("worker 1"). */
void log_setup(enum log_level level, bool json, const char *who);
bool log_wants(enum log_level level);
void log_line(enum log_level level, const char *subject, const char *format, ...) PRINTF_LIKE(3, 4);

#define LOG(level, subject, ...)                                                                   \
    ((level) <= LOG_MAX_LEVEL && log_wants(level) ? log_line((level), (subject), __VA_ARGS__)      \
                                                  : (void)0)

#endif
