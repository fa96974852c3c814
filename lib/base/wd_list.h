/*
 * wd_list.h - intrusive doubly linked list; the head is a node too.
 */
#ifndef WD_LIST_H
#define WD_LIST_H

#include "wd_base.h"

typedef struct wd_list {
    struct wd_list *prev;
    struct wd_list *next;
} wd_list_t;

#define wd_list_entry(node, type, member) wd_container_of(node, type, member)


static inline void
wd_list_init(wd_list_t *l)
{
    l->prev = l->next = l;
}


static inline bool
wd_list_empty(const wd_list_t *l)
{
    return l->next == l;
}


static inline void
wd_list_push_back(wd_list_t *head, wd_list_t *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}


static inline void
wd_list_push_front(wd_list_t *head, wd_list_t *node)
{
    wd_list_push_back(head->next, node);
}


/* A removed node is its own list, so removing twice is harmless. */
static inline void
wd_list_remove(wd_list_t *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    wd_list_init(node);
}

#endif /* WD_LIST_H */
