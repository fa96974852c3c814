/*
 * wd_pg_copy.c - binary COPY into a table.
 */
#include "wd_pg_int.h"

#include "wd_num.h"

#include <endian.h>

/* The server works on what it has while the next rows are written. */
#define WD_PG_COPY_FLUSH (64 * 1024)

static const char wd_pg_copy_head[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";


int
wd_pg_copy_begin(wd_pg_conn_t *c, const char *sql, wd_buf_t *out,
                 wd_error_t *err)
{
    int       rc;
    PGresult *res;

    res = PQexec(wd_pg_raw(c), sql);
    if (PQresultStatus(res) != PGRES_COPY_IN) {
        rc = wd_pg_error(c, res, err);
        PQclear(res);
        return rc;
    }

    PQclear(res);
    wd_buf_append(out, wd_pg_copy_head, sizeof(wd_pg_copy_head));
    return WD_OK;
}


void
wd_pg_copy_row(wd_buf_t *out, int n_fields)
{
    uint16_t n = htobe16((uint16_t) n_fields);

    wd_buf_append(out, &n, 2);
}


static void
wd_pg_copy_len(wd_buf_t *out, int32_t len)
{
    uint32_t n = htobe32((uint32_t) len);

    wd_buf_append(out, &n, 4);
}


void
wd_pg_copy_null(wd_buf_t *out)
{
    wd_pg_copy_len(out, -1);
}


/* Length and bytes in one piece: a series has tens of thousands of these. */
static void
wd_pg_copy_field(wd_buf_t *out, const void *be, uint32_t len)
{
    uint8_t *p = wd_buf_reserve(out, 4 + len);
    uint32_t n = htobe32(len);

    if (p != NULL) {
        memcpy(p, &n, 4);
        memcpy(p + 4, be, len);
        out->len += 4 + len;
    }
}


void
wd_pg_copy_bool(wd_buf_t *out, bool v)
{
    wd_pg_copy_len(out, 1);
    wd_buf_byte(out, v);
}


void
wd_pg_copy_int2(wd_buf_t *out, int16_t v)
{
    uint16_t be = htobe16((uint16_t) v);

    wd_pg_copy_field(out, &be, sizeof(be));
}


void
wd_pg_copy_int4(wd_buf_t *out, int32_t v)
{
    uint32_t be = htobe32((uint32_t) v);

    wd_pg_copy_field(out, &be, sizeof(be));
}


void
wd_pg_copy_int8(wd_buf_t *out, int64_t v)
{
    uint64_t be = htobe64((uint64_t) v);

    wd_pg_copy_field(out, &be, sizeof(be));
}


void
wd_pg_copy_num(wd_buf_t *out, double v)
{
    int64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    wd_pg_copy_int8(out, bits);
}


void
wd_pg_copy_ts(wd_buf_t *out, wd_ns_t t)
{
    wd_pg_copy_int8(out, wd_pg_us(t));
}


void
wd_pg_copy_date(wd_buf_t *out, wd_ns_t t)
{
    wd_pg_copy_int4(out, wd_pg_days(t));
}


void
wd_pg_copy_str(wd_buf_t *out, wd_str_t s)
{
    if (s.data == NULL) {
        wd_pg_copy_null(out);
        return;
    }
    wd_pg_copy_len(out, (int32_t) s.len);
    wd_buf_str(out, s);
}


static int
wd_pg_copy_send(wd_pg_conn_t *c, wd_buf_t *out, wd_error_t *err)
{
    if (out->err != WD_OK) {
        return wd_error(err, out->err, "no memory for COPY");
    }

    if (out->len != 0
        && PQputCopyData(wd_pg_raw(c), (const char *) out->data, (int) out->len)
               != 1) {
        return wd_error(err, WD_EDB, "COPY: %.120s",
                        PQerrorMessage(wd_pg_raw(c)));
    }

    wd_buf_reset(out);
    return WD_OK;
}


int
wd_pg_copy_flush(wd_pg_conn_t *c, wd_buf_t *out, wd_error_t *err)
{
    if (out->len < WD_PG_COPY_FLUSH && out->err == WD_OK) {
        return WD_OK;
    }
    return wd_pg_copy_send(c, out, err);
}


int
wd_pg_copy_end(wd_pg_conn_t *c, wd_buf_t *out, int64_t *ret_rows,
               wd_error_t *err)
{
    int       rc;
    PGconn   *pg = wd_pg_raw(c);
    PGresult *res;

    wd_buf_append(out, "\377\377", 2);
    rc = wd_pg_copy_send(c, out, err);

    if (PQputCopyEnd(pg, rc == WD_OK ? NULL : "canceled") != 1) {
        return wd_error(err, WD_EDB, "COPY: %.120s", PQerrorMessage(pg));
    }

    while ((res = PQgetResult(pg)) != NULL) {
        if (PQresultStatus(res) == PGRES_COMMAND_OK) {
            if (ret_rows != NULL
                && wd_int_parse(wd_str_z(PQcmdTuples(res)), ret_rows)
                       != WD_OK) {
                *ret_rows = 0;
            }
        } else if (rc == WD_OK) {
            rc = wd_pg_error(c, res, err);
        }
        PQclear(res);
    }
    return rc;
}
