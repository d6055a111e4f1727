/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/clock.h"
#include "base/text.h"

#include <unistd.h>

static enum log_level max_level = LOG_INFO;
static bool as_json;
static const char *process_name = "weir";
static const char *const level_names[] = {"error", "warn", "info", "debug"};

void log_setup(enum log_level level, bool json, const char *who)
{
    max_level = level;
    as_json = json;
    process_name = who;
}

bool log_wants(enum log_level level)
{
    return level <= max_level;
}

/* Control bytes would let a peer forge lines; quotes and backslashes matter to JSON only. */
static void add_clean(struct text *line, const char *s, bool json)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f) {
            text_add_char(line, ' ');
            continue;
        }
        if (json && (c == '"' || c == '\\')) {
            text_add_char(line, '\\');
        }
        text_add_char(line, (char)c);
    }
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
    struct text message, line;
    text_init(&message, 4 * KIB);
    text_init(&line, 16 * KIB);
    va_list args;
    va_start(args, format);
    text_vaddf(&message, format, args);
    va_end(args);
    char time[CLOCK_ISO_BYTES];
    clock_iso(clock_wall_us(), time);
    if (as_json) {
        text_addf(&line,
                  "{\"time\":\"%s\",\"level\":\"%s\",\"process\":\"%s\",\"subject\":\"%s\","
                  "\"message\":\"",
                  time, level_names[level], process_name, subject);
        add_clean(&line, text_span(&message).data, true);
        text_add_c(&line, "\"}\n");
    } else {
        bool same = strcmp(process_name, subject) == 0;
        text_addf(&line, "%s %-5s %s%s%s: ", time, level_names[level], process_name,
                  same ? "" : " ", same ? "" : subject);
        add_clean(&line, text_span(&message).data, false);
        text_add_c(&line, "\n");
    }
    ssize_t ignored = write(STDERR_FILENO, line.data, line.len);
    (void)ignored; /* nowhere left to complain */
    text_done(&message);
    text_done(&line);
}
