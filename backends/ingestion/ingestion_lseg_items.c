/*
 * ingestion_lseg_items.c - what is subscribed on a streaming connection of
 * LSEG: which items are asked for, open, suspect, closed, and when they are
 * asked for again.
 */
#include "ingestion_lseg_session_int.h"

#include "wd_json.h"

#include <stdlib.h>


/* ---- states ------------------------------------------------------------------ */

static void
lseg_item_to(ingestion_lseg_session_t *s, lseg_item_t *item, lseg_item_e state)
{
    s->n[item->state]--;
    wd_list_remove(&item->link);
    item->state = state;
    s->n[state]++;
    wd_list_push_back(&s->lists[state], &item->link);
}


/* Half of it for certain, the rest by chance. */
static wd_ns_t
lseg_jitter(ingestion_lseg_session_t *s, wd_ns_t ns)
{
    s->random = s->random * UINT64_C(6364136223846793005)
                + UINT64_C(1442695040888963407);
    return ns / 2 + (wd_ns_t) ((s->random >> 33) % (uint64_t) (ns / 2 + 1));
}


static wd_ns_t
lseg_backoff(ingestion_lseg_session_t *s, uint32_t attempts)
{
    uint64_t ms = s->conf.retry_ms;

    ms <<= wd_min(attempts, 20u);
    ms = wd_min(ms, (uint64_t) s->conf.retry_max_ms);
    return lseg_jitter(s, (wd_ns_t) ms * WD_NS_PER_MS);
}


static wd_str_t
lseg_id_key(const int64_t *id)
{
    return wd_str((const char *) id, sizeof(*id));
}


lseg_item_t *
lseg_item_of(const ingestion_lseg_session_t *s, int64_t id)
{
    return wd_map_get(s->by_id, lseg_id_key(&id));
}


static void
lseg_item_forget_id(ingestion_lseg_session_t *s, lseg_item_t *item)
{
    if (item->id != 0) {
        wd_map_del(s->by_id, lseg_id_key(&item->id));
        item->id = 0;
    }
}


static void
lseg_item_later(ingestion_lseg_session_t *s, lseg_item_t *item, wd_ns_t now)
{
    lseg_item_forget_id(s, item);
    item->due = now + lseg_backoff(s, item->attempts++);
    lseg_item_to(s, item, LSEG_ITEM_LATER);
}


static void
lseg_item_close(ingestion_lseg_session_t *s, lseg_item_t *item, wd_ns_t now)
{
    lseg_item_forget_id(s, item);
    item->due = now
                + lseg_jitter(s, (wd_ns_t) s->conf.closed_ms * WD_NS_PER_MS);
    lseg_item_to(s, item, LSEG_ITEM_CLOSED);
}


static void
lseg_item_trouble(lseg_item_t *item, wd_answer_e class, const char *text)
{
    item->class = class;
    wd_str_copy(item->text, sizeof(item->text), wd_str_z(text));
}


void
lseg_item_refused(ingestion_lseg_session_t *s, lseg_item_t *item,
                  const wd_lseg_event_t *event, wd_ns_t now)
{
    lseg_item_trouble(item, WD_ANSWER_BAD_REQUEST, event->text);
    lseg_item_close(s, item, now);
}


/*
 * Open without an image is an item whose source is away: its refresh follows
 * some time, and nothing is late.
 */
void
lseg_item_applied(ingestion_lseg_session_t *s, lseg_item_t *item,
                  const wd_lseg_event_t *event, wd_lseg_next_e next,
                  wd_ns_t now)
{
    if (next != WD_LSEG_KEEP) {
        lseg_item_trouble(item, event->class, event->text);
    }
    switch (next) {
    case WD_LSEG_ASK_AGAIN:
        lseg_item_later(s, item, now);
        return;
    case WD_LSEG_GIVE_UP:
        lseg_item_close(s, item, now);
        return;
    case WD_LSEG_KEEP:
        break;
    }
    if (!item->image.open) {
        return;
    }
    if (item->image.stale) {
        lseg_item_to(s, item, LSEG_ITEM_SUSPECT);
    } else if (item->image.complete) {
        item->attempts = 0;
        lseg_item_to(s, item, LSEG_ITEM_OPEN);
    } else { /* more parts follow */
        item->due = now + (wd_ns_t) s->conf.answer_ms * WD_NS_PER_MS;
    }
}


bool
lseg_batch_refused(ingestion_lseg_session_t *s, int64_t id, wd_ns_t now)
{
    bool         found = false;
    wd_list_t   *l, *next;
    lseg_item_t *item;

    for (l = s->lists[LSEG_ITEM_ASKED].next; l != &s->lists[LSEG_ITEM_ASKED];
         l = next) {
        next = l->next;
        item = wd_list_entry(l, lseg_item_t, link);
        if (item->batch == id) {
            found = true;
            lseg_item_later(s, item, now);
        }
    }
    s->singly |= found;
    return found;
}


/* ---- what is wanted ------------------------------------------------------------ */

int
lseg_items_init(ingestion_lseg_session_t *s)
{
    size_t i;

    for (i = 0; i < LSEG_ITEM_STATES; i++) {
        wd_list_init(&s->lists[i]);
    }
    wd_buf_init(&s->leaving, 0);
    s->next_id = LSEG_LOGIN_ID + 1;
    s->by_ric = wd_map_create();
    s->by_id = wd_map_create();
    return s->by_ric != NULL && s->by_id != NULL ? WD_OK : WD_ENOMEM;
}


void
lseg_items_done(ingestion_lseg_session_t *s)
{
    size_t   pos = 0;
    void    *item;
    wd_str_t ric;

    while (s->by_ric != NULL && wd_map_next(s->by_ric, &pos, &ric, &item)) {
        free(item);
    }
    wd_map_destroy(s->by_ric);
    wd_map_destroy(s->by_id);
    wd_buf_done(&s->leaving);
}


/* What is closed waits for its time, whichever connection there is then. */
void
lseg_items_lost(ingestion_lseg_session_t *s)
{
    size_t       pos = 0;
    void        *v;
    wd_str_t     ric;
    lseg_item_t *item;

    while (wd_map_next(s->by_ric, &pos, &ric, &v)) {
        item = v;
        lseg_item_forget_id(s, item);
        item->image.stale = true;
        item->image.open = false;
        item->attempts = 0;
        if (item->state != LSEG_ITEM_CLOSED) {
            lseg_item_to(s, item, LSEG_ITEM_READY);
        }
    }
    wd_buf_reset(&s->leaving);
    s->next_id = LSEG_LOGIN_ID + 1;
    s->singly = false;
}


/* May it be a RIC: something to see, and nothing else. */
static bool
lseg_ric_ok(wd_str_t ric)
{
    size_t i;

    for (i = 0; i < ric.len; i++) {
        if (ric.data[i] <= ' ' || ric.data[i] >= 0x7f) {
            return false;
        }
    }
    return ric.len != 0 && ric.len <= WD_RECORD_SYMBOL_MAX;
}


static int
lseg_item_want(ingestion_lseg_session_t *s, wd_str_t ric)
{
    void        *old = NULL;
    lseg_item_t *item = wd_map_get(s->by_ric, ric);

    if (item != NULL) {
        item->wanted = true;
        return WD_OK;
    }
    item = calloc(1, sizeof(*item));
    if (item == NULL || wd_map_set(s->by_ric, ric, item, &old) != WD_OK) {
        free(item);
        return WD_ENOMEM;
    }
    wd_lseg_image_init(&item->image, ric);
    item->wanted = true;
    item->state = LSEG_ITEM_READY;
    s->n[LSEG_ITEM_READY]++;
    wd_list_push_back(&s->lists[LSEG_ITEM_READY], &item->link);
    return WD_OK;
}


static void
lseg_item_drop(ingestion_lseg_session_t *s, lseg_item_t *item)
{
    if (item->id != 0) {
        wd_buf_append(&s->leaving, &item->id, sizeof(item->id));
    }
    lseg_item_forget_id(s, item);
    s->n[item->state]--;
    wd_list_remove(&item->link);
    wd_map_del(s->by_ric, wd_str_z(item->image.symbol));
    free(item);
}


static void
lseg_items_drop_unwanted(ingestion_lseg_session_t *s)
{
    size_t       i;
    wd_list_t   *l, *next;
    lseg_item_t *item;

    for (i = 0; i < LSEG_ITEM_STATES; i++) {
        for (l = s->lists[i].next; l != &s->lists[i]; l = next) {
            next = l->next;
            item = wd_list_entry(l, lseg_item_t, link);
            if (!item->wanted) {
                lseg_item_drop(s, item);
            }
        }
    }
}


int
ingestion_lseg_session_rics(ingestion_lseg_session_t *s, const wd_str_t *rics,
                            size_t n, size_t *ret_bad)
{
    int      rc;
    size_t   i, pos = 0;
    void    *item;
    wd_str_t ric;

    *ret_bad = 0;
    if (n > INGESTION_LSEG_RICS_MAX) {
        return WD_ETOOBIG;
    }
    while (wd_map_next(s->by_ric, &pos, &ric, &item)) {
        ((lseg_item_t *) item)->wanted = false;
    }
    for (i = 0; i < n; i++) {
        if (!lseg_ric_ok(rics[i])) {
            ++*ret_bad;
            continue;
        }
        rc = lseg_item_want(s, rics[i]);
        if (rc != WD_OK) {
            return rc;
        }
    }
    lseg_items_drop_unwanted(s);
    return WD_OK;
}


/* ---- time ---------------------------------------------------------------------- */

static void
lseg_items_wake(ingestion_lseg_session_t *s, lseg_item_e state, wd_ns_t now)
{
    wd_list_t   *l, *next;
    lseg_item_t *item;

    for (l = s->lists[state].next; l != &s->lists[state]; l = next) {
        next = l->next;
        item = wd_list_entry(l, lseg_item_t, link);
        if (now >= item->due) {
            lseg_item_to(s, item, LSEG_ITEM_READY);
        }
    }
}


/* The stream is closed, so that a late answer is no second one. */
static void
lseg_items_late(ingestion_lseg_session_t *s, wd_ns_t now)
{
    wd_list_t   *l, *next;
    lseg_item_t *item;

    for (l = s->lists[LSEG_ITEM_ASKED].next; l != &s->lists[LSEG_ITEM_ASKED];
         l = next) {
        next = l->next;
        item = wd_list_entry(l, lseg_item_t, link);
        if (now >= item->due) {
            wd_buf_append(&s->leaving, &item->id, sizeof(item->id));
            lseg_item_trouble(item, WD_ANSWER_UPSTREAM, "no answer");
            lseg_item_later(s, item, now);
        }
    }
}


void
lseg_items_tick(ingestion_lseg_session_t *s, wd_ns_t now)
{
    lseg_items_wake(s, LSEG_ITEM_LATER, now);
    lseg_items_wake(s, LSEG_ITEM_CLOSED, now);
    lseg_items_late(s, now);
}


/* ---- what is said ---------------------------------------------------------------- */

static void
lseg_write_close(wd_buf_t *out, int64_t id)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "ID");
    wd_json_int(&j, id);
    wd_json_key(&j, "Type");
    wd_json_z(&j, "Close");
    wd_json_end(&j);
}


static bool
lseg_take_close(ingestion_lseg_session_t *s, wd_buf_t *out)
{
    int64_t id;

    if (s->leaving.len < sizeof(id)) {
        return false;
    }
    s->leaving.len -= sizeof(id);
    memcpy(&id, s->leaving.data + s->leaving.len, sizeof(id));
    lseg_write_close(out, id);
    return true;
}


/* WD_ENOMEM: it stays where it is. */
static int
lseg_item_ask(ingestion_lseg_session_t *s, lseg_item_t *item, int64_t batch,
              wd_ns_t now)
{
    void *old = NULL;

    if (wd_map_set(s->by_id, lseg_id_key(&s->next_id), item, &old) != WD_OK) {
        return WD_ENOMEM;
    }
    item->id = s->next_id++;
    item->batch = batch;
    item->object = 0;
    item->due = now + (wd_ns_t) s->conf.answer_ms * WD_NS_PER_MS;
    lseg_item_to(s, item, LSEG_ITEM_ASKED);
    return WD_OK;
}


static void
lseg_request_end(const ingestion_lseg_session_t *s, wd_json_t *j)
{
    if (s->conf.service != NULL && s->conf.service[0] != '\0') {
        wd_json_key(j, "Service");
        wd_json_z(j, s->conf.service);
    }
    wd_json_end(j);
    wd_json_end(j);
}


/* Items of a batch have the numbers behind its own, in their order. */
static bool
lseg_take_request(ingestion_lseg_session_t *s, wd_ns_t now, wd_buf_t *out)
{
    size_t       i, n, before = out->len;
    int64_t      batch = 0;
    wd_json_t    j;
    lseg_item_t *item;

    n = s->conf.window - wd_min((size_t) s->conf.window, s->n[LSEG_ITEM_ASKED]);
    n = wd_min(n, s->n[LSEG_ITEM_READY]);
    n = wd_min(n, s->singly ? (size_t) 1 : (size_t) s->conf.batch);
    if (n == 0) {
        return false;
    }

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "ID");
    wd_json_int(&j, s->next_id);
    wd_json_key(&j, "Key");
    wd_json_obj(&j);
    wd_json_key(&j, "Name");
    if (n > 1) {
        batch = s->next_id++;
        wd_json_arr(&j);
    }
    for (i = 0; i < n; i++) {
        item = wd_list_entry(s->lists[LSEG_ITEM_READY].next, lseg_item_t, link);
        if (lseg_item_ask(s, item, batch, now) != WD_OK) {
            break;
        }
        wd_json_z(&j, item->image.symbol);
    }
    if (n > 1) {
        wd_json_end(&j);
    }
    lseg_request_end(s, &j);
    if (i == 0) {
        out->len = before; /* no memory: again with the next tick */
    }
    return i != 0;
}


bool
lseg_items_take(ingestion_lseg_session_t *s, wd_ns_t now, wd_buf_t *out)
{
    return lseg_take_close(s, out) || lseg_take_request(s, now, out);
}
