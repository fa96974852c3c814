/*
 * auth_limits.c - the form of a plan's limits, word by word.
 */
#include "auth_check.h"
#include "wd_num.h"
#include "wd_tz.h"

#define AUTH_LIMITS_WINDOWS 4
#define AUTH_LIMITS_COUNT_MAX 1000000000

typedef struct {
    size_t rates; /* so many */
    bool   burst_open; /* a rate without its burst comes before */
    bool   day;
    bool   month;
    bool   tz;
    bool   concurrency;
    bool   dry_run;
} auth_limits_t;


static bool
auth_count(wd_str_t text, int64_t min)
{
    int64_t n;

    return text.len != 0 && text.data[0] >= '0' && text.data[0] <= '9'
           && wd_int_parse(text, &n) == WD_OK && n >= min
           && n <= AUTH_LIMITS_COUNT_MAX;
}


/* N/s, N/m, N/h, N/d */
static bool
auth_rate(wd_str_t text)
{
    wd_str_t n;

    return wd_str_split(&text, '/', &n) && auth_count(n, 1) && text.len == 1
           && strchr("smhd", text.data[0]) != NULL;
}


static bool
auth_zone(wd_str_t text)
{
    char     name[64];
    wd_tz_t *tz;

    if (text.len == 0 || text.len >= sizeof(name)) {
        return false;
    }
    wd_str_copy(name, sizeof(name), text);
    if (wd_tz_load(name, &tz) != WD_OK) {
        return false;
    }
    wd_tz_destroy(tz);
    return true;
}


/* A word that may stand once. */
static int
auth_once(bool *seen, bool valid, const char *rule, wd_error_t *err)
{
    if (*seen) {
        return wd_error(err, WD_EPARAM, "%s may stand once", rule);
    }
    *seen = true;
    return valid ? WD_OK : wd_error(err, WD_EPARAM, "write %s", rule);
}


static int
auth_limits_rate(auth_limits_t *l, wd_str_t value, wd_error_t *err)
{
    if (!auth_rate(value)) {
        return wd_error(err, WD_EPARAM,
                        "write rate=N/s, N/m, N/h or N/d with N from 1 on");
    }
    if (++l->rates > AUTH_LIMITS_WINDOWS) {
        return wd_error(err, WD_EPARAM, "at most %d rates",
                        AUTH_LIMITS_WINDOWS);
    }
    l->burst_open = true;
    return WD_OK;
}


static int
auth_limits_burst(auth_limits_t *l, wd_str_t value, wd_error_t *err)
{
    if (!auth_count(value, 0)) {
        return wd_error(err, WD_EPARAM, "write burst=N with N from 0 on");
    }
    if (!l->burst_open) {
        return wd_error(err, WD_EPARAM, "burst stands behind its rate");
    }
    l->burst_open = false;
    return WD_OK;
}


static int
auth_limits_word(auth_limits_t *l, wd_str_t word, wd_error_t *err)
{
    wd_str_t name, value = word;

    wd_str_split(&value, '=', &name);
    if (wd_str_eq_z(name, "rate")) {
        return auth_limits_rate(l, value, err);
    }
    if (wd_str_eq_z(name, "burst")) {
        return auth_limits_burst(l, value, err);
    }
    if (wd_str_eq_z(name, "day")) {
        return auth_once(&l->day, auth_count(value, 1), "day=N", err);
    }
    if (wd_str_eq_z(name, "month")) {
        return auth_once(&l->month, auth_count(value, 1), "month=N", err);
    }
    if (wd_str_eq_z(name, "tz")) {
        return auth_once(&l->tz, auth_zone(value), "tz=Area/City", err);
    }
    if (wd_str_eq_z(name, "concurrency")) {
        return auth_once(&l->concurrency, auth_count(value, 1), "concurrency=N",
                         err);
    }
    if (wd_str_eq_z(word, "dry_run")) {
        return auth_once(&l->dry_run, true, "dry_run", err);
    }
    return wd_error(err, WD_EPARAM,
                    "words are rate=, burst=, day=, month=, tz=, concurrency= "
                    "and dry_run");
}


int
auth_limits_check(wd_str_t text, wd_error_t *err)
{
    int           rc = WD_OK;
    wd_str_t      word;
    auth_limits_t l = {0};

    if (text.len > AUTH_LIMITS_MAX) {
        return wd_error(err, WD_EPARAM, "at most %d bytes", AUTH_LIMITS_MAX);
    }

    while (rc == WD_OK && wd_str_split(&text, ' ', &word)) {
        if (word.len != 0) {
            rc = auth_limits_word(&l, word, err);
        }
    }
    return rc;
}
