/*
 * wd_lseg_image.h - the image of one stream: a refresh holds all fields, an
 * update those that changed. Quotes and trades come out. Pure: the time of
 * arrival is an argument.
 *
 * A quote is recorded for each refresh that is whole, and for each update that
 * says something about bid or ask; a trade for each update that is one. While
 * the data are suspect the image is kept, marked stale, and nothing recorded.
 */
#ifndef WD_LSEG_IMAGE_H
#define WD_LSEG_IMAGE_H

#include "wd_lseg_stream.h"
#include "wd_records.h"

typedef enum {
    WD_LSEG_F_BID,
    WD_LSEG_F_ASK,
    WD_LSEG_F_BIDSIZE,
    WD_LSEG_F_ASKSIZE,
    WD_LSEG_F_PRICE,
    WD_LSEG_F_SIZE,
    WD_LSEG_F_OPEN,
    WD_LSEG_F_HIGH,
    WD_LSEG_F_LOW,
    WD_LSEG_F_PREVIOUS,
    WD_LSEG_F_VOLUME,
    WD_LSEG_F_COUNT
} wd_lseg_figure_e;

/* "BID", "TRDPRC_1", ... */
const char *wd_lseg_figure_name(wd_lseg_figure_e figure);

/* A plain value: it holds no memory and may be copied. */
typedef struct {
    char    symbol[WD_RECORD_SYMBOL_MAX + 1];
    double  figures[WD_LSEG_F_COUNT]; /* NAN: blank */
    int64_t part; /* of a refresh under way, the last one seen */
    bool    open;
    bool    complete; /* a whole refresh was seen */
    bool    stale; /* suspect: kept, but not to be relied upon */
} wd_lseg_image_t;

typedef enum {
    WD_LSEG_KEEP,
    WD_LSEG_ASK_AGAIN, /* the stream is closed: re-request, with back-off */
    WD_LSEG_GIVE_UP /* it is closed for good; event->class says why */
} wd_lseg_next_e;

/* Returns false unless `symbol` may be one. */
bool wd_lseg_image_init(wd_lseg_image_t *image, wd_str_t symbol);

/*
 * A refresh, update or status of this stream; other kinds, and those that the
 * image cannot take (an update without a refresh, a part out of its order, a
 * message about another symbol), change nothing. Adds to *r at most one quote
 * and one trade, whose symbol is a copy in its pool. Their time is that of the
 * message where it has one, on the day that it says or the day nearest to
 * `received`; else `received`. Their number is that of the message. A message with a figure or time that is none
 * is rejected; that figure is blank from then on. WD_OK, WD_ENOMEM.
 */
wd_must_check int wd_lseg_image_apply(wd_lseg_image_t       *image,
                                      const wd_lseg_event_t *event,
                                      wd_ns_t received, wd_records_t *r,
                                      wd_lseg_next_e *ret_next);

#endif /* WD_LSEG_IMAGE_H */
