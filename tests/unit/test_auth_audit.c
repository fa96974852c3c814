/*
 * The audit trail's chain: whatever is removed, changed or moved is found.
 */
#include "auth_audit.h"
#include "wd_test.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS 12

static uint8_t           key[AUTH_SECRET_LEN] = "not so secret";
static auth_event_t      events[EVENTS];
static uint8_t           hashes[EVENTS][AUTH_HASH_LEN];
static char              subjects[EVENTS][16];
static auth_event_head_t head;


static wd_str_t
hash_of(size_t i)
{
    return wd_str((const char *) hashes[i], AUTH_HASH_LEN);
}


static int
setup(void **state)
{
    size_t i;

    (void) state;
    for (i = 0; i < EVENTS; i++) {
        snprintf(subjects[i], sizeof(subjects[i]), "user:%zu", i);
        events[i] = (auth_event_t){
            .seq = (int64_t) i + 1,
            .at_us = 1700000000000000 + (int64_t) i,
            .org_id = (int64_t) (i % 3),
            .actor = WD_STR("operator"),
            .via = WD_STR(""),
            .action = WD_STR("users.create"),
            .subject = wd_str_z(subjects[i]),
            .outcome = WD_STR("done"),
            .reason = WD_STR(""),
            .request = WD_STR("r"),
            .address = WD_STR("192.0.2.1"),
            .detail = WD_STR("{}"),
        };
        assert_ok(auth_event_hash(key, i == 0 ? WD_STR("") : hash_of(i - 1),
                                  &events[i], hashes[i]));
        events[i].hash = hash_of(i);
    }
    head = (auth_event_head_t){
        .seq = EVENTS, .hash_len = AUTH_HASH_LEN, .seal_len = AUTH_HASH_LEN};
    memcpy(head.hash, hashes[EVENTS - 1], AUTH_HASH_LEN);
    assert_ok(auth_event_seal(key, EVENTS, hash_of(EVENTS - 1), head.seal));
    return 0;
}


/* What is found wrong with these, and behind which event. */
static const char *
walk(const auth_event_t *v, size_t n, const auth_event_head_t *h,
     int64_t *ret_after)
{
    size_t       i;
    auth_trail_t t = {0};

    memcpy(t.key, key, sizeof(key));
    for (i = 0; i < n; i++) {
        assert_ok(auth_trail_step(&t, &v[i]));
    }
    assert_ok(auth_trail_end(&t, h));
    *ret_after = t.seq;
    return t.wrong;
}


static void
a_whole_trail_is_fine(void **state)
{
    int64_t                 after;
    const auth_event_head_t empty = {0};

    (void) state;
    assert_null(walk(events, EVENTS, &head, &after));
    assert_int_equal(after, EVENTS);

    /* a trail has a first event */
    assert_non_null(walk(NULL, 0, &empty, &after));
}


/* Every field of every event. */
static void
changes_are_found(void **state)
{
    size_t       i, k;
    int64_t      after;
    auth_event_t v[EVENTS];

    (void) state;
    for (i = 0; i < EVENTS; i++) {
        for (k = 0; k < 12; k++) {
            wd_str_t *fields[] = {&v[i].actor,   &v[i].via,     &v[i].action,
                                  &v[i].subject, &v[i].outcome, &v[i].reason,
                                  &v[i].request, &v[i].address, &v[i].detail};

            memcpy(v, events, sizeof(v));
            if (k < wd_array_len(fields)) {
                *fields[k] = WD_STR("x");
            } else if (k == 9) {
                v[i].at_us++;
            } else if (k == 10) {
                v[i].org_id = 77;
            } else {
                v[i].hash = WD_STR("");
            }
            assert_non_null(walk(v, EVENTS, &head, &after));
            assert_int_equal(after, i);
        }
    }
}


static void
gaps_and_moves_are_found(void **state)
{
    size_t       i, k;
    int64_t      after;
    auth_event_t v[EVENTS];

    (void) state;
    for (i = 0; i < EVENTS; i++) {
        memcpy(v, events, sizeof(v)); /* removed */
        memmove(&v[i], &v[i + 1], (EVENTS - i - 1) * sizeof(v[0]));
        assert_non_null(walk(v, EVENTS - 1, &head, &after));

        memcpy(v, events, sizeof(v)); /* removed and renumbered */
        memmove(&v[i], &v[i + 1], (EVENTS - i - 1) * sizeof(v[0]));
        for (k = 0; k < EVENTS - 1; k++) {
            v[k].seq = (int64_t) k + 1;
        }
        assert_non_null(walk(v, EVENTS - 1, &head, &after));

        for (k = i + 1; k < EVENTS; k++) { /* exchanged, with their numbers */
            memcpy(v, events, sizeof(v));
            v[i] = events[k];
            v[k] = events[i];
            v[i].seq = (int64_t) i + 1;
            v[k].seq = (int64_t) k + 1;
            assert_non_null(walk(v, EVENTS, &head, &after));
        }
    }
}


/* The end is cut off, and the head made to fit by somebody without the key. */
static void
a_cut_end_is_found(void **state)
{
    size_t            n;
    int64_t           after;
    auth_event_head_t h;

    (void) state;
    for (n = 0; n < EVENTS; n++) {
        assert_non_null(walk(events, n, &head, &after));

        h = head;
        h.seq = (int64_t) n;
        if (n != 0) {
            memcpy(h.hash, hashes[n - 1], AUTH_HASH_LEN);
        }
        assert_non_null(walk(events, n, &h, &after));
        h.seal_len = 0;
        h.hash_len = 0;
        assert_non_null(walk(events, n, &h, &after));
    }
}


/* With another key there is another chain. */
static void
the_key_is_needed(void **state)
{
    uint8_t hash[AUTH_HASH_LEN], other[AUTH_SECRET_LEN] = "not so secret?";

    (void) state;
    assert_ok(auth_event_hash(other, WD_STR(""), &events[0], hash));
    assert_memory_not_equal(hash, hashes[0], sizeof(hash));
    assert_ok(auth_event_seal(other, EVENTS, hash_of(EVENTS - 1), hash));
    assert_memory_not_equal(hash, head.seal, sizeof(hash));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_trail_is_fine),
        cmocka_unit_test(changes_are_found),
        cmocka_unit_test(gaps_and_moves_are_found),
        cmocka_unit_test(a_cut_end_is_found),
        cmocka_unit_test(the_key_is_needed),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
