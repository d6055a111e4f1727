/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *code;
    int status;
    const char *sentence;
} table[] = {
#define X(name, code, status, sentence) {code, status, sentence},
    ERR_LIST(X)
#undef X
};
_Static_assert(ARRAY_LEN(table) == ERR_COUNT, "one row per error");

const char *err_code(enum err err)
{
    return table[err < ERR_COUNT ? err : ERR_INTERNAL].code;
}

const char *err_sentence(enum err err)
{
    return table[err < ERR_COUNT ? err : ERR_INTERNAL].sentence;
}

int err_http_status(enum err err)
{
    return table[err < ERR_COUNT ? err : ERR_INTERNAL].status;
}

enum err fault_set(struct fault *fault, enum err code, const char *format, ...)
{
    if (fault) {
        fault->code = code;
        va_list args;
        va_start(args, format);
        vsnprintf(fault->text, sizeof fault->text, format, args);
        va_end(args);
    }
    return code;
}

void fault_prefix(struct fault *fault, const char *format, ...)
{
    if (!fault) {
        return;
    }
    char joined[2 * sizeof fault->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(joined, sizeof fault->text, format, args);
    va_end(args);
    size_t used = MIN((size_t)(n > 0 ? n : 0), sizeof fault->text - 1);
    memcpy(joined + used, fault->text, sizeof fault->text);
    joined[sizeof fault->text - 1] = '\0';
    memcpy(fault->text, joined, sizeof fault->text);
}
