/*
 * bench_parse.c - how fast answers of providers become records, against
 * jansson's bare load of the same bytes, in turns.
 *
 *     bench-parse [ROUNDS [NAME]]
 *
 * prints a line per answer: name, bytes, MB/s of ours and of jansson (the
 * medians of the rounds), the median of the rounds' ratios, the lowest and the
 * highest. The answers are made up; their shape (members, digits, blanks) is
 * that of recorded ones.
 */
#include "bench_answers.h"

#include "wd_av_parse.h"
#include "wd_bbg_blp.h"
#include "wd_gds_parse.h"
#include "wd_lseg_parse.h"
#include "wd_wb_parse.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define POOL_BLOCK (256 * 1024) /* as in processing */

#define ROUNDS 9
#define ROUNDS_MAX 1000
#define ROUND_NS (40 * WD_NS_PER_MS) /* at least so long for each side */

#define DAYS_FULL 6000 /* since 1999 */
#define DAYS_COMPACT 100
#define MINUTES 4000 /* a month of five minutes, with those before and after */
#define PAGE 1000
#define GDS_ITEMS 100
#define GDS_ROWS 20

/* ---- the answers --------------------------------------------------------- */

static void
make_compact(wd_buf_t *b)
{
    bench_av(b, "IBM", DAYS_COMPACT, false);
}


static void
make_full(wd_buf_t *b)
{
    bench_av(b, "IBM", DAYS_FULL, false);
}


static void
make_intraday(wd_buf_t *b)
{
    bench_av(b, "IBM", MINUTES, true);
}


static void
make_worldbank(wd_buf_t *b)
{
    int i;

    wd_buf_printf(b,
                  "[{\"page\":1,\"pages\":18,\"per_page\":%d,\"total\":17290,"
                  "\"sourceid\":\"2\",\"lastupdated\":\"2024-03-28\"},[",
                  PAGE);
    for (i = 0; i < PAGE; i++) {
        wd_buf_printf(b,
                      "%s{\"indicator\":{\"id\":\"NY.GDP.MKTP.KD.ZG\","
                      "\"value\":\"GDP growth (annual %%)\"},\"country\":"
                      "{\"id\":\"ZH\",\"value\":\"Africa Eastern and "
                      "Southern\"},\"countryiso3code\":\"AFE\",\"date\":"
                      "\"%d\",\"value\":%u.%07u%07u,\"unit\":\"\","
                      "\"obs_status\":\"\",\"decimal\":1}",
                      i == 0 ? "" : ",", 2023 - i % 64, bench_any(9),
                      bench_any(10000000), bench_any(10000000));
    }
    wd_buf_z(b, "]]");
}


static void
make_lseg(wd_buf_t *b)
{
    int         i;
    bench_day_t d = bench_first_day();

    static const char *const columns[] = {
        "TRDPRC_1", "HIGH_1", "LOW_1",      "ACVOL_UNS", "OPEN_PRC",
        "BID",      "ASK",    "TRNOVR_UNS", "VWAP",      "NUM_MOVES"};

    wd_buf_z(b, "[{\"universe\":{\"ric\":\"IBM.N\"},\"interval\":\"P1D\","
                "\"summaryTimestampLabel\":\"endPeriod\",\"adjustments\":["
                "\"exchangeCorrection\",\"manualCorrection\",\"CCH\",\"CRE\","
                "\"RTS\",\"RPO\"],\"defaultPricingField\":\"TRDPRC_1\","
                "\"qos\":{\"timeliness\":\"delayed\"},\"headers\":[{\"name\":"
                "\"DATE\",\"type\":\"string\"}");
    for (i = 0; i < (int) wd_array_len(columns); i++) {
        wd_buf_printf(b,
                      ",{\"name\":\"%s\",\"type\":\"number\","
                      "\"decimalChar\":\".\"}",
                      columns[i]);
    }
    wd_buf_z(b, "],\"data\":[");
    for (i = 0; i < DAYS_FULL; i++) {
        bench_next_day(&d);
        wd_buf_z(b, i == 0 ? "[\"" : ",[\"");
        bench_stamp(b, i, false);
        bench_price(b, "\",", d.close, ",");
        bench_price(b, "", d.high, ",");
        bench_price(b, "", d.low, ",");
        wd_buf_printf(b, "%u,", d.volume);
        bench_price(b, "", d.open, ",");
        bench_price(b, "", d.close - 100, ",");
        bench_price(b, "", d.close + 100, ",");
        wd_buf_printf(b, "%u%04u.%02u,", d.volume / 10, bench_any(10000),
                      bench_any(100));
        bench_price(b, "", d.open, ",");
        wd_buf_printf(b, "%u]", 1000 + bench_any(99999));
    }
    wd_buf_z(b, "]}]");
}


static void
make_bloomberg(wd_buf_t *b)
{
    int         i;
    bench_day_t d = bench_first_day();

    wd_buf_z(b, "{\"data\":[{\"securityData\":{\"security\":\"IBM US Equity\","
                "\"eidData\":[],\"sequenceNumber\":0,\"fieldExceptions\":[],"
                "\"fieldData\":[");
    for (i = 0; i < DAYS_FULL; i++) {
        bench_next_day(&d);
        wd_buf_z(b, i == 0 ? "{\"date\":\"" : ",{\"date\":\"");
        bench_stamp(b, i, false);
        bench_price(b, "T00:00:00.000Z\",\"PX_OPEN\":", d.open, "");
        bench_price(b, ",\"PX_HIGH\":", d.high, "");
        bench_price(b, ",\"PX_LOW\":", d.low, "");
        bench_price(b, ",\"PX_LAST\":", d.close, "");
        wd_buf_printf(b, ",\"PX_VOLUME\":%u}", d.volume);
    }
    wd_buf_z(b, "]}}],\"status\":0,\"message\":\"OK\"}");
}


static wd_gds_item_t gds_items[GDS_ITEMS];
static char          gds_names[GDS_ITEMS][24];


static void
make_gds(wd_buf_t *b)
{
    int i, k;

    wd_buf_z(b, "{\"GDSSDKResponse\":[");
    for (i = 0; i < GDS_ITEMS; i++) {
        snprintf(gds_names[i], sizeof(gds_names[i]), "IQ%d", 100000 + i);
        gds_items[i] = (wd_gds_item_t){.function = WD_STR("GDSHE"),
                                       .identifier = wd_str_z(gds_names[i]),
                                       .mnemonic = WD_STR("IQ_TOTAL_REV"),
                                       .period = WD_STR("IQ_FY"),
                                       .currency = WD_STR("USD"),
                                       .scale = WD_STR("millions")};
        wd_buf_printf(b,
                      "%s{\"ErrMsg\":\"\",\"Function\":\"GDSHE\","
                      "\"Identifier\":\"%s\",\"Mnemonic\":\"IQ_TOTAL_REV\","
                      "\"Headers\":[\"IQ_TOTAL_REV\",\"AsOfDate\"],\"NumCols\":"
                      "2,\"NumRows\":%d,\"Properties\":{\"periodtype\":"
                      "\"IQ_FY\",\"currencyid\":\"USD\"},\"SnapType\":\"\","
                      "\"Rows\":[",
                      i == 0 ? "" : ",", gds_names[i], GDS_ROWS);
        for (k = 0; k < GDS_ROWS; k++) {
            wd_buf_printf(b, "%s{\"Row\":[\"%u.%06u\",\"12/31/%d\"]}",
                          k == 0 ? "" : ",", 10000 + bench_any(90000),
                          bench_any(1000000), 2023 - k);
        }
        wd_buf_z(b, "]}");
    }
    wd_buf_z(b, "]}");
}


/* ---- who reads them ------------------------------------------------------ */

static int
read_daily(wd_str_t body, wd_records_t *r)
{
    return wd_av_parse(WD_AV_DAILY, body, r);
}


static int
read_intraday(wd_str_t body, wd_records_t *r)
{
    return wd_av_parse(WD_AV_INTRADAY, body, r);
}


static int
read_lseg(wd_str_t body, wd_records_t *r)
{
    return wd_lseg_parse(WD_LSEG_INTERDAY, body, r);
}


static int
read_gds(wd_str_t body, wd_records_t *r)
{
    return wd_gds_parse(body, gds_items, GDS_ITEMS, r);
}


static const struct {
    const char *name;
    void (*make)(wd_buf_t *b);
    int (*read)(wd_str_t body, wd_records_t *r);
    size_t records; /* that must come out, bars or what it is */
} answers[] = {
    {"av_daily_compact", make_compact, read_daily, DAYS_COMPACT},
    {"av_daily_full", make_full, read_daily, DAYS_FULL},
    {"av_intraday", make_intraday, read_intraday, MINUTES},
    {"wb_page", make_worldbank, wd_wb_parse, PAGE},
    {"lseg_interday", make_lseg, read_lseg, DAYS_FULL},
    {"bbg_history", make_bloomberg, wd_bbg_blp_parse, DAYS_FULL},
    {"gds_history", make_gds, read_gds, GDS_ITEMS *GDS_ROWS},
};


/* ---- the clock ----------------------------------------------------------- */

static void
read_ours(size_t which, wd_str_t body)
{
    wd_pool_t   *pool = wd_pool_create(POOL_BLOCK);
    wd_records_t r;

    if (pool == NULL) {
        exit(1);
    }
    wd_records_init(&r, pool);
    if (answers[which].read(body, &r) != WD_OK || r.n_rejected != 0
        || r.n_bars + r.n_observations + r.n_facts != answers[which].records) {
        fprintf(stderr, "%s: %zu bars, %zu observations, %zu facts, %zu bad\n",
                answers[which].name, r.n_bars, r.n_observations, r.n_facts,
                r.n_rejected);
        exit(1);
    }
    wd_pool_destroy(pool);
}


static void
read_jansson(size_t which, wd_str_t body)
{
    json_t *o = json_loadb(body.data, body.len, 0, NULL);

    (void) which;
    if (o == NULL) {
        fprintf(stderr, "%s is no JSON\n", answers[which].name);
        exit(1);
    }
    json_decref(o);
}


/* Bytes a second. */
static double
speed(void (*fn)(size_t, wd_str_t), size_t which, wd_str_t body)
{
    int     n = 0;
    wd_ns_t took, from = wd_monotonic();

    do {
        fn(which, body);
        n++;
        took = wd_monotonic() - from;
    } while (took < ROUND_NS);
    return (double) body.len * n / ((double) took / 1e9);
}


static int
by_size(const void *a, const void *b)
{
    double x = *(const double *) a, y = *(const double *) b;

    return (x > y) - (x < y);
}


static double
median(double *v, int n)
{
    qsort(v, (size_t) n, sizeof(*v), by_size);
    return v[n / 2];
}


static void
compare(size_t which, int rounds)
{
    int           i;
    double        o, j;
    wd_buf_t      body;
    wd_str_t      text;
    static double ours[ROUNDS_MAX], theirs[ROUNDS_MAX], ratio[ROUNDS_MAX];

    wd_buf_init(&body, 0);
    answers[which].make(&body);
    text = wd_buf_view(&body);
    read_ours(which, text);
    read_jansson(which, text);

    for (i = 0; i < rounds; i++) {
        if (i % 2 == 0) {
            o = speed(read_ours, which, text);
            j = speed(read_jansson, which, text);
        } else {
            j = speed(read_jansson, which, text);
            o = speed(read_ours, which, text);
        }
        ours[i] = o / 1e6;
        theirs[i] = j / 1e6;
        ratio[i] = o / j;
    }

    printf("%-18s %8zu %7.1f %7.1f", answers[which].name, body.len,
           median(ours, rounds), median(theirs, rounds));
    printf(" %6.2f", median(ratio, rounds));
    printf(" %6.2f %6.2f\n", ratio[0], ratio[rounds - 1]);
    wd_buf_done(&body);
}


int
main(int argc, char **argv)
{
    int    rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;
    size_t i;

    if (rounds < 1 || rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench-parse [ROUNDS [NAME]], at most %d\n",
                ROUNDS_MAX);
        return 2;
    }
    for (i = 0; i < wd_array_len(answers); i++) {
        if (argc < 3 || strcmp(argv[2], answers[i].name) == 0) {
            compare(i, rounds);
        }
    }
    return 0;
}
