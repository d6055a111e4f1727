/* SPDX-License-Identifier: Apache-2.0 */
#include "app/title.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

extern char **environ;

static char *area;
static size_t area_bytes;
static char **words;

/* argv's strings and the environment's lie behind each other; both move to the heap and leave their bytes to titles. */
void title_init(int argc, char **argv)
{
    char *end = argv[0];
    for (int i = 0; i < argc; i++) {
        if (argv[i] == end || i == 0) {
            end = argv[i] + strlen(argv[i]) + 1;
        }
    }
    size_t count = 0;
    for (; environ[count]; count++) {
        if (environ[count] == end) {
            end += strlen(environ[count]) + 1;
        }
    }
    char **moved = NEW_ARRAY(char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        size_t bytes = strlen(environ[i]) + 1;
        moved[i] = mem_new(bytes);
        memcpy(moved[i], environ[i], bytes);
    }
    environ = moved;
    area = argv[0];
    area_bytes = (size_t)(end - area);
    words = NEW_ARRAY(char *, argc); /* options keep pointing at them for the life of the process */
    for (int i = 0; i < argc; i++) {
        size_t bytes = strlen(argv[i]) + 1;
        words[i] = mem_new(bytes);
        memcpy(words[i], argv[i], bytes);
        argv[i] = words[i];
    }
}

void title_set(const char *format, ...)
{
    char title[128];
    va_list args;
    va_start(args, format);
    vsnprintf(title, sizeof title, format, args);
    va_end(args);
    if (area_bytes > 1) {
        memset(area, 0, area_bytes);
        memcpy(area, title, MIN(strlen(title), area_bytes - 1));
    }
    prctl(PR_SET_NAME, title);
}
