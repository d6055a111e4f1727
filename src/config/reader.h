/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside config/: a YAML tree into structs, by tables.
 *
 * A mapping is described by an array of struct field: key, the function that
 * reads its value, where the value goes, and its bounds. reader_map() walks a
 * mapping with such a table and reports whatever does not fit, with line and
 * allowed values, and goes on: all mistakes are found in one reading. A value
 * that is `null` leaves the default in place.
 *
 * Names in messages are paths: `backends[1].timeout.connect_ms`.
 */
#ifndef WEIR_CONFIG_READER_H
#define WEIR_CONFIG_READER_H

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

#include <yaml.h>

#define STRING_BYTES_MAX 4096
#define LIST_LEN_MAX 1024

struct reader {
    yaml_document_t *doc;
    const char *file;    /* as the user wrote it, for messages */
    const char *folder;  /* relative paths count from here */
    struct arena *arena; /* everything that stays */
    struct text *errors;
    int mistakes;
    int visits; /* values read: an alias that is used again counts again */
    int depth;
};

/* A value and its name. */
struct value {
    yaml_node_t *node;
    const char *path;
};

struct field;
typedef void read_fn(struct reader *r, struct value v, const struct field *f, void *base);

struct field {
    const char *key;
    read_fn *read;
    size_t offset;             /* from `base` to where the value goes */
    double min, max;           /* numbers */
    const char *const *words;  /* read_word, read_word_index: NULL-terminated */
    const struct field *inner; /* read_map: its table, ended by a NULL key; same `base` */
    const char *hint;          /* for messages, where the reader has no better words */
};

/* ---- reporting ---- */
int value_line(struct value v);
void reader_wrong_at(struct reader *r, int line, const char *format, ...) PRINTF_LIKE(3, 4);
void reader_wrong(struct reader *r, struct value v, const char *format, ...)
    PRINTF_LIKE(3, 4); /* "path: …" */
void reader_warn_at(struct reader *r, int line, const char *format, ...) PRINTF_LIKE(3, 4);
/* `word` made printable and short, for a message; in the arena. */
const char *reader_shown(struct reader *r, struct span word);
/* " (did you mean `x`?)" or "". */
const char *reader_near(struct reader *r, struct span word, const char *const *words);

/* ---- looking ---- */
bool value_is_null(struct value v);
bool value_is_map(struct value v);
bool value_is_list(struct value v);
struct span value_scalar(struct value v); /* SPAN_NONE when it is none */
size_t value_len(struct value v);         /* of a list */
struct value value_at(struct reader *r, struct value list, size_t index);
/* False when this would be one value too many (alias bombs, cycles); said once. */
bool reader_visit(struct reader *r, struct value v);
/* A string of 1..STRING_BYTES_MAX bytes without control characters; NULL and a report otherwise. */
const char *reader_string(struct reader *r, struct value v);
const char *reader_resolve(struct reader *r, const char *path); /* against the folder */
bool reader_number(struct value v, double min, double max, double *out);
bool reader_whole(struct value v, double min, double max, int64_t *out);

/* ---- tables ---- */
void reader_map(struct reader *r, struct value v, const struct field *table, void *base);
/* Every list is NULL-terminated. A single string counts as a list of one. */
const char *const *reader_list(struct reader *r, struct value v, bool (*fits)(struct span item),
                               const char *hint);

read_fn read_map;        /* nested mapping */
read_fn read_text;       /* const char * */
read_fn read_path;       /* const char *, absolute */
read_fn read_int;        /* int */
read_fn read_u32;        /* uint32_t */
read_fn read_i64;        /* int64_t */
read_fn read_double;     /* double */
read_fn read_bool;       /* bool */
read_fn read_flag;       /* int: 0 or 1, for fields where -1 is "not given" */
read_fn read_usd;        /* int64_t, nano-dollars */
read_fn read_word;       /* const char *, one of words */
read_fn read_word_index; /* int or an enum: which of words */
read_fn read_texts;      /* const char *const * */

#endif
