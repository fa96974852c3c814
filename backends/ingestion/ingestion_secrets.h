/*
 * ingestion_secrets.h - texts that must show nowhere, in the forms in which
 * a provider may say them back.
 */
#ifndef INGESTION_SECRETS_H
#define INGESTION_SECRETS_H

#include "wd_base.h"
#include "wd_err.h"
#include "wd_str.h"

/* A shorter one could be part of ordinary text. */
#define INGESTION_SECRET_MIN 6

typedef struct {
    char  *text; /* heap */
    size_t len;
    bool   sure; /* no figure and no word: it may be taken out of data */
} ingestion_secret_t;

/* Zeroed: none. */
typedef struct {
    ingestion_secret_t *v;
    size_t              n;
} ingestion_secrets_t;

/*
 * As it is, and as it stands in a URL, in JSON and in HTML; nothing for a
 * text that is shorter than INGESTION_SECRET_MIN. WD_OK or WD_ENOMEM.
 */
wd_must_check int ingestion_secrets_add(ingestion_secrets_t *s,
                                        wd_str_t             secret);
void              ingestion_secrets_done(ingestion_secrets_t *s); /* wipes */

/* One of them stands in the text, or begins where the text was cut. */
bool ingestion_secrets_in(const ingestion_secrets_t *s, wd_str_t text);

/* Stars in the place of each of them. */
void ingestion_secrets_hide(const ingestion_secrets_t *s, char *text,
                            size_t len);

/* The same in data, of those that cannot be data; how many there were. */
size_t ingestion_secrets_mask(const ingestion_secrets_t *s, char *data,
                              size_t len);

#endif /* INGESTION_SECRETS_H */
