/*
 * ingestion_collection.h - a collection: what is collected, for which
 * instruments, how often and from when. The definition and its checks; pure.
 *
 * A definition is a set of keys with texts, whether they come from a file, a
 * request or the database:
 *
 *     provider, dataset       as of ingest.run
 *     instruments             a list; see ingestion_collection_item()
 *     interval, country, ...  arguments that all questions have
 *     every                   15m, 4h, 1d, 1w
 *     at, tz, weekdays        06:30, Europe/Paris, mon-fri
 *     from                    day until which history is fetched; none: not
 *     overlap                 2d, 90m: looked at again for corrections
 *     priority                of the back-fill, 1 to 100, lower first
 *     paused                  true: made, and not run
 */
#ifndef INGESTION_COLLECTION_H
#define INGESTION_COLLECTION_H

#include "ingestion_schedule.h"
#include "ingestion_slices.h"
#include "provider.h"

#include "wd_json.h"

#define INGESTION_COLLECTION_NAME_MAX 64
#define INGESTION_COLLECTION_JSON_MAX (512u * 1024)
#define INGESTION_INSTRUMENTS_MAX 5000
#define INGESTION_INSTRUMENTS_BYTES_MAX (256u * 1024)

typedef struct {
    char             name[INGESTION_COLLECTION_NAME_MAX + 1];
    char             provider[33];
    char             dataset[33];
    ingestion_args_t args; /* that all questions have */
    wd_buf_t         instruments; /* each with a line end behind it */
    size_t           n_instruments;
    int64_t          every_s; /* 0: not given */
    int              at_s;
    unsigned         weekdays;
    char             zone[65]; /* "": UTC */
    int64_t          from; /* day; INGESTION_NO_DAY: no back-fill */
    wd_ns_t          overlap_ns; /* -1: that of the window */
    int              priority;
    bool             paused;
    unsigned         given; /* keys that were set, by their row */
    int              line; /* of a file: where it begins */

    /* Of ingestion_collection_check(). */
    const ingestion_dataset_t *set;
    bool                       stream; /* subscribed to, never asked for */
} ingestion_collection_t;

void ingestion_collection_init(ingestion_collection_t *c);
void ingestion_collection_done(ingestion_collection_t *c);

/* WD_OK, or WD_EPARAM: the name is none. */
wd_must_check int ingestion_collection_name(ingestion_collection_t *c,
                                            wd_str_t name, wd_error_t *err);

/*
 * One key. `instruments` may come several times, each a list separated by
 * commas. WD_EPARAM: unknown, twice, or not of its form; WD_ETOOBIG: too many
 * instruments; WD_ENOMEM.
 */
wd_must_check int ingestion_collection_set(ingestion_collection_t *c,
                                           wd_str_t key, wd_str_t value,
                                           wd_error_t *err);

/* Keys in turn, in the order in which they are shown; NULL at the end. */
const char *ingestion_collection_key(size_t i);

/*
 * When all keys are set: is it whole, and does every item ask what its data
 * set can answer? WD_OK; WD_EPARAM with the key in *ret_key; WD_ENOMEM.
 */
wd_must_check int ingestion_collection_check(ingestion_collection_t *c,
                                             const char            **ret_key,
                                             wd_error_t             *err);

/*
 * An instrument's arguments, without those of a window. Where its name takes
 * two arguments, a slash stands between them (EUR/USD); where an argument is
 * a list, its members may be joined by bars (IBM|MSFT) to be one question.
 * WD_EPARAM.
 */
wd_must_check int ingestion_collection_item(const ingestion_collection_t *c,
                                            wd_str_t          instrument,
                                            ingestion_args_t *ret,
                                            wd_error_t       *err);

/*
 * The next of *list (c->instruments at first). A collection whose questions
 * name no instrument has one item, "". false at the end.
 */
bool ingestion_collection_next(const ingestion_collection_t *c, wd_str_t *list,
                               size_t *i, wd_str_t *ret_instrument);

/* The definition as one JSON object, keys as above; without the name. */
void ingestion_collection_json(const ingestion_collection_t *c, wd_json_t *j);

/* The way back; to be checked afterwards. WD_EPARAM, WD_EPROTO, WD_ENOMEM. */
wd_must_check int ingestion_collection_parse(wd_str_t                json,
                                             ingestion_collection_t *c,
                                             wd_error_t             *err);

/* What is the same for all items: window, overlap, from. */
void ingestion_collection_span(const ingestion_collection_t *c,
                               ingestion_span_t             *ret);

/* `zone` of the collection's name, or NULL for UTC; it must stay. */
void ingestion_collection_schedule(const ingestion_collection_t *c,
                                   const wd_tz_t                *zone,
                                   ingestion_schedule_t         *ret);

#endif /* INGESTION_COLLECTION_H */
