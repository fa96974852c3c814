/*
 * ingestion_collection_file.c - reads the files of conf/collections.d.
 */
#include "ingestion_collection_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SUFFIX ".conf"


/* ---- a file's text ------------------------------------------------------ */

typedef struct {
    ingestion_collections_t *all;
    int                      line;
    int                      bad_line; /* where the error is shown */
    wd_error_t              *err;
} reader_t;


void
ingestion_collections_done(ingestion_collections_t *all)
{
    size_t i;

    for (i = 0; i < all->n; i++) {
        ingestion_collection_done(&all->v[i]);
    }
    free(all->v);
    memset(all, 0, sizeof(*all));
}


/* The section that is open; NULL: none yet. */
static ingestion_collection_t *
current(const reader_t *r)
{
    return r->all->n != 0 ? &r->all->v[r->all->n - 1] : NULL;
}


/* What a definition as a whole lacks is shown at its section. */
static int
end_section(reader_t *r)
{
    int                     rc;
    wd_tz_t                *zone = NULL;
    const char             *key;
    ingestion_collection_t *c = current(r);

    if (c == NULL) {
        return WD_OK;
    }
    r->bad_line = c->line;
    rc = ingestion_collection_check(c, &key, r->err);
    if (rc == WD_OK && c->zone[0] != '\0') {
        rc = wd_tz_load(c->zone, &zone);
        wd_tz_destroy(zone);
        if (rc != WD_OK) {
            wd_error(r->err, rc, "tz: %.64s: no such time zone", c->zone);
        }
    }
    return rc;
}


static int
begin_section(reader_t *r, wd_str_t name)
{
    int                     rc;
    size_t                  i;
    ingestion_collection_t *more, *c;

    rc = end_section(r);
    if (rc != WD_OK) {
        return rc;
    }
    r->bad_line = r->line;
    if (r->all->n == INGESTION_SECTIONS_MAX) {
        return wd_error(r->err, WD_ETOOBIG, "more than %d collections",
                        INGESTION_SECTIONS_MAX);
    }
    more = realloc(r->all->v, (r->all->n + 1) * sizeof(*more));
    if (more == NULL) {
        return wd_error(r->err, WD_ENOMEM, "no memory");
    }
    r->all->v = more;
    c = &more[r->all->n++];
    ingestion_collection_init(c);
    c->line = r->line;

    rc = ingestion_collection_name(c, name, r->err);
    for (i = 0; i + 1 < r->all->n && rc == WD_OK; i++) {
        if (strcmp(more[i].name, c->name) == 0) {
            rc = wd_error(r->err, WD_EEXIST, "[%s] stands in line %d, too",
                          c->name, more[i].line);
        }
    }
    return rc;
}


/* Else `IBM # the bank` would be asked for by that name. */
static bool
has_comment(wd_str_t value)
{
    size_t i;

    for (i = 1; i < value.len; i++) {
        if (value.data[i] == '#'
            && (value.data[i - 1] == ' ' || value.data[i - 1] == '\t')) {
            return true;
        }
    }
    return false;
}


static int
take_line(reader_t *r, wd_str_t line)
{
    wd_str_t key;

    r->bad_line = r->line;
    if (line.len > INGESTION_FILE_LINE_MAX) {
        return wd_error(r->err, WD_ETOOBIG, "longer than %d bytes",
                        INGESTION_FILE_LINE_MAX);
    }
    line = wd_str_trim(line);
    if (line.len == 0 || line.data[0] == '#' || line.data[0] == ';') {
        return WD_OK;
    }
    if (line.data[0] == '[') {
        return line.data[line.len - 1] == ']'
                   ? begin_section(r, wd_str(line.data + 1, line.len - 2))
                   : wd_error(r->err, WD_EPARAM, "a section is [name]");
    }
    if (current(r) == NULL) {
        return wd_error(r->err, WD_EPARAM, "stands before the first [name]");
    }
    wd_str_split(&line, '=', &key);
    if (line.data == NULL) {
        return wd_error(r->err, WD_EPARAM, "is not key = value");
    }
    if (has_comment(line)) {
        return wd_error(r->err, WD_EPARAM, "a comment has a line of its own");
    }
    return ingestion_collection_set(current(r), wd_str_trim(key),
                                    wd_str_trim(line), r->err);
}


int
ingestion_collection_read(wd_str_t text, ingestion_collections_t *ret,
                          int *ret_line, wd_error_t *err)
{
    int      rc = WD_OK;
    wd_str_t line;
    reader_t r = {.all = ret, .bad_line = 1, .err = err};

    memset(ret, 0, sizeof(*ret));
    if (!wd_utf8_valid(text)
        || (text.len != 0 && memchr(text.data, '\0', text.len) != NULL)) {
        *ret_line = 1;
        return wd_error(err, WD_ECONFIG, "is no UTF-8 text");
    }
    if (wd_str_starts(text, "\xef\xbb\xbf")) { /* as some editors write */
        text = wd_str(text.data + 3, text.len - 3);
    }
    while (rc == WD_OK && wd_str_split(&text, '\n', &line)) {
        r.line++;
        rc = take_line(&r, line);
    }
    if (rc == WD_OK) {
        rc = end_section(&r);
    }
    *ret_line = r.bad_line;
    return rc == WD_OK || rc == WD_ENOMEM ? rc : WD_ECONFIG;
}


/* ---- a folder ----------------------------------------------------------- */

static int
slurp(const char *folder, const char *name, wd_buf_t *out, wd_error_t *err)
{
    int      fd;
    char     path[1024];
    uint8_t *room;
    ssize_t  n = 1;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return wd_error(err, WD_EIO, "cannot be opened: %s", strerror(errno));
    }
    while (n > 0 && (room = wd_buf_reserve(out, 4096)) != NULL) {
        n = read(fd, room, 4096);
        out->len += n > 0 ? (size_t) n : 0;
    }
    close(fd);
    if (out->err == WD_ETOOBIG) {
        return wd_error(err, WD_ETOOBIG, "longer than %u bytes",
                        INGESTION_FILE_BYTES_MAX);
    }
    return n < 0 ? wd_error(err, WD_EIO, "cannot be read: %s", strerror(errno))
                 : out->err;
}


static int
read_one(const char *folder, ingestion_file_t *f)
{
    int        rc, line = 0;
    wd_buf_t   text;
    wd_error_t err = {0};

    wd_buf_init(&text, INGESTION_FILE_BYTES_MAX + 4096);
    rc = slurp(folder, f->name, &text, &err);
    if (rc == WD_OK) {
        rc = ingestion_collection_read(wd_buf_view(&text), &f->collections,
                                       &line, &err);
    }
    wd_buf_done(&text);
    f->bad = rc != WD_OK;
    if (f->bad && line != 0) {
        snprintf(f->error, sizeof(f->error), "%s:%d: %s", f->name, line,
                 err.text);
    } else if (f->bad) {
        snprintf(f->error, sizeof(f->error), "%s: %s", f->name, err.text);
    }
    return rc == WD_ENOMEM ? rc : WD_OK;
}


/* A section and the place of its file in the folder. */
typedef struct {
    const ingestion_collection_t *c;
    size_t                        file;
} place_t;


static int
by_section(const void *a, const void *b)
{
    const place_t *x = a, *y = b;
    int            c = strcmp(x->c->name, y->c->name);

    return c != 0 ? c : (x->file > y->file) - (x->file < y->file);
}


/* Each name once in a folder: of two files, the later one is refused. */
static int
refuse_doubles(ingestion_folder_t *folder)
{
    size_t            f, i, n = 0;
    place_t          *all;
    ingestion_file_t *later;

    for (f = 0; f < folder->n; f++) {
        n += folder->v[f].collections.n;
    }
    all = calloc(n + 1, sizeof(*all));
    if (all == NULL) {
        return WD_ENOMEM;
    }
    for (f = 0, n = 0; f < folder->n; f++) {
        for (i = 0; i < folder->v[f].collections.n && !folder->v[f].bad; i++) {
            all[n++] = (place_t){&folder->v[f].collections.v[i], f};
        }
    }
    qsort(all, n, sizeof(*all), by_section);
    for (i = 1; i < n; i++) {
        later = &folder->v[all[i].file];
        if (strcmp(all[i - 1].c->name, all[i].c->name) == 0 && !later->bad) {
            later->bad = true;
            snprintf(later->error, sizeof(later->error),
                     "%.100s:%d: [%s] stands in %.100s, too", later->name,
                     all[i].c->line, all[i].c->name,
                     folder->v[all[i - 1].file].name);
        }
    }
    free(all);
    return WD_OK;
}


static bool
is_wanted(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > strlen(SUFFIX)
           && n < sizeof(((ingestion_file_t *) NULL)->name)
           && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}


static int
by_name(const void *a, const void *b)
{
    const ingestion_file_t *x = a, *y = b;

    return strcmp(x->name, y->name);
}


static int
list_files(DIR *dir, ingestion_folder_t *ret)
{
    ingestion_file_t    *more;
    const struct dirent *e;

    while ((e = readdir(dir)) != NULL) {
        if (!is_wanted(e->d_name)) {
            continue;
        }
        if (ret->n == INGESTION_FILES_MAX) {
            snprintf(ret->error, sizeof(ret->error),
                     "more than %d files; the others are not read",
                     INGESTION_FILES_MAX);
            break;
        }
        more = realloc(ret->v, (ret->n + 1) * sizeof(*more));
        if (more == NULL) {
            return WD_ENOMEM;
        }
        ret->v = more;
        memset(&more[ret->n], 0, sizeof(*more));
        wd_str_copy(more[ret->n].name, sizeof(more->name), wd_str_z(e->d_name));
        ret->n++;
    }
    if (ret->n != 0) {
        qsort(ret->v, ret->n, sizeof(*ret->v), by_name);
    }
    return WD_OK;
}


int
ingestion_folder_read(const char *path, ingestion_folder_t *ret)
{
    int    rc;
    DIR   *dir;
    size_t i;

    memset(ret, 0, sizeof(*ret));
    dir = opendir(path);
    if (dir == NULL) {
        if (errno != ENOENT) {
            ret->unreadable = true;
            snprintf(ret->error, sizeof(ret->error), "%.200s: %s", path,
                     strerror(errno));
        }
        return WD_OK;
    }
    rc = list_files(dir, ret);
    closedir(dir);
    for (i = 0; i < ret->n && rc == WD_OK; i++) {
        rc = read_one(path, &ret->v[i]);
    }
    return rc == WD_OK ? refuse_doubles(ret) : rc;
}


void
ingestion_folder_done(ingestion_folder_t *folder)
{
    size_t i;

    for (i = 0; i < folder->n; i++) {
        ingestion_collections_done(&folder->v[i].collections);
    }
    free(folder->v);
    memset(folder, 0, sizeof(*folder));
}
