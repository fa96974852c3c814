/*
 * ingestion_collection_keys.c - the keys of a definition, and their values.
 */
#include "ingestion_collection.h"


#define BIT(arg) (1u << (arg))
#define PRIORITY_MAX 100
#define EVERY_MIN_S 60
#define EVERY_MAX_S (366 * 86400)
#define OVERLAP_MAX_S (INT64_C(20) * 366 * 86400)

typedef int (*set_pt)(ingestion_collection_t *c, wd_str_t value,
                      const char **ret_rule);

static int set_provider(ingestion_collection_t *, wd_str_t, const char **);
static int set_dataset(ingestion_collection_t *, wd_str_t, const char **);
static int set_instruments(ingestion_collection_t *, wd_str_t, const char **);
static int set_every(ingestion_collection_t *, wd_str_t, const char **);
static int set_at(ingestion_collection_t *, wd_str_t, const char **);
static int set_zone(ingestion_collection_t *, wd_str_t, const char **);
static int set_weekdays(ingestion_collection_t *, wd_str_t, const char **);
static int set_from(ingestion_collection_t *, wd_str_t, const char **);
static int set_overlap(ingestion_collection_t *, wd_str_t, const char **);
static int set_priority(ingestion_collection_t *, wd_str_t, const char **);
static int set_paused(ingestion_collection_t *, wd_str_t, const char **);

enum {
    KEY_PROVIDER,
    KEY_DATASET,
    KEY_INSTRUMENTS,
    KEY_EVERY,
    KEY_AT,
    KEY_TZ,
    KEY_WEEKDAYS,
    KEY_FROM,
    KEY_OVERLAP,
    KEY_PRIORITY,
    KEY_PAUSED,
    KEY_COUNT
};

static const struct {
    const char *name;
    set_pt      set;
} keys[KEY_COUNT] = {
    [KEY_PROVIDER] = {"provider", set_provider},
    [KEY_DATASET] = {"dataset", set_dataset},
    [KEY_INSTRUMENTS] = {"instruments", set_instruments},
    [KEY_EVERY] = {"every", set_every},
    [KEY_AT] = {"at", set_at},
    [KEY_TZ] = {"tz", set_zone},
    [KEY_WEEKDAYS] = {"weekdays", set_weekdays},
    [KEY_FROM] = {"from", set_from},
    [KEY_OVERLAP] = {"overlap", set_overlap},
    [KEY_PRIORITY] = {"priority", set_priority},
    [KEY_PAUSED] = {"paused", set_paused},
};


void
ingestion_collection_init(ingestion_collection_t *c)
{
    memset(c, 0, sizeof(*c));
    wd_buf_init(&c->instruments, INGESTION_INSTRUMENTS_BYTES_MAX);
    c->weekdays = INGESTION_WEEK;
    c->from = INGESTION_NO_DAY;
    c->overlap_ns = -1;
    c->priority = 10;
}


void
ingestion_collection_done(ingestion_collection_t *c)
{
    wd_buf_done(&c->instruments);
}


const char *
ingestion_collection_key(size_t i)
{
    if (i < KEY_COUNT) {
        return keys[i].name;
    }
    return i - KEY_COUNT < ARG_COUNT
               ? ingestion_arg_name((ingestion_arg_e) (i - KEY_COUNT))
               : NULL;
}


int
ingestion_collection_name(ingestion_collection_t *c, wd_str_t name,
                          wd_error_t *err)
{
    if (!wd_name_valid(name, INGESTION_COLLECTION_NAME_MAX)) {
        return wd_error(err, WD_EPARAM,
                        "name: must be 1 to %d letters, digits and - _ .",
                        INGESTION_COLLECTION_NAME_MAX);
    }
    wd_str_copy(c->name, sizeof(c->name), name);
    return WD_OK;
}


/* ---- values ------------------------------------------------------------- */

static int
set_word(char *out, size_t cap, wd_str_t value, const char **ret_rule)
{
    *ret_rule = "must be a name";
    if (!wd_name_valid(value, cap - 1)) {
        return WD_EPARAM;
    }
    wd_str_copy(out, cap, value);
    return WD_OK;
}


static int
set_provider(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    return set_word(c->provider, sizeof(c->provider), value, ret_rule);
}


static int
set_dataset(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    return set_word(c->dataset, sizeof(c->dataset), value, ret_rule);
}


static bool
is_text(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((unsigned char) s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }
    return s.len <= INGESTION_ARG_MAX && wd_utf8_valid(s);
}


static int
set_instruments(ingestion_collection_t *c, wd_str_t value,
                const char **ret_rule)
{
    wd_str_t one;

    while (wd_str_split(&value, ',', &one)) {
        one = wd_str_trim(one);
        if (one.len == 0) {
            continue; /* behind the last comma of a line */
        }
        *ret_rule = "must be texts separated by commas";
        if (!is_text(one)) {
            return WD_EPARAM;
        }
        *ret_rule = "too many";
        if (c->n_instruments == INGESTION_INSTRUMENTS_MAX) {
            return WD_ETOOBIG;
        }
        wd_buf_str(&c->instruments, one);
        wd_buf_byte(&c->instruments, '\n');
        c->n_instruments++;
    }
    return c->instruments.err;
}


/* "15m", "4h", "1d", "1w" in seconds; -1: something else. */
static int64_t
read_duration(wd_str_t s, int64_t max)
{
    static const struct {
        char    unit;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    size_t  i;
    int64_t n;

    if (s.len < 2 || s.len > 12 || s.data[0] < '0' || s.data[0] > '9'
        || wd_int_parse(wd_str(s.data, s.len - 1), &n) != WD_OK) {
        return -1;
    }
    for (i = 0; i < wd_array_len(units); i++) {
        if (s.data[s.len - 1] == units[i].unit) {
            return n > max / units[i].seconds ? -1 : n * units[i].seconds;
        }
    }
    return -1;
}


static int
set_every(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    c->every_s = read_duration(value, EVERY_MAX_S);
    *ret_rule = "must be 1m to 366d, as 15m, 4h or 1d; from a day on in whole "
                "days";
    return c->every_s < EVERY_MIN_S
                   || (c->every_s > 86400 && c->every_s % 86400 != 0)
               ? WD_EPARAM
               : WD_OK;
}


static int
set_at(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    int64_t hour, minute;

    *ret_rule = "must be an hour of the day, as 06:30";
    if (value.len != 5 || value.data[2] != ':'
        || wd_int_parse(wd_str(value.data, 2), &hour) != WD_OK
        || wd_int_parse(wd_str(value.data + 3, 2), &minute) != WD_OK || hour < 0
        || hour > 23 || minute < 0 || minute > 59) {
        return WD_EPARAM;
    }
    c->at_s = (int) (hour * 3600 + minute * 60);
    return WD_OK;
}


static int
set_zone(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    *ret_rule = "must be a time zone, as Europe/Paris";
    if (value.len == 0 || value.len >= sizeof(c->zone) || !is_text(value)) {
        return WD_EPARAM;
    }
    wd_str_copy(c->zone, sizeof(c->zone), value);
    return WD_OK;
}


static int
read_weekday(wd_str_t s)
{
    int i;

    for (i = 0; i < 7; i++) {
        if (wd_str_ieq(s, wd_str_z(ingestion_days[i]))) {
            return i;
        }
    }
    return -1;
}


/* "mon-fri", "mon, wed, fri-sun"; fri-mon goes over the week's end. */
static int
set_weekdays(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    int      a, b;
    wd_str_t part, first;

    *ret_rule = "must be days, as mon-fri or mon,wed";
    c->weekdays = 0;
    while (wd_str_split(&value, ',', &part)) {
        wd_str_split(&part, '-', &first);
        a = read_weekday(wd_str_trim(first));
        b = part.data != NULL ? read_weekday(wd_str_trim(part)) : a;
        if (a < 0 || b < 0) {
            return WD_EPARAM;
        }
        c->weekdays |= 1u << b;
        for (; a != b; a = (a + 1) % 7) {
            c->weekdays |= 1u << a;
        }
    }
    return WD_OK;
}


static int
set_from(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    bool    date;
    wd_ns_t t;

    *ret_rule = "must be a date from 1900 on, as 2010-01-31";
    if (wd_time_parse(value, &t, &date) != WD_OK || !date
        || t < wd_days_from_civil(1900, 1, 1) * WD_NS_PER_DAY) {
        return WD_EPARAM;
    }
    c->from = t / WD_NS_PER_DAY;
    if (t % WD_NS_PER_DAY < 0) {
        c->from--;
    }
    return WD_OK;
}


static int
set_overlap(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    int64_t s;

    *ret_rule = "must be a duration, as 0d, 90m or 10d, of at most 20 years";
    s = read_duration(value, OVERLAP_MAX_S);
    if (s < 0) {
        return WD_EPARAM;
    }
    c->overlap_ns = s * WD_NS_PER_S;
    return WD_OK;
}


static int
set_priority(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    int64_t v;

    *ret_rule = "must be 1 to 100; lower is first";
    if (wd_int_parse(value, &v) != WD_OK || v < 1 || v > PRIORITY_MAX) {
        return WD_EPARAM;
    }
    c->priority = (int) v;
    return WD_OK;
}


static int
set_paused(ingestion_collection_t *c, wd_str_t value, const char **ret_rule)
{
    *ret_rule = "must be true or false";
    c->paused = wd_str_eq_z(value, "true");
    return c->paused || wd_str_eq_z(value, "false") ? WD_OK : WD_EPARAM;
}


/* ---- keys --------------------------------------------------------------- */

static int
set_arg(ingestion_collection_t *c, ingestion_arg_e arg, wd_str_t value,
        wd_error_t *err)
{
    const char *name = ingestion_arg_name(arg);

    if (c->args.at[arg] != 0) {
        return wd_error(err, WD_EPARAM, "%s: given twice", name);
    }
    if (value.len == 0 || !is_text(value)
        || !ingestion_arg_set(&c->args, arg, value)) {
        return wd_error(err, WD_EPARAM, "%s: must be 1 to %d bytes of text",
                        name, INGESTION_ARG_MAX);
    }
    return WD_OK;
}


int
ingestion_collection_set(ingestion_collection_t *c, wd_str_t key,
                         wd_str_t value, wd_error_t *err)
{
    int             rc;
    size_t          i;
    const char     *rule = "";
    ingestion_arg_e arg;

    for (i = 0; i < KEY_COUNT && !wd_str_eq_z(key, keys[i].name); i++) {
        /* void */
    }
    if (i == KEY_COUNT) {
        arg = ingestion_arg_by_name(key);
        return arg != ARG_COUNT
                   ? set_arg(c, arg, value, err)
                   : wd_error(err, WD_EPARAM, "%.*s: no such key",
                              (int) wd_min(key.len, (size_t) 32), key.data);
    }

    if ((c->given & BIT(i)) && i != KEY_INSTRUMENTS) {
        return wd_error(err, WD_EPARAM, "%s: given twice", keys[i].name);
    }
    c->given |= BIT(i);
    rc = keys[i].set(c, value, &rule);
    return rc == WD_OK ? WD_OK
                       : wd_error(err, rc, "%s: %s", keys[i].name, rule);
}
