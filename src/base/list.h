/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Doubly linked list whose links live inside the members. A `struct link` is
 * either in no list (zeroed, or pointing at itself) or in exactly one; the head
 * is a link of its own. Removing a link that is in no list does nothing.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include "base/base.h"

struct link {
    struct link *next, *prev;
};

static inline void list_init(struct link *head)
{
    head->next = head->prev = head;
}
static inline bool list_empty(const struct link *head)
{
    return head->next == NULL || head->next == head;
}
static inline void list_append(struct link *head, struct link *l)
{
    l->prev = head->prev;
    l->next = head;
    head->prev->next = l;
    head->prev = l;
}
static inline void list_remove(struct link *l)
{
    if (l->next) {
        l->prev->next = l->next;
        l->next->prev = l->prev;
        l->next = l->prev = NULL;
    }
}
/* The body may remove `it`, and nothing else. */
#define LIST_EACH(it, head)                                                                        \
    for (struct link *it = (head)->next, *it##_next = it->next; it != (head);                      \
         it = it##_next, it##_next = it->next)

#endif
