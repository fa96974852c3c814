/*
 * wd_lseg_capture.h - what a streaming connection brought, as lines of JSON:
 * how it is archived, and read again as quotes and trades. Pure.
 *
 *     {"t":1655906041000000000,"v":1}
 *     {"t":..,"id":5,"image":{"name":"EUR=","open":true,"complete":true,
 *         "stale":false,"part":-1,"fields":{"BID":1.0566,"ASK":1.057}}}
 *     {"t":..,"m":[{"ID":5,"Type":"Update","Fields":{"BID":1.0567}}]}
 *     {"t":..,"bad":"[{\"ID\":5,"}
 *
 * t is the time of arrival, in nanoseconds. `m` has a frame's messages about
 * items as they came, but for line breaks between their values; logins, which
 * hold secrets, and pings are no part of it. `bad` is the beginning of a
 * frame that is none. A text can be read alone: it holds one connection, and
 * before the first message about an item stands the image as it was then,
 * unless that message is a refresh, which begins a new one.
 */
#ifndef WD_LSEG_CAPTURE_H
#define WD_LSEG_CAPTURE_H

#include "wd_lseg_image.h"

#include "wd_buf.h"

#define WD_LSEG_CAPTURE_VERSION 1
#define WD_LSEG_CAPTURE_MAX (32 * 1024 * 1024) /* bytes that are read */
#define WD_LSEG_CAPTURE_ITEMS_MAX 100000
#define WD_LSEG_CAPTURE_BAD_MAX 4096 /* bytes kept of a bad frame */

/* The first line. All append to *out, failures stay in out->err. */
void wd_lseg_capture_begin(wd_buf_t *out, wd_ns_t t);

void wd_lseg_capture_image(wd_buf_t *out, wd_ns_t t, int64_t id,
                           const wd_lseg_image_t *image);

/* Those messages of a frame that belong into it, at least one. */
void wd_lseg_capture_frame(wd_buf_t *out, wd_ns_t t,
                           const wd_lseg_event_t *const *events, size_t n);

void wd_lseg_capture_bad(wd_buf_t *out, wd_ns_t t, wd_str_t frame);

/* Does the image have to stand before this message, the first of an item? */
bool wd_lseg_capture_needs_image(const wd_lseg_event_t *event);

/*
 * Quotes and trades as wd_lseg_image_apply() gives them. A line, message or
 * figure that cannot be read is rejected, and spoils no other. WD_OK, also
 * when all was rejected or refused; WD_ENOMEM.
 */
wd_must_check int wd_lseg_capture_parse(wd_str_t body, wd_records_t *r);

#endif /* WD_LSEG_CAPTURE_H */
