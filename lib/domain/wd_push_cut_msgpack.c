/*
 * wd_push_cut_msgpack.c - maps one behind the other, or one array of maps.
 */
#include "wd_push_split_int.h"


/* An array that all records stand in, or none. */
static int
wd_push_maps_start(wd_push_split_t *s, wd_str_t *in)
{
    size_t  i, head;
    uint8_t b = (uint8_t) *in->data;

    s->state = WD_PUSH_CUT_RECORDS;
    if (b != 0xdc && b != 0xdd && (b & 0xf0) != 0x90) {
        return WD_OK;
    }
    head = b == 0xdc ? 3 : b == 0xdd ? 5 : 1;
    if (in->len < head) {
        s->state = WD_PUSH_CUT_START;
        return WD_EAGAIN;
    }
    s->left = head == 1 ? b & 0x0f : 0;
    for (i = 1; i < head; i++) {
        s->left = s->left << 8 | (uint8_t) in->data[i];
    }
    wd_push_step(in, head);
    s->array = true;
    if (s->left == 0) {
        s->state = WD_PUSH_CUT_DONE;
    }
    return WD_OK;
}


static int
wd_push_maps_next(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    int rc;

    if (s->state == WD_PUSH_CUT_START) {
        return wd_push_maps_start(s, in);
    }
    if (s->state == WD_PUSH_CUT_DONE) {
        return wd_push_split_damaged(s, *in, "something behind the end", err);
    }
    if (!s->mp_begun) {
        wd_mp_scan_init(&s->mp);
        s->mp_begun = true;
    }
    rc = wd_mp_scan(&s->mp, (const uint8_t *) in->data, in->len,
                    WD_PUSH_RECORD_MAX);
    if (rc == WD_EPROTO) {
        return wd_push_split_damaged(s, *in, "no MessagePack", err);
    }
    if (rc == WD_ETOOBIG) {
        return wd_push_split_damaged(s, *in, "longer than a record may be",
                                     err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    s->mp_begun = false;
    if (s->array && --s->left == 0) {
        s->state = WD_PUSH_CUT_DONE;
    }
    rc = wd_push_split_take(s, wd_str(in->data, s->mp.pos), err);
    wd_push_step(in, s->mp.pos);
    return rc;
}


int
wd_push_cut_msgpack(wd_push_split_t *s, wd_str_t *in, wd_error_t *err)
{
    int rc = WD_OK;

    while (in->len != 0 && rc == WD_OK) {
        rc = wd_push_maps_next(s, in, err);
    }
    return rc == WD_EAGAIN ? WD_OK : rc;
}
