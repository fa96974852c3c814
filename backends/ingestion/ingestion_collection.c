/*
 * ingestion_collection.c - is a definition whole, and what do its items ask?
 */
#include "ingestion_collection.h"

#include "ingestion_store.h"

#include <stdlib.h>

#define BIT(arg) (1u << (arg))


/* ---- items -------------------------------------------------------------- */

/*
 * The arguments that an instrument's name is made of, in the order in which
 * people write them.
 */
static size_t
name_args(const ingestion_collection_t *c, ingestion_arg_e ret[ARG_COUNT])
{
    int    i;
    size_t n = 0;

    for (i = 0; i < ARG_COUNT; i++) {
        if ((c->set->per_instrument & BIT(i)) && i != ARG_MARKET
            && c->args.at[i] == 0) {
            ret[n++] = (ingestion_arg_e) i;
        }
    }
    if ((c->set->per_instrument & BIT(ARG_MARKET))
        && c->args.at[ARG_MARKET] == 0) {
        ret[n++] = ARG_MARKET;
    }
    return n;
}


/* A list of one argument: its members are joined by bars. */
static bool
put_part(ingestion_args_t *args, ingestion_arg_e arg, wd_str_t part)
{
    char text[INGESTION_ARG_MAX + 1], *p;

    part = wd_str_trim(part);
    if (part.len == 0 || part.len > INGESTION_ARG_MAX) {
        return false;
    }
    wd_str_copy(text, sizeof(text), part);
    for (p = text; *p != '\0'; p++) {
        if (*p == '|') {
            *p = ',';
        }
    }
    return ingestion_arg_set(args, arg, wd_str_z(text));
}


static int
split_name(const ingestion_collection_t *c, wd_str_t instrument,
           ingestion_args_t *args, wd_error_t *err)
{
    size_t          i, n;
    wd_str_t        part, rest = instrument;
    ingestion_arg_e of[ARG_COUNT];

    n = name_args(c, of);
    for (i = 0; i < n; i++) {
        part = rest;
        if (n > 1 && !wd_str_split(&rest, '/', &part)) {
            part = WD_STR_NULL;
        }
        if (!put_part(args, of[i], part)) {
            return wd_error(err, WD_EPARAM, "instruments: %.*s: must be %s%s%s",
                            (int) wd_min(instrument.len, (size_t) 40),
                            instrument.data, ingestion_arg_name(of[0]),
                            n > 1 ? "/" : "",
                            n > 1 ? ingestion_arg_name(of[1]) : "");
        }
    }
    return n > 1 && rest.data != NULL
               ? wd_error(err, WD_EPARAM, "instruments: more than one slash")
               : WD_OK;
}


/* The longest that a slice makes of the arguments. */
static bool
fits(const ingestion_args_t *args)
{
    bool     ok;
    wd_buf_t json;

    wd_buf_init(&json, INGESTION_ARGS_JSON_MAX);
    ingestion_args_json(args, 0, 0, &json);
    ok = json.err == WD_OK;
    wd_buf_done(&json);
    return ok;
}


/* Asks the checks of ingest.run about a question as it will be. */
static int
check_question(const ingestion_collection_t *c, ingestion_args_t *args,
               const char **ret_param, wd_error_t *err)
{
    int                     i, rc;
    unsigned                own = ingestion_window_args(c->set->window);
    const ingestion_slice_t sample = {0, 366, false};

    if (!ingestion_slice_args(c->set->window, &sample, args) || !fits(args)) {
        return wd_error(err, WD_EPARAM,
                        "instruments: the arguments are too "
                        "long together");
    }
    rc = ingestion_args_check(c->set, args, ret_param, err);
    for (i = 0; i < ARG_COUNT; i++) {
        if ((own & BIT(i))
            && !ingestion_arg_set(args, (ingestion_arg_e) i, WD_STR(""))) {
            rc = WD_EINTERNAL; /* what is taken away has room */
        }
    }
    return rc;
}


static int
make_item(const ingestion_collection_t *c, wd_str_t instrument,
          ingestion_args_t *ret, const char **ret_param, wd_error_t *err)
{
    int rc;

    *ret = c->args;
    *ret_param = "instruments";
    if (c->stream) {
        return WD_OK;
    }
    rc = split_name(c, instrument, ret, err);
    return rc == WD_OK ? check_question(c, ret, ret_param, err) : rc;
}


int
ingestion_collection_item(const ingestion_collection_t *c, wd_str_t instrument,
                          ingestion_args_t *ret, wd_error_t *err)
{
    const char *param;

    return make_item(c, instrument, ret, &param, err);
}


bool
ingestion_collection_next(const ingestion_collection_t *c, wd_str_t *list,
                          size_t *i, wd_str_t *ret_instrument)
{
    if (c->n_instruments == 0) {
        *ret_instrument = WD_STR("");
        return !c->stream && (*i)++ == 0;
    }
    if ((*i)++ == c->n_instruments) {
        return false;
    }
    return wd_str_split(list, '\n', ret_instrument);
}


/* ---- the check ---------------------------------------------------------- */

static int
fail(const char **ret_key, const char *key, wd_error_t *err, const char *rule)
{
    *ret_key = key;
    return wd_error(err, WD_EPARAM, "%s: %s", key, rule);
}


static int
check_source(ingestion_collection_t *c, const char **ret_key, wd_error_t *err)
{
    const ingestion_provider_t *source;

    if (c->provider[0] == '\0') {
        return fail(ret_key, "provider", err, "is needed");
    }
    if (c->dataset[0] == '\0') {
        return fail(ret_key, "dataset", err, "is needed");
    }
    source = ingestion_provider_by_name(wd_str_z(c->provider));
    if (source == NULL) {
        return fail(ret_key, "provider", err, "not known");
    }
    c->set = ingestion_dataset_by_name(source, wd_str_z(c->dataset));
    if (c->set == NULL) {
        *ret_key = "dataset";
        return ingestion_dataset_unknown(source, wd_str_z(c->dataset), err);
    }
    c->stream = ingestion_dataset_streams(c->set);
    return WD_OK;
}


static int
check_times(const ingestion_collection_t *c, const char **ret_key,
            wd_error_t *err)
{
    bool stream = c->stream;

    if (stream
        && (c->every_s != 0 || c->at_s != 0 || c->zone[0] != '\0'
            || c->weekdays != INGESTION_WEEK)) {
        return fail(ret_key, "every", err, "a stream has no runs");
    }
    if (!stream && c->every_s == 0) {
        return fail(ret_key, "every", err, "is needed");
    }
    if (c->every_s > 86400 && c->weekdays != INGESTION_WEEK) {
        return fail(ret_key, "weekdays", err,
                    "only where `every` is a day or less");
    }
    if (c->set->window == WINDOW_NONE && c->from != INGESTION_NO_DAY) {
        return fail(ret_key, "from", err,
                    "not for this data set: its answers are always whole");
    }
    if (c->set->window == WINDOW_NONE && c->overlap_ns >= 0) {
        return fail(ret_key, "overlap", err,
                    "not for this data set: its answers are always whole");
    }
    return WD_OK;
}


static int
check_args(const ingestion_collection_t *c, const char **ret_key,
           wd_error_t *err)
{
    int             i;
    unsigned        own = ingestion_window_args(c->set->window);
    ingestion_arg_e of[ARG_COUNT];

    for (i = 0; i < ARG_COUNT; i++) {
        if (c->args.at[i] != 0 && (own & BIT(i))) {
            return fail(ret_key, ingestion_arg_name((ingestion_arg_e) i), err,
                        "is set by the collection itself");
        }
        if (c->args.at[i] != 0 && c->stream) {
            return fail(ret_key, ingestion_arg_name((ingestion_arg_e) i), err,
                        "not an argument of a stream");
        }
    }

    if (c->n_instruments == 0 && (c->stream || name_args(c, of) != 0)) {
        return fail(ret_key, "instruments", err, "are needed");
    }
    if (c->n_instruments != 0 && !c->stream && name_args(c, of) == 0) {
        return fail(ret_key, "instruments", err,
                    "the arguments name it already");
    }
    return WD_OK;
}


static int
compare(const void *a, const void *b)
{
    const wd_str_t *x = a, *y = b;
    int             c = memcmp(x->data, y->data, wd_min(x->len, y->len));

    return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}


/* Two that ask the same are a slip; their texts may differ in case. */
static int
check_twice(const wd_buf_t *all, size_t n, const char **ret_key,
            wd_error_t *err)
{
    int       rc = WD_OK;
    size_t    i;
    wd_str_t *v, rest = wd_buf_view(all);

    v = calloc(n + 1, sizeof(*v));
    if (v == NULL || all->err != WD_OK) {
        free(v);
        return wd_error(err, WD_ENOMEM, "no memory for the instruments");
    }
    for (i = 0; i < n && wd_str_split(&rest, '\n', &v[i]); i++) { /* void */
    }
    qsort(v, n, sizeof(*v), compare);
    for (i = 1; i < n && rc == WD_OK; i++) {
        if (wd_str_eq(v[i - 1], v[i])) {
            *ret_key = "instruments";
            rc = wd_error(err, WD_EPARAM, "instruments: twice: %.*s",
                          (int) wd_min(v[i].len, (size_t) 80), v[i].data);
        }
    }
    free(v);
    return rc;
}


static int
check_items(const ingestion_collection_t *c, const char **ret_key,
            wd_error_t *err)
{
    int              rc = WD_OK;
    size_t           i = 0, n = 0;
    wd_buf_t         all = WD_BUF_INIT;
    wd_str_t         list = wd_buf_view(&c->instruments), one;
    ingestion_args_t args;

    while (rc == WD_OK && ingestion_collection_next(c, &list, &i, &one)) {
        rc = make_item(c, one, &args, ret_key, err);
        if (c->stream) {
            wd_buf_str(&all, one);
        } else {
            ingestion_args_json(&args, 0, 0, &all);
        }
        wd_buf_byte(&all, '\n');
        n++;
    }
    if (rc == WD_OK) {
        rc = check_twice(&all, n, ret_key, err);
    }
    wd_buf_done(&all);
    return rc;
}


int
ingestion_collection_check(ingestion_collection_t *c, const char **ret_key,
                           wd_error_t *err)
{
    int rc;

    *ret_key = "";
    rc = check_source(c, ret_key, err);
    if (rc == WD_OK) {
        rc = check_times(c, ret_key, err);
    }
    if (rc == WD_OK) {
        rc = check_args(c, ret_key, err);
    }
    return rc == WD_OK ? check_items(c, ret_key, err) : rc;
}


/* ---- for its users ------------------------------------------------------ */

void
ingestion_collection_span(const ingestion_collection_t *c,
                          ingestion_span_t             *ret)
{
    *ret = (ingestion_span_t){
        .kind = c->set->window,
        .window_days = (int) c->set->window_days,
        .period = ingestion_window_period(&c->args),
        .row_ns = ingestion_window_row_ns(&c->args),
        .overlap_ns = c->overlap_ns >= 0
                          ? c->overlap_ns
                          : ingestion_window_overlap_ns(c->set, &c->args),
        .from = c->from,
        .high = WD_NS_MIN,
        .covered = WD_NS_MIN,
        .fill_to = INGESTION_NO_DAY,
    };
}


void
ingestion_collection_schedule(const ingestion_collection_t *c,
                              const wd_tz_t *zone, ingestion_schedule_t *ret)
{
    *ret = (ingestion_schedule_t){c->every_s, c->at_s, c->weekdays, zone};
}
