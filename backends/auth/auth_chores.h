/*
 * auth_chores.h - what has to be done now and then: signing keys change, and
 * what has no effect any more is swept away.
 */
#ifndef AUTH_CHORES_H
#define AUTH_CHORES_H

#include "auth_refusals.h"

typedef struct auth_chores auth_chores_t;

/* Both must stay. Loop thread. NULL: no memory. */
auth_chores_t *auth_chores_start(wd_service_t        *service,
                                 const auth_pepper_t *pepper,
                                 auth_refusals_t *refusals, wd_ns_t rotate_ns);

/* Frees itself when what runs has ended. NULL is accepted. */
void auth_chores_stop(auth_chores_t *ch);

#endif /* AUTH_CHORES_H */
