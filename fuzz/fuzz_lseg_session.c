/*
 * fuzz_lseg_session.c - the conversation with LSEG's streaming, its server's
 * part made up: each line is a frame, or begins with ! for what happens
 * meanwhile: time, another list of RICs, a lost connection, a newer token, the
 * border of an object.
 */
#include "fuzz.h"

#include "ingestion_lseg_session.h"

#include "wd_lseg_capture.h"

#include <stdlib.h>

#define T (INT64_C(1655906041) * WD_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    ingestion_lseg_session_t *s;
    wd_pool_t                *pool;
    wd_records_t              r;
    wd_buf_t                  capture;
    wd_ns_t                   now;
} play_t;


static void
check(const play_t *p)
{
    ingestion_lseg_counts_t  c;
    ingestion_lseg_trouble_t t[4];

    ingestion_lseg_session_counts(p->s, &c);
    fuzz_require(c.items
                 == c.waiting + c.asked + c.open + c.suspect + c.closed);
    fuzz_require(c.state != INGESTION_LSEG_AWAY
                 || c.asked + c.open + c.suspect == 0);
    fuzz_require(ingestion_lseg_session_troubles(p->s, t, 4) <= 4);
}


/* What the session says is never more than the window. */
static void
take_all(play_t *p)
{
    int      n = 0;
    wd_buf_t out = WD_BUF_INIT;

    while (ingestion_lseg_session_take(p->s, p->now, &out)) {
        fuzz_require(out.len > 2 && out.data[0] == '{'
                     && out.data[out.len - 1] == '}' && out.err == WD_OK);
        wd_buf_reset(&out);
        fuzz_require(++n < 1000);
    }
    wd_buf_done(&out);
}


/* What was archived is read without a complaint about its form. */
static void
border(play_t *p)
{
    size_t       i;
    wd_records_t r;

    if (p->capture.len != 0) {
        wd_records_init(&r, p->pool);
        fuzz_require(wd_lseg_capture_parse(wd_buf_view(&p->capture), &r)
                     == WD_OK);
        fuzz_require(!r.refused);
        for (i = 0; i < r.n_rejects; i++) {
            fuzz_require(r.rejects[i].reason != WD_REASON_MISSING_FIELD
                         && r.rejects[i].reason != WD_REASON_TRUNCATED);
        }
        fuzz_require(r.n_quotes >= p->r.n_quotes
                     && r.n_trades >= p->r.n_trades);
    }
    wd_buf_reset(&p->capture);
    wd_records_init(&p->r, p->pool);
    ingestion_lseg_session_border(p->s);
}


static void
connect_anew(play_t *p)
{
    ingestion_lseg_session_lost(p->s);
    border(p);
    fuzz_require(ingestion_lseg_session_open(p->s, WD_STR("token"), p->now)
                 == WD_OK);
}


static void
meanwhile(play_t *p, wd_str_t line)
{
    size_t     bad, n = 0;
    wd_str_t   rics[8];
    wd_error_t err;

    switch (line.len > 1 ? line.data[1] : '\0') {
    case 't':
        p->now += (wd_ns_t) line.len * WD_NS_PER_S;
        if (ingestion_lseg_session_tick(p->s, p->now, &err) != WD_OK) {
            connect_anew(p);
        }
        break;
    case 'l':
        connect_anew(p);
        break;
    case 'n':
        fuzz_require(ingestion_lseg_session_renew(p->s, WD_STR("newer"))
                     == WD_OK);
        break;
    case 'b':
        border(p);
        break;
    case 'r':
        line = wd_str(line.data + 2, line.len - 2);
        while (n < 8 && line.len != 0 && wd_str_split(&line, ' ', &rics[n])) {
            n++;
        }
        fuzz_require(ingestion_lseg_session_rics(p->s, rics, n, &bad) == WD_OK);
        fuzz_require(bad <= n);
        break;
    default:
        break;
    }
}


static void
play(play_t *p, wd_str_t line)
{
    int        rc;
    wd_error_t err = {0};

    if (line.len != 0 && line.data[0] == '!') {
        meanwhile(p, line);
    } else {
        rc = ingestion_lseg_session_frame(p->s, line, T, p->now, &p->capture,
                                          &p->r, &err);
        fuzz_require(p->capture.err == WD_OK);
        if (rc != WD_OK) {
            fuzz_require(err.text[0] != '\0');
            connect_anew(p);
        }
    }
    take_all(p);
    check(p);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t                    line, rest = wd_str((const char *) data, size);
    play_t                      p = {.now = WD_NS_PER_S};
    const ingestion_lseg_conf_t conf = {.application_id = "256",
                                        .position = "192.0.2.1",
                                        .batch = 3,
                                        .window = 5,
                                        .answer_ms = 10000,
                                        .retry_ms = 1000,
                                        .retry_max_ms = 8000,
                                        .closed_ms = 60000};

    p.pool = wd_pool_create(4096);
    if (p.pool == NULL) {
        return 0;
    }
    wd_records_init(&p.r, p.pool);
    wd_buf_init(&p.capture, 0);
    fuzz_require(ingestion_lseg_session_create(&conf, 1, &p.s) == WD_OK);
    fuzz_require(ingestion_lseg_session_open(p.s, WD_STR("token"), p.now)
                 == WD_OK);
    while (wd_str_split(&rest, '\n', &line)) {
        play(&p, line);
    }
    border(&p);
    ingestion_lseg_session_destroy(p.s);
    wd_buf_done(&p.capture);
    wd_pool_destroy(p.pool);
    return 0;
}
