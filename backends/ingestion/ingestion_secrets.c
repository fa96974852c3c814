/*
 * ingestion_secrets.c - secrets in all their forms, found and hidden.
 */
#include "ingestion_secrets.h"

#include "wd_buf.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define SURE_LEN 12 /* whatever it is made of */
#define SURE_MIXED_LEN 8 /* letters and something else */

/* Writes one byte of the secret in a form of its own. */
typedef void (*form_pt)(wd_buf_t *out, char c);


static void
form_plain(wd_buf_t *out, char c)
{
    wd_buf_byte(out, (uint8_t) c);
}


static bool
is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z');
}


static void
escape(wd_buf_t *out, char c, const char *format)
{
    char text[8];

    if (is_alnum(c) || (c != '\0' && strchr("-._~", c) != NULL)) {
        wd_buf_byte(out, (uint8_t) c);
        return;
    }
    snprintf(text, sizeof(text), format, (unsigned char) c);
    wd_buf_z(out, text);
}


static void
form_url(wd_buf_t *out, char c)
{
    escape(out, c, "%%%02X");
}


static void
form_url_lower(wd_buf_t *out, char c)
{
    escape(out, c, "%%%02x");
}


static void
form_json(wd_buf_t *out, char c)
{
    if (c == '"' || c == '\\') {
        wd_buf_byte(out, '\\');
    }
    wd_buf_byte(out, (uint8_t) c);
}


/* Some writers escape the slash, too. */
static void
form_json_slash(wd_buf_t *out, char c)
{
    if (c == '/') {
        wd_buf_byte(out, '\\');
    }
    form_json(out, c);
}


static void
form_html(wd_buf_t *out, char c)
{
    switch (c) {
    case '&':
        wd_buf_z(out, "&amp;");
        break;
    case '<':
        wd_buf_z(out, "&lt;");
        break;
    case '>':
        wd_buf_z(out, "&gt;");
        break;
    case '"':
        wd_buf_z(out, "&quot;");
        break;
    default:
        wd_buf_byte(out, (uint8_t) c);
    }
}


static const form_pt forms[] = {
    form_plain, form_url, form_url_lower, form_json, form_json_slash, form_html,
};


static bool
is_sure(wd_str_t secret)
{
    size_t i, letters = 0;

    for (i = 0; i < secret.len; i++) {
        letters += is_alnum(secret.data[i]) && secret.data[i] > '9';
    }
    return secret.len >= SURE_LEN
           || (secret.len >= SURE_MIXED_LEN && letters != 0
               && letters != secret.len);
}


static bool
is_known(const ingestion_secrets_t *s, wd_str_t text)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (wd_str_eq(wd_str(s->v[i].text, s->v[i].len), text)) {
            return true;
        }
    }
    return false;
}


static int
add_form(ingestion_secrets_t *s, wd_str_t text, bool sure)
{
    char               *copy;
    ingestion_secret_t *v;

    if (is_known(s, text)) {
        return WD_OK;
    }
    v = realloc(s->v, (s->n + 1) * sizeof(*v));
    if (v == NULL) {
        return WD_ENOMEM;
    }
    s->v = v;
    copy = strndup(text.data, text.len);
    if (copy == NULL) {
        return WD_ENOMEM;
    }
    s->v[s->n++] = (ingestion_secret_t){copy, text.len, sure};
    return WD_OK;
}


int
ingestion_secrets_add(ingestion_secrets_t *s, wd_str_t secret)
{
    int      rc = WD_OK;
    size_t   i, k;
    wd_buf_t text;

    if (secret.len < INGESTION_SECRET_MIN) {
        return WD_OK;
    }
    wd_buf_init(&text, 0);
    for (i = 0; i < wd_array_len(forms) && rc == WD_OK; i++) {
        wd_buf_reset(&text);
        for (k = 0; k < secret.len; k++) {
            forms[i](&text, secret.data[k]);
        }
        rc = text.err != WD_OK
                 ? text.err
                 : add_form(s, wd_buf_view(&text), is_sure(secret));
    }
    if (text.data != NULL) {
        sodium_memzero(text.data, text.cap);
    }
    wd_buf_done(&text);
    return rc;
}


void
ingestion_secrets_done(ingestion_secrets_t *s)
{
    size_t i;

    for (i = 0; i < s->n; i++) {
        sodium_memzero(s->v[i].text, s->v[i].len);
        free(s->v[i].text);
    }
    free(s->v);
    *s = (ingestion_secrets_t){NULL, 0};
}


/* How much of the secret stands at the end of the text; 0: nothing. */
static size_t
at_end(const ingestion_secret_t *s, const char *text, size_t len)
{
    size_t n;

    for (n = wd_min(s->len - 1, len); n >= INGESTION_SECRET_MIN; n--) {
        if (memcmp(text + len - n, s->text, n) == 0) {
            return n;
        }
    }
    return 0;
}


bool
ingestion_secrets_in(const ingestion_secrets_t *s, wd_str_t text)
{
    size_t i;

    for (i = 0; i < s->n && text.len != 0; i++) {
        if (memmem(text.data, text.len, s->v[i].text, s->v[i].len) != NULL
            || at_end(&s->v[i], text.data, text.len) != 0) {
            return true;
        }
    }
    return false;
}


static size_t
hide_one(const ingestion_secret_t *s, char *text, size_t len)
{
    size_t n = 0;
    char  *at, *end = text + len;

    while ((at = memmem(text, (size_t) (end - text), s->text, s->len))
           != NULL) {
        memset(at, '*', s->len);
        text = at + s->len;
        n++;
    }
    return n;
}


void
ingestion_secrets_hide(const ingestion_secrets_t *s, char *text, size_t len)
{
    size_t i, n;

    for (i = 0; i < s->n && len != 0; i++) {
        hide_one(&s->v[i], text, len);
        n = at_end(&s->v[i], text, len);
        memset(text + len - n, '*', n);
    }
}


size_t
ingestion_secrets_mask(const ingestion_secrets_t *s, char *data, size_t len)
{
    size_t i, n = 0;

    for (i = 0; i < s->n && len != 0; i++) {
        if (s->v[i].sure) {
            n += hide_one(&s->v[i], data, len);
        }
    }
    return n;
}
