/*
 * wd_upload.h - what a body for a method with WD_M_UPLOAD may be.
 */
#ifndef WD_UPLOAD_H
#define WD_UPLOAD_H

#include "wd_str.h"

/* The media types that are taken; NULL ends the list. */
const char *const *wd_upload_types(void);

/*
 * One of them, for a header Content-Type; NULL: it is of another type, or its
 * text is not in UTF-8. Other parameters do not matter.
 */
const char *wd_upload_type(wd_str_t content_type);

/*
 * "gzip" or "zstd" for a header Content-Encoding, "" for none or identity;
 * NULL: another one, or several.
 */
const char *wd_upload_coding(wd_str_t content_encoding);

#endif /* WD_UPLOAD_H */
