/*
 * ingestion_push_receive.c - a body from the caller into the lake: decoded,
 * hashed, cut into parts, each an object of its own.
 */
#include "ingestion_publisher.h"
#include "ingestion_push.h"
#include "wd_decoder.h"

#include "wd_push_split.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#define PIECE (128 * 1024)
#define RENEW_NS (INGESTION_PUSH_LEASE_S * WD_NS_PER_S / 3)
#define PG_WAIT_NS (2 * WD_NS_PER_S)

/* A part that a former attempt left in the lake. */
typedef struct {
    int64_t seq;
    char    sha256[65];
    char    args[128];
} left_t;

typedef struct {
    const wd_rpc_call_t      *call;
    const ingestion_t        *in;
    const wd_push_dataset_t  *d;
    wd_push_format_e          format;
    const ingestion_upload_t *u;
    const char               *worker;
    wd_ns_t                   renewed_at; /* wd_monotonic() */
    wd_decoder_t             *decoder;
    EVP_MD_CTX               *hash;
    wd_push_split_t          *split; /* NULL: only the hash is wanted */
    bool                      ending; /* the body is over */
    left_t                   *left;
    size_t                    n_left;
    size_t                    cap_left;
    ingestion_received_t     *ret;
} receiver_t;


/*
 * Says that the upload is being received here, and what is in the lake of it.
 * After a long wait somebody else may say so: WD_EEXIST. A database that is
 * away for a while ends nothing.
 */
static int
hold(receiver_t *r, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *pg;
    wd_error_t    why = {0};

    r->renewed_at = wd_monotonic();
    rc = wd_pg_acquire(r->in->pool, r->renewed_at + PG_WAIT_NS, &pg, &why);
    if (rc == WD_OK) {
        rc = ingestion_store_push_renew(pg, r->u->id, r->worker, r->ret->parts,
                                        r->ret->n, &why);
        wd_pg_release(pg);
    }
    return rc == WD_ENOTFOUND
               ? wd_error(err, WD_EEXIST,
                          "this upload was sent again and is received there")
               : WD_OK;
}


/* Now and then. */
static int
renew(receiver_t *r, wd_error_t *err)
{
    return r->split == NULL || wd_monotonic() - r->renewed_at < RENEW_NS
               ? WD_OK
               : hold(r, err);
}


static int
source(void *arg, void *buf, size_t cap, size_t *ret_n, wd_error_t *err)
{
    int         rc;
    receiver_t *r = arg;

    rc = wd_rpc_read(r->call, buf, cap, ret_n, err);
    return rc == WD_OK ? renew(r, err) : rc;
}


/* `upload` first: rows of other uploads are told by the begin. */
static void
part_args(const receiver_t *r, int64_t number, int64_t first, char *out,
          size_t cap)
{
    snprintf(out, cap, "{\"upload\":%lld,\"part\":%lld,\"%s\":%lld}",
             (long long) r->u->id, (long long) number,
             wd_push_format_has_lines(r->format) ? "first_line"
                                                 : "first_record",
             (long long) first);
}


static bool
on_row(const wd_lake_row_t *row, void *arg)
{
    char        begin[64];
    left_t     *grown;
    receiver_t *r = arg;

    snprintf(begin, sizeof(begin), "{\"upload\":%lld,", (long long) r->u->id);
    if (strcmp(row->provider, INGESTION_PUSH) != 0
        || strcmp(row->dataset, r->d->name) != 0
        || strcmp(row->content_type, wd_push_format_type(r->format)) != 0
        || strncmp(row->args, begin, strlen(begin)) != 0) {
        return true;
    }
    if (r->n_left == r->cap_left) {
        r->cap_left = r->cap_left != 0 ? r->cap_left * 2 : 16;
        grown = realloc(r->left, r->cap_left * sizeof(*grown));
        if (grown == NULL) {
            return false; /* those behind are stored once more: harmless */
        }
        r->left = grown;
    }
    r->left[r->n_left].seq = row->seq;
    wd_str_copy(r->left[r->n_left].sha256, sizeof(r->left->sha256),
                wd_str_z(row->sha256));
    wd_str_copy(r->left[r->n_left].args, sizeof(r->left->args),
                wd_str_z(row->args));
    r->n_left++;
    return true;
}


static void
digest(wd_str_t bytes, char out[65])
{
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (EVP_Digest(bytes.data, bytes.len, hash, NULL, EVP_sha256(), NULL)
        != 1) {
        abort(); /* a fixed algorithm over memory cannot fail */
    }
    wd_hex_encode(hash, 32, out);
}


/* The row of an equal part; 0: there is none. */
static int64_t
find_left(const receiver_t *r, const char *args, wd_str_t bytes)
{
    char   sha256[65];
    size_t i;

    if (r->n_left == 0) {
        return 0;
    }
    digest(bytes, sha256);
    for (i = 0; i < r->n_left; i++) {
        if (strcmp(r->left[i].args, args) == 0
            && strcmp(r->left[i].sha256, sha256) == 0) {
            return r->left[i].seq;
        }
    }
    return 0;
}


static int
keep_part(ingestion_received_t *ret, int64_t seq, wd_error_t *err)
{
    int64_t *grown;

    if (ret->n == ret->cap) {
        ret->cap = ret->cap != 0 ? ret->cap * 2 : 16;
        grown = realloc(ret->parts, ret->cap * sizeof(*grown));
        if (grown == NULL) {
            return wd_error(err, WD_ENOMEM, "no memory for an upload");
        }
        ret->parts = grown;
    }
    ret->parts[ret->n++] = seq;
    return WD_OK;
}


static int
check_room(const receiver_t *r, wd_error_t *err)
{
    ingestion_archive_state_t lake;

    ingestion_archive_state(r->in->archive, &lake);
    return lake.full
               ? wd_error(err, WD_ESTORAGE, "the raw archive's disk is full")
               : WD_OK;
}


static int
take_part(const wd_push_part_t *part, void *arg, wd_error_t *err)
{
    int         rc;
    char        args[128];
    int64_t     seq;
    receiver_t *r = arg;

    part_args(r, part->number, part->first, args, sizeof(args));
    seq = find_left(r, args, part->bytes);
    if (seq == 0) {
        rc = renew(r, err); /* who was too late stores nothing */
        if (rc == WD_OK) {
            rc = check_room(r, err);
        }
        if (rc == WD_OK) {
            rc = ingestion_archive_add(r->in->archive, r->d->name, args,
                                       wd_push_format_type(r->format),
                                       part->bytes, &seq, err);
        }
        if (rc != WD_OK) {
            return rc;
        }
        ingestion_publisher_wake(r->in->publisher);
    }
    rc = keep_part(r->ret, seq, err);
    return rc == WD_OK && !r->ending ? hold(r, err) : rc;
}


static int
take_piece(receiver_t *r, const uint8_t *piece, size_t n, wd_error_t *err)
{
    int rc = WD_OK;

    if (EVP_DigestUpdate(r->hash, piece, n) != 1) {
        return wd_error(err, WD_EINTERNAL, "SHA-256 failed");
    }
    r->ret->bytes += (int64_t) n;
    if (r->split != NULL) {
        rc = wd_push_split_feed(r->split, wd_str((const char *) piece, n), err);
    }
    return rc;
}


static int
take_end(receiver_t *r, wd_error_t *err)
{
    int           rc = WD_OK;
    unsigned char hash[EVP_MAX_MD_SIZE];

    if (EVP_DigestFinal_ex(r->hash, hash, NULL) != 1) {
        return wd_error(err, WD_EINTERNAL, "SHA-256 failed");
    }
    wd_hex_encode(hash, 32, r->ret->sha256);
    r->ending = true;
    if (r->split != NULL) {
        rc = wd_push_split_end(r->split, err);
        r->ret->records = wd_push_split_records(r->split);
    }
    return rc;
}


static int
take_all(receiver_t *r, wd_error_t *err)
{
    int      rc;
    size_t   n;
    uint8_t *piece = malloc(PIECE);

    if (piece == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a body");
    }
    do {
        rc = wd_decoder_read(r->decoder, piece, PIECE, &n, err);
        if (rc == WD_OK) {
            rc = n != 0 ? take_piece(r, piece, n, err) : take_end(r, err);
        }
    } while (rc == WD_OK && n != 0);
    free(piece);
    return rc;
}


static int
receive(receiver_t *r, wd_error_t *err)
{
    int rc;

    r->in = r->call->svc;
    r->renewed_at = wd_monotonic();
    r->hash = EVP_MD_CTX_new();
    if (r->hash == NULL
        || EVP_DigestInit_ex(r->hash, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(r->hash);
        return wd_error(err, WD_ENOMEM, "no memory for a body");
    }
    rc = wd_decoder_create(r->call->ctx.enc, WD_PUSH_BODY_MAX, source, r,
                           &r->decoder, err);
    if (rc == WD_OK) {
        rc = take_all(r, err);
        wd_decoder_destroy(r->decoder);
    }
    EVP_MD_CTX_free(r->hash);
    return rc;
}


int
ingestion_push_receive(const wd_rpc_call_t *call, const wd_push_dataset_t *d,
                       wd_push_format_e format, const ingestion_upload_t *u,
                       const char *worker, bool again,
                       ingestion_received_t *ret, wd_error_t *err)
{
    int                rc = WD_OK;
    const ingestion_t *in = call->svc;
    receiver_t         r = {.call = call,
                            .d = d,
                            .format = format,
                            .u = u,
                            .worker = worker,
                            .ret = ret};

    r.split = wd_push_split_create(d, format, WD_PUSH_PART_BYTES, take_part,
                                   &r);
    if (r.split == NULL) {
        rc = wd_error(err, WD_ENOMEM, "no memory for an upload");
    }
    if (rc == WD_OK && again) {
        rc = ingestion_archive_rows(in->archive, u->lake_from, on_row, &r, err);
    }
    if (rc == WD_OK) {
        rc = receive(&r, err);
    }
    wd_push_split_destroy(r.split);
    free(r.left);
    return rc;
}


int
ingestion_push_hash(const wd_rpc_call_t *call, ingestion_received_t *ret,
                    wd_error_t *err)
{
    receiver_t r = {.call = call, .ret = ret};

    return receive(&r, err);
}
