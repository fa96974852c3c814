/*
 * wd_gds_parse.c - the frame of a GDS answer, and which entry answers which
 * item.
 */
#include "wd_gds_parse.h"

#include "wd_gds_answer.h"
#include "wd_gds_entry.h"

typedef struct {
    wd_json_scan_t       s;
    const char          *body;
    wd_records_t        *r;
    const wd_gds_item_t *items;
    size_t               n_items;
    size_t               n_entries;
    size_t               n_damages; /* then entries may be missing before */
    bool                *answered; /* of each item */
    wd_str_t             nameless; /* an entry was nothing but this error */
    bool                 something; /* rows, an error or a damage */
    bool                 list_seen;
    bool                 notice_seen;
} wd_gds_parse_t;


/* One or two digits, or four; moves *s behind them. */
static bool
wd_gds_digits(wd_str_t *s, size_t most, int *ret)
{
    size_t i;

    *ret = 0;
    for (i = 0;
         i < most && i < s->len && s->data[i] >= '0' && s->data[i] <= '9';
         i++) {
        *ret = *ret * 10 + (s->data[i] - '0');
    }
    s->data += i;
    s->len -= i;
    return i == most || (most == 2 && i == 1);
}


static bool
wd_gds_slash(wd_str_t *s)
{
    if (s->len == 0 || s->data[0] != '/') {
        return false;
    }
    s->data++;
    s->len--;
    return true;
}


bool
wd_gds_date(wd_str_t s, wd_ns_t *ret)
{
    wd_civil_t c = {0};

    return wd_gds_digits(&s, 2, &c.month) && wd_gds_slash(&s)
           && wd_gds_digits(&s, 2, &c.day) && wd_gds_slash(&s)
           && wd_gds_digits(&s, 4, &c.year) && s.len == 0 && wd_civil_valid(&c)
           && wd_time_from_civil(&c, ret) == WD_OK;
}


static wd_str_t
wd_gds_redacted(wd_str_t text, char *out, size_t cap)
{
    wd_answer_redact(text, out, cap);
    return wd_str_z(out);
}


/* Without a sample: what was cut may be a text that holds a key. */
static int
wd_gds_truncated(wd_gds_parse_t *g)
{
    return wd_records_reject(
        g->r, -1, WD_REASON_TRUNCATED, WD_STR(""),
        "the text ends inside of a value after %zu entries", g->n_entries);
}


static int
wd_gds_refuse_item(wd_gds_parse_t *g, wd_reason_e reason,
                   const wd_gds_item_t *item, const char *what, wd_str_t text)
{
    return wd_records_reject(
        g->r, g->r->n_records++, reason, WD_STR(""), "%.*s %.*s %.*s: %s%.*s",
        WD_STR_ARG(item->function), WD_STR_ARG(item->identifier),
        WD_STR_ARG(item->mnemonic), what, WD_STR_ARG(text));
}


static bool
wd_gds_same(const wd_gds_entry_t *e, const wd_gds_item_t *item)
{
    return wd_str_eq(e->function, item->function)
           && wd_str_eq(e->identifier, item->identifier)
           && wd_str_eq(e->mnemonic, item->mnemonic);
}


/* Behind a damage: the only open item with the entry's names, or n_items. */
static size_t
wd_gds_find_item(const wd_gds_parse_t *g, const wd_gds_entry_t *e)
{
    size_t i, found = g->n_items;

    for (i = 0; i < g->n_items; i++) {
        if (g->answered[i] || !wd_gds_same(e, &g->items[i])) {
            continue;
        }
        if (found != g->n_items) {
            return g->n_items;
        }
        found = i;
    }
    return found;
}


/* An entry says that there is nothing for its item, and why. */
static int
wd_gds_failed(wd_gds_parse_t *g, const wd_gds_entry_t *e,
              const wd_gds_item_t *item)
{
    char          text[WD_ANSWER_TEXT_MAX];
    wd_gds_item_t own = {.function = e->function,
                         .identifier = e->identifier,
                         .mnemonic = e->mnemonic};

    if (e->function.len == 0 && e->identifier.len == 0
        && e->mnemonic.len == 0) {
        g->nameless = e->error;
        own = item != NULL ? *item : own;
    }
    return wd_gds_refuse_item(g, WD_REASON_PROVIDER_ERROR, &own, "",
                              wd_gds_redacted(e->error, text, sizeof(text)));
}


static bool
wd_gds_symbol_ok(wd_str_t s)
{
    return s.len != 0 && wd_record_text_ok(s, WD_RECORD_SYMBOL_MAX);
}


/* Why the entry is not used for the item; WD_REASON_COUNT: it is. */
static wd_reason_e
wd_gds_judge(const wd_gds_entry_t *e, const wd_gds_item_t *item,
             const char **ret_what)
{
    if (e->bad != NULL) {
        *ret_what = e->bad;
        return WD_REASON_UNKNOWN_SHAPE;
    }
    if (e->function.len == 0 || e->mnemonic.len == 0) {
        *ret_what = "the entry does not say what it is";
        return WD_REASON_MISSING_FIELD;
    }
    if (!wd_gds_symbol_ok(e->identifier)) {
        *ret_what = "no identifier in the entry";
        return WD_REASON_BAD_SYMBOL;
    }
    if (!wd_str_eq(e->identifier, item->identifier)) {
        *ret_what = "the entry is about ";
        return WD_REASON_SYMBOL_MISMATCH;
    }
    if (!wd_gds_same(e, item)) {
        *ret_what = "the entry is another item";
        return WD_REASON_ITEM_MISMATCH;
    }
    if (wd_gds_count(e->rows) == 0) {
        *ret_what = "no rows";
        return WD_REASON_MISSING_FIELD;
    }
    return WD_REASON_COUNT;
}


static int
wd_gds_use(wd_gds_parse_t *g, const wd_gds_entry_t *e)
{
    size_t      i = g->n_damages != 0 ? wd_gds_find_item(g, e) : g->n_entries;
    const char *what;
    wd_reason_e reason;

    g->n_entries++;
    g->something = g->something || e->error.len != 0
                   || wd_gds_count(e->rows) != 0;
    if (i < g->n_items) {
        g->answered[i] = true;
    }
    if (e->error.len != 0) {
        return wd_gds_failed(g, e, i < g->n_items ? &g->items[i] : NULL);
    }
    if (i >= g->n_items) {
        return wd_records_reject(
            g->r, g->r->n_records++, WD_REASON_ITEM_MISMATCH, WD_STR(""),
            "%.*s %.*s %.*s: answers no item, or several",
            WD_STR_ARG(e->function), WD_STR_ARG(e->identifier),
            WD_STR_ARG(e->mnemonic));
    }

    reason = wd_gds_judge(e, &g->items[i], &what);
    if (reason != WD_REASON_COUNT) {
        return wd_gds_refuse_item(
            g, reason, &g->items[i], what,
            reason == WD_REASON_SYMBOL_MISMATCH ? e->identifier : WD_STR(""));
    }
    return wd_gds_entry_facts(e, &g->items[i], g->r);
}


/*
 * To the next brace with a key that only entries have, from `from` on. Rows
 * and properties are objects, too, but with other keys.
 */
static bool
wd_gds_find_entry(wd_gds_parse_t *g, const char *from)
{
    bool           first;
    wd_str_t       key;
    const char    *p = from;
    wd_json_scan_t at;

    while (p < g->s.end
           && (p = memchr(p, '{', (size_t) (g->s.end - p))) != NULL) {
        at = wd_json_scan_from(&g->s, p + 1);
        first = true;
        if (wd_json_scan_member(&at, NULL, &first, &key) == WD_OK
            && wd_gds_entry_key(key)) {
            g->s.p = p;
            return true;
        }
        p++;
    }
    return false;
}


/* At `mark`; the next entry cannot begin before `from`. */
static int
wd_gds_damage(wd_gds_parse_t *g, const char *mark, const char *from,
              bool *ret_end)
{
    bool found = wd_gds_find_entry(g, wd_min(from, g->s.end));

    g->n_damages++;
    g->something = true;
    *ret_end = !found;
    return wd_records_reject(g->r, g->r->n_records++, WD_REASON_SYNTAX,
                             WD_STR(""), "%s at byte %zu cannot be read",
                             found ? "the entry" : "the rest, from an entry",
                             (size_t) (mark - g->body));
}


/* Items that no entry answered, the answer being whole. */
static int
wd_gds_unanswered(wd_gds_parse_t *g)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < g->n_items && rc == WD_OK; i++) {
        if (!g->answered[i]) {
            rc = wd_gds_refuse_item(g, WD_REASON_MISSING_FIELD, &g->items[i],
                                    "no entry answers it", WD_STR(""));
        }
    }
    return rc;
}


/* Behind the bracket of the entries. */
static int
wd_gds_entries_end(wd_gds_parse_t *g)
{
    char text[WD_ANSWER_TEXT_MAX];

    /* Whatever was asked, a limit is one entry that answers nothing. */
    if (g->n_entries == 1 && g->nameless.len != 0 && g->n_damages == 0) {
        g->r->n_rejects = g->r->n_rejected = 0;
        g->r->n_records = 0;
        return wd_records_refuse(
            g->r, WD_REASON_PROVIDER_ERROR, WD_STR(""), "%.*s",
            WD_STR_ARG(wd_gds_redacted(g->nameless, text, sizeof(text))));
    }
    g->r->empty = !g->something;
    return g->n_entries + g->n_damages != 0 ? wd_gds_unanswered(g) : WD_OK;
}


/* One entry at the cursor; *ret_end: nothing is left to read behind it. */
static int
wd_gds_entry(wd_gds_parse_t *g, bool *first, bool *ret_end)
{
    int            rc;
    const char    *mark = g->s.p;
    wd_gds_entry_t e;

    rc = wd_gds_entry_read(&g->s, g->r->pool, &e);
    if (rc == WD_OK) {
        return wd_gds_use(g, &e);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        *ret_end = true;
        return wd_gds_truncated(g);
    }
    *first = true;
    return wd_gds_damage(g, mark, mark + 1, ret_end);
}


/* The entries, before their bracket; *ret_end: nothing is left to read. */
static int
wd_gds_entries(wd_gds_parse_t *g, bool *ret_end)
{
    int  rc;
    bool first = true;

    g->list_seen = true;
    rc = wd_json_scan_open(&g->s, '[');
    while (rc == WD_OK && !*ret_end) {
        rc = wd_json_scan_item(&g->s, &first);
        wd_json_scan_at_end(&g->s);
        if (rc == WD_ENOTFOUND) {
            return wd_gds_entries_end(g);
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_gds_truncated(g);
        }
        if (g->n_entries >= WD_GDS_ITEMS_MAX || g->n_damages >= WD_GDS_ITEMS_MAX
            || g->r->n_records >= WD_RECORDS_MAX) {
            *ret_end = true;
            return wd_records_reject(g->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %zu entries and %zu damages",
                                     g->n_entries, g->n_damages);
        }
        if (rc == WD_OK) {
            rc = wd_gds_entry(g, &first, ret_end);
        } else {
            first = true; /* no comma: perhaps an entry all the same */
            rc = wd_gds_damage(g, g->s.p, g->s.p, ret_end);
        }
    }
    return rc;
}


/* The value of one member of the outermost object. */
static int
wd_gds_member(wd_gds_parse_t *g, wd_str_t key, bool *ret_end)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&g->s, g->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (v.type == WD_JS_ARRAY && !g->list_seen
        && wd_str_eq_z(key, "GDSSDKResponse")) {
        return wd_gds_entries(g, ret_end);
    }
    if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
        return wd_json_scan_skip(&g->s);
    }
    g->notice_seen = g->notice_seen
                     || (v.type == WD_JS_STRING && wd_gds_is_notice(key));
    return WD_OK;
}


static int
wd_gds_refuse(wd_gds_parse_t *g)
{
    if (g->notice_seen) {
        return wd_records_refuse(g->r, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                                 "a text of the provider instead of entries");
    }
    return wd_records_refuse(g->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                             "no list of entries in the answer");
}


static int
wd_gds_top(wd_gds_parse_t *g)
{
    int      rc;
    bool     first = true, end = false;
    wd_str_t key;

    rc = wd_json_scan_open(&g->s, '{');
    while (rc == WD_OK && !end) {
        rc = wd_json_scan_member(&g->s, g->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_gds_member(g, key, &end);
        }
    }

    if (end || rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_gds_truncated(g);
    }
    if (!g->list_seen) {
        return wd_gds_refuse(g);
    }
    if (rc != WD_ENOTFOUND || !wd_json_scan_at_end(&g->s)) {
        return wd_records_reject(g->r, -1, WD_REASON_SYNTAX, WD_STR(""),
                                 "what stands behind the entries cannot be "
                                 "read");
    }
    return WD_OK;
}


int
wd_gds_parse(wd_str_t body, const wd_gds_item_t *items, size_t n_items,
             wd_records_t *ret)
{
    wd_gds_parse_t g = {.r = ret, .items = items, .n_items = n_items};

    body = wd_answer_body(body);
    g.body = body.data;
    g.s = wd_answer_scan(body);
    if (body.len == 0) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    g.answered = wd_pool_calloc(ret->pool, wd_max(n_items, (size_t) 1));
    if (g.answered == NULL) {
        return WD_ENOMEM;
    }
    return wd_gds_top(&g);
}
