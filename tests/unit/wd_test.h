/*
 * wd_test.h - what the unit tests share: cmocka, a temporary folder, seeded
 * random numbers, waiting with a deadline, a throw-away PostgreSQL.
 */
#ifndef WD_TEST_H
#define WD_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wd_buf.h"
#include "wd_err.h"
#include "wd_str.h"
#include "wd_time.h"

#define WD_TEST_SKIP 77 /* exit status of a test that cannot run here */
#define WD_TEST_WAIT_MS 20000 /* longest wait for an event */

#define assert_ok(rc) assert_int_equal(rc, WD_OK)

/* A view equals a literal. */
#define assert_view(view, z)                                                   \
    do {                                                                       \
        wd_str_t wd_view_ = (view);                                            \
        if (!wd_str_eq_z(wd_view_, z)) {                                       \
            fail_msg("\"%.*s\" is not \"%s\"", WD_STR_ARG(wd_view_), z);       \
        }                                                                      \
    } while (0)

#define assert_has(text, part)                                                 \
    do {                                                                       \
        if (strstr(text, part) == NULL) {                                      \
            fail_msg("\"%s\" does not contain \"%s\"", text, part);            \
        }                                                                      \
    } while (0)

/* An empty folder of this process, removed at exit. */
const char *wd_test_dir(void);

/* A path in it; the result stays until exit. */
const char *wd_test_path(const char *name);

void wd_test_write(const char *path, wd_str_t bytes);
void wd_test_read(const char *path, wd_buf_t *out);

/* From WD_TEST_SEED, else always the same. */
uint64_t wd_test_random(void);
uint64_t wd_test_below(uint64_t n);

/* Asks until `fn` says true; false after WD_TEST_WAIT_MS. */
bool wd_test_until(bool (*fn)(void *arg), void *arg);

/* Well-formed JSON text (RFC 8259), one value and nothing else. */
bool wd_test_json_valid(wd_str_t text);

/*
 * A PostgreSQL server in the temporary folder, with the schema when `schema`.
 * NULL: the reason why there is none was printed; exit with WD_TEST_SKIP.
 */
typedef struct wd_test_pg wd_test_pg_t;

wd_test_pg_t *wd_test_pg_create(bool schema);
void          wd_test_pg_destroy(wd_test_pg_t *pg);
const char   *wd_test_pg_url(const wd_test_pg_t *pg);
void          wd_test_pg_kill(wd_test_pg_t *pg); /* as in a crash */
void          wd_test_pg_start(wd_test_pg_t *pg);
void          wd_test_pg_signal(wd_test_pg_t *pg, int sig); /* all processes */

#endif /* WD_TEST_H */
