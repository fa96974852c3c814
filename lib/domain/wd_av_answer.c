/*
 * wd_av_answer.c - Alpha Vantage's dialect: status 200 for everything, errors
 * as one of four members, notices beside artificial rows, JSON errors where
 * CSV was asked for.
 */
#include "wd_av_answer.h"

#include "wd_json_scan.h"

#define CSV_LINE_MAX 4096
#define CSV_COLUMNS_MAX 64

static void classify_csv(wd_str_t body, wd_answer_t *ret);
static void classify_notice(wd_str_t text, bool rows, wd_answer_t *ret);
static void classify_data(const json_t *root, wd_answer_t *ret);
static bool has_rows(const json_t *root);
static bool sound_series(wd_str_t body);


/*
 * The first row that matches decides. The limit per second also names the
 * daily limit and the premium plans, so it stands before both; the premium
 * texts are told by their verb.
 */
static const struct {
    const char *part; /* lower case */
    wd_answer_e class;
    int wait_s;
} notices[] = {
    {"is a premium", WD_ANSWER_PERMISSION, 0},
    {"sparingly", WD_ANSWER_LIMIT_SHORT, 2},
    {"call frequency", WD_ANSWER_LIMIT_SHORT, 60},
    {"minute-level", WD_ANSWER_LIMIT_SHORT, 60},
    {"per minute", WD_ANSWER_LIMIT_SHORT, 60},
    {"per second", WD_ANSWER_LIMIT_SHORT, 2},
    {"per day", WD_ANSWER_LIMIT_LONG, 0},
    {"daily rate limit", WD_ANSWER_LIMIT_LONG, 0},
    {"demo", WD_ANSWER_PERMISSION, 0},
    {"apikey", WD_ANSWER_AUTH, 0},
    {"premium", WD_ANSWER_PERMISSION, 0},
    {"entitlement", WD_ANSWER_PERMISSION, 0},
};

/* First columns of the service's CSV answers. */
static const char *const csv_heads[] = {
    "timestamp",        "time",           "symbol", "date",
    "ex_dividend_date", "effective_date", "name",   "reportDate"};

/* Members that hold rows, and what they must be. */
static const struct {
    const char *key;
    json_type   type;
} shapes[] = {
    {"Global Quote", JSON_OBJECT},
    {"bestMatches", JSON_ARRAY},
    {"data", JSON_ARRAY},
    {"feed", JSON_ARRAY},
    {"markets", JSON_ARRAY},
    {"annualReports", JSON_ARRAY},
    {"annualEarnings", JSON_ARRAY},
    {"Realtime Currency Exchange Rate", JSON_OBJECT},
};


int
wd_av_classify(wd_str_t body, wd_answer_t *ret)
{
    int        rc;
    json_t    *root;
    wd_str_t   b = wd_answer_body(body);
    wd_error_t err;

    if (b.len != 0 && b.data[0] != '{' && b.data[0] != '['
        && b.data[0] != '<') {
        classify_csv(b, ret);
        return WD_OK;
    }

    if (sound_series(b)) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
        return WD_OK;
    }

    rc = wd_answer_json(b, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, b, &err, ret);
    }
    wd_av_classify_json(root, ret);
    json_decref(root);
    return WD_OK;
}


void
wd_av_classify_json(const json_t *root, wd_answer_t *ret)
{
    static const char *const keys[] = {"Note", "Information", "message"};
    size_t                   i;
    wd_str_t                 text;

    if (!json_is_object(root)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED, "The answer is no JSON object");
        return;
    }
    if (json_object_size(root) == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
        return;
    }

    text = wd_answer_member(root, "Error Message");
    if (text.len != 0) {
        wd_answer_set_redacted(ret,
                               wd_answer_contains(text, "apikey is invalid")
                                   ? WD_ANSWER_AUTH
                                   : WD_ANSWER_NOT_FOUND,
                               text);
        return;
    }

    for (i = 0; i < wd_array_len(keys); i++) {
        text = wd_answer_member(root, keys[i]);
        if (text.len != 0) {
            classify_notice(text, has_rows(root), ret);
            return;
        }
    }
    classify_data(root, ret);
}


/*
 * The usual case, a megabyte of rows, without building a tree of them:
 * "Meta Data" and one object with members, well-formed to the end. Anything
 * else is for the full judgement.
 */
static bool
sound_series(wd_str_t body)
{
    int            rc;
    bool           first = true, meta = false, rows = false;
    wd_str_t       key;
    wd_pool_t     *pool;
    wd_json_scan_t s = wd_answer_scan(body), inside;

    if (wd_json_scan_open(&s, '{') != WD_OK
        || (pool = wd_pool_create(256)) == NULL) {
        return false;
    }

    while ((rc = wd_json_scan_member(&s, pool, &first, &key)) == WD_OK) {
        bool none = true, is_meta = wd_str_eq(key, WD_STR("Meta Data"));

        inside = s;
        if ((is_meta ? meta : rows) || wd_json_scan_open(&inside, '{') != WD_OK
            || wd_json_scan_member(&inside, pool, &none, &key) != WD_OK
            || wd_json_scan_skip(&s) != WD_OK) {
            break;
        }
        meta |= is_meta;
        rows |= !is_meta;
    }

    wd_pool_destroy(pool);
    return rc == WD_ENOTFOUND && meta && rows && wd_json_scan_at_end(&s);
}


static bool
has_rows(const json_t *root)
{
    const char   *key;
    const json_t *v;
    void         *it;

    for (it = json_object_iter((json_t *) root); it != NULL;
         it = json_object_iter_next((json_t *) root, it)) {
        key = json_object_iter_key(it);
        v = json_object_iter_value(it);
        if (strcmp(key, "Meta Data") != 0
            && (json_object_size(v) != 0 || json_array_size(v) != 0)) {
            return true;
        }
    }
    return false;
}


static void
classify_notice(wd_str_t text, bool rows, wd_answer_t *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(notices); i++) {
        if (wd_answer_contains(text, notices[i].part)) {
            wd_answer_set_redacted(ret, notices[i].class, text);
            ret->wait_s = notices[i].wait_s;
            break;
        }
    }
    if (i == wd_array_len(notices)) {
        wd_answer_set_redacted(ret, WD_ANSWER_MALFORMED, text);
    }

    /* Rows beside a notice were made up to show the shape. */
    if (rows) {
        ret->class = WD_ANSWER_ARTIFICIAL;
        ret->wait_s = 0;
    }
}


/* "Meta Data" and one other member with the rows by time. */
static void
classify_series(const json_t *root, wd_answer_t *ret)
{
    const json_t *v, *series = NULL;
    void         *it;

    for (it = json_object_iter((json_t *) root); it != NULL;
         it = json_object_iter_next((json_t *) root, it)) {
        v = json_object_iter_value(it);
        if (strcmp(json_object_iter_key(it), "Meta Data") == 0) {
            if (!json_is_object(v)) {
                wd_answer_set(ret, WD_ANSWER_MALFORMED,
                              "\"Meta Data\" is no object");
                return;
            }
        } else if (json_is_object(v)) {
            series = v;
        } else {
            wd_answer_set(ret, WD_ANSWER_MALFORMED, "The series is no object");
            return;
        }
    }

    if (series == NULL) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED, "There is no series");
    } else if (json_object_size(series) == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY, "The series has no rows");
    } else {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    }
}


static void
classify_data(const json_t *root, wd_answer_t *ret)
{
    size_t        i;
    const json_t *v;

    if (json_object_get(root, "Meta Data") != NULL) {
        classify_series(root, ret);
        return;
    }

    for (i = 0; i < wd_array_len(shapes); i++) {
        v = json_object_get(root, shapes[i].key);
        if (v == NULL) {
            continue;
        }
        if (json_typeof(v) != shapes[i].type) {
            wd_answer_set(ret, WD_ANSWER_MALFORMED,
                          "The rows have another shape than documented");
        } else if (json_object_size(v) == 0 && json_array_size(v) == 0) {
            wd_answer_set(ret, WD_ANSWER_EMPTY,
                          "The provider has no data for this");
        } else {
            wd_answer_set(ret, WD_ANSWER_OK, NULL);
        }
        return;
    }

    if (wd_answer_member(root, "Symbol").len != 0) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
        return;
    }
    wd_answer_set(ret, WD_ANSWER_MALFORMED,
                  "The answer has none of the documented shapes");
}


/* Columns of a CSV line without regard to quotes: heads have none. */
static size_t
columns(wd_str_t line)
{
    size_t i, n = 1;
    bool   quoted = false;

    for (i = 0; i < line.len; i++) {
        quoted ^= line.data[i] == '"';
        n += line.data[i] == ',' && !quoted;
    }
    return n;
}


static void
classify_csv(wd_str_t body, wd_answer_t *ret)
{
    size_t   i, n;
    wd_str_t line, cell, last, rest = body;

    if (!wd_str_split(&rest, '\n', &line)) {
        line = body;
    }
    line = wd_str_trim(line);
    cell = wd_str(line.data, 0);
    while (cell.len < line.len && line.data[cell.len] != ',') {
        cell.len++;
    }
    for (i = 0; i < wd_array_len(csv_heads); i++) {
        if (wd_str_eq_z(cell, csv_heads[i])) {
            break;
        }
    }
    n = columns(line);
    if (i == wd_array_len(csv_heads) || n < 2 || n > CSV_COLUMNS_MAX
        || line.len > CSV_LINE_MAX) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is neither JSON nor CSV");
        return;
    }

    if (line.len == body.len) {
        wd_answer_set(ret, WD_ANSWER_EMPTY, "The table has no rows");
        return;
    }
    for (i = body.len; i > 0 && body.data[i - 1] != '\n'; i--) {
    }
    last = wd_str(body.data + i, body.len - i);
    if (columns(last) < n) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is cut short: the last row lacks columns");
        return;
    }
    wd_answer_set(ret, WD_ANSWER_OK, NULL);
}
