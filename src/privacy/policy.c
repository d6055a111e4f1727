/* SPDX-License-Identifier: Apache-2.0 */
#include "privacy/policy.h"

#include "core/personal.h"
#include "privacy/names.h"
#include "regex/regex.h"

#include <pthread.h>

#define CUSTOM_MAX 64
#define NAMES_MAX 128 /* of custom types, over all configs of a process's life */
#define TYPE_NAME_MAX 48

struct custom {
    const char *type;
    struct regex *regex;
};

struct privacy_policy {
    uint64_t serial;
    bool types_default, types_all;
    bool names;                                            /* there is use in looking for them */
    const char **types, **never_leave, **watched, **allow; /* NULL-terminated, owned; NULL = none */
    struct custom custom[CUSTOM_MAX];
    int custom_count;
};

/* ---- names ---- */

/* Findings and receipts point at type names and may outlive the policy: custom names stay for ever. */
static const char *lasting_name(const char *name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static char names[NAMES_MAX][TYPE_NAME_MAX];
    static int count;
    const char *found = NULL;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < count && !found; i++) {
        found = strcmp(names[i], name) == 0 ? names[i] : NULL;
    }
    size_t len = strlen(name);
    if (!found && count < NAMES_MAX && len < TYPE_NAME_MAX) {
        memcpy(names[count], name, len + 1);
        found = names[count++];
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static bool is_type_name(const char *name)
{
    bool fine = name[0] >= 'A' && name[0] <= 'Z';
    for (const char *c = name; *c; c++) {
        fine &= (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') || *c == '_';
    }
    size_t len = strlen(name);
    return fine && len >= 2 && len < TYPE_NAME_MAX &&
           (name[len - 1] < '0' || name[len - 1] > '9') &&
           name[len - 1] != '_'; /* else <TYPE_1_1> could be read in two ways */
}

static bool listed(const char *const *list, struct span name)
{
    for (const char *const *l = list; l && *l; l++) {
        if (span_is(name, *l)) {
            return true;
        }
    }
    return false;
}

/* Owned; Presidio's names for our types become ours. */
static const char **copy_list(const char *const *list)
{
    size_t n = 0;
    while (list && list[n]) {
        n++;
    }
    const char **copy = NEW_ARRAY(const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *ours = personal_type_name(span_c(list[i]));
        struct span name = span_c(ours ? ours : list[i]);
        char *own = mem_new(name.len + 1);
        memcpy(own, name.data, name.len);
        copy[i] = own;
    }
    return copy;
}

static void free_list(const char **list)
{
    for (const char **l = list; l && *l; l++) {
        mem_free((void *)(uintptr_t)*l);
    }
    mem_free(list);
}

/* ---- making ---- */

static enum err check_names(const struct privacy_policy_options *o, const char *const *names,
                            const char *key, struct fault *fault)
{
    for (const char *const *n = names; n && *n; n++) {
        if (!personal_type_name(span_c(*n)) && !listed(o->custom_types, span_c(*n))) {
            return fault_set(
                fault, ERR_INVALID,
                "privacy: %s: nothing detects a type `%.60s`; docs/internals/privacy.md lists "
                "the types, `custom` adds others",
                key, *n);
        }
    }
    return OK;
}

static enum err add_custom(struct privacy_policy *p, const char *type, const char *pattern,
                           struct fault *fault)
{
    if (p->custom_count == CUSTOM_MAX) {
        return fault_set(fault, ERR_INVALID, "privacy: custom: at most %d patterns", CUSTOM_MAX);
    }
    if (!is_type_name(type)) {
        return fault_set(
            fault, ERR_INVALID,
            "privacy: custom: `%.60s` is no type name: capitals, digits and _, not ending in a digit",
            type);
    }
    struct custom c = {.type = lasting_name(type)};
    if (!c.type) {
        return fault_set(fault, ERR_INVALID, "privacy: custom: more than %d different type names",
                         NAMES_MAX);
    }
    enum err err = regex_new(pattern, 0, &c.regex, fault);
    if (err != OK) {
        fault_prefix(fault, "privacy: custom %s: ", type);
        return err;
    }
    p->custom[p->custom_count++] = c;
    return OK;
}

static bool wants_type(const struct privacy_policy *p, const char *type)
{
    return policy_replaces(p, type) || policy_never_leaves(p, type) ||
           (p && listed(p->watched, span_c(type)));
}

/* Is there any use in looking for names? */
static bool wants_names(const struct privacy_policy *p)
{
    static const enum personal_type names[] = {TYPE_PERSON, TYPE_LOCATION, TYPE_ORGANIZATION,
                                               TYPE_WELL_KNOWN_PERSON};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (wants_type(p, personal_types[names[i]])) {
            return true;
        }
    }
    return false;
}

enum err privacy_policy_new(const struct privacy_policy_options *o, struct privacy_policy **out,
                            struct fault *fault)
{
    enum err err = check_names(o, o->never_leave, "never_leave", fault);
    err = err ? err : check_names(o, o->types, "types", fault);
    if (err != OK) {
        return err;
    }
    static _Atomic uint64_t serials;
    struct privacy_policy *p = NEW(struct privacy_policy);
    p->serial = ++serials;
    p->types_default = o->types_default || !o->types;
    p->types_all = o->types_all;
    p->types = copy_list(o->types);
    p->never_leave = copy_list(o->never_leave);
    p->watched = copy_list(o->watched);
    p->allow = copy_list(o->allow);
    for (int i = 0; err == OK && o->custom_types && o->custom_types[i] && o->custom_patterns[i];
         i++) {
        err = add_custom(p, o->custom_types[i], o->custom_patterns[i], fault);
    }
    p->names = wants_names(p);
    if (err != OK) {
        privacy_policy_free(p);
        return err;
    }
    *out = p;
    return OK;
}

void privacy_policy_free(struct privacy_policy *p)
{
    if (p) {
        for (int i = 0; i < p->custom_count; i++) {
            regex_free(p->custom[i].regex);
        }
        free_list(p->types);
        free_list(p->never_leave);
        free_list(p->watched);
        free_list(p->allow);
        mem_free(p);
    }
}

/* ---- asking ---- */

uint64_t policy_serial(const struct privacy_policy *p)
{
    return p ? p->serial : 0;
}

bool policy_never_leaves(const struct privacy_policy *p, const char *type)
{
    return p && listed(p->never_leave, span_c(type));
}

static bool is_custom(const struct privacy_policy *p, const char *type)
{
    for (int i = 0; i < p->custom_count; i++) {
        if (p->custom[i].type == type) {
            return true;
        }
    }
    return false;
}

/* Who writes a pattern wants it replaced, whatever the list says. */
bool policy_replaces(const struct privacy_policy *p, const char *type)
{
    if (!p || (p->types_default && !p->types_all)) {
        return personal_type_replaced(type);
    }
    return p->types_all || listed(p->types, span_c(type)) || is_custom(p, type);
}

static bool allowed(const struct privacy_policy *p, struct span value)
{
    for (const char **a = p ? p->allow : NULL; a && *a; a++) {
        if (span_eq_nocase(value, span_c(*a))) {
            return true;
        }
    }
    return false;
}

static bool scan_custom(const struct privacy_policy *p, struct span text, struct findings *out)
{
    for (int i = 0; i < p->custom_count; i++) {
        size_t at = 0;
        size_t start;
        size_t end;
        enum regex_result found = REGEX_NO_MATCH;
        while (at <= text.len && !out->overflow &&
               (found = regex_search(p->custom[i].regex, text, at, &start, &end)) == REGEX_MATCH) {
            if (end > start) {
                findings_add(out, p->custom[i].type, start, end, 1);
            }
            at = end > start ? end : end + 1;
        }
        if (found == REGEX_GAVE_UP) {
            return false;
        }
    }
    return true;
}

/* `types` may leave findings alone that the detector made; allowed values are none. */
static void drop_unwanted(const struct privacy_policy *p, struct span text, struct findings *f)
{
    int kept = 0;
    for (int i = 0; i < f->count; i++) {
        const struct finding *at = &f->items[i];
        bool wanted = wants_type(p, at->type);
        if (wanted && !allowed(p, span_of(text.data + at->start, at->end - at->start))) {
            f->items[kept++] = *at;
        }
    }
    f->count = kept;
}

bool policy_scan(const struct privacy_policy *p, struct span text, struct span near,
                 struct names_memory *names, struct findings *out)
{
    detect_text(text, near, out);
    if (!p || p->names) {
        names_scan(text, near, names, out);
    }
    bool scanned = !p || scan_custom(p, text, out);
    drop_unwanted(p, text, out);
    findings_settle(out);
    return scanned && !out->overflow;
}

int privacy_scan(const struct privacy_policy *policy, struct span text, struct finding *out,
                 int max)
{
    struct findings f;
    findings_init(&f, SCAN_FINDINGS_MAX);
    bool whole = policy_scan(policy, text, SPAN_NONE, NULL, &f);
    (void)whole; /* whoever must be sure asks privacy_redact_text() */
    int n = MIN(f.count, max);
    if (n > 0) {
        memcpy(out, f.items, sizeof *out * (size_t)n);
    }
    findings_done(&f);
    return n;
}
