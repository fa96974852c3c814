/*
 * wd_expo_merge.c - keeps, indexes and writes the metrics of many sources.
 */
#include "wd_expo_merge.h"

#include "wd_map.h"

#include <stdlib.h>
#include <sys/mman.h>

#define WD_EXPO_PIECE (64 * 1024)
#define WD_EXPO_RUN_BLOCK 256 /* runs taken at once */


/*
 * Memory for text; a line never goes on in the next piece. It is mapped, not
 * allocated: malloc() would keep it all and give it back in one long moment.
 */
typedef struct wd_expo_piece {
    struct wd_expo_piece *next;
    size_t                len;
    char                  data[];
} wd_expo_piece_t;

#define WD_EXPO_ROOM (WD_EXPO_PIECE - sizeof(wd_expo_piece_t))

typedef struct {
    wd_expo_piece_t  *first;
    wd_expo_piece_t **end; /* where the next piece goes */
    wd_expo_piece_t  *last;
    size_t            bytes;
    char             *label;
    bool              complete;
    bool              cutting; /* the line that comes is too long */
} wd_expo_source_t;

/* Lines of one family, one behind the other in a piece. */
typedef struct wd_expo_run {
    struct wd_expo_run *next;
    const char         *data;
    uint32_t            len;
    uint32_t            source;
} wd_expo_run_t;

typedef struct wd_expo_runs {
    struct wd_expo_runs *next;
    size_t               n;
    wd_expo_run_t        runs[WD_EXPO_RUN_BLOCK];
} wd_expo_runs_t;

typedef struct {
    wd_str_t       name;
    wd_str_t       help;
    wd_expo_type_e type;
    bool           has_type;
    bool           has_help;
    bool           reserved;
    wd_expo_run_t *first;
    wd_expo_run_t *last;
} wd_expo_entry_t;

struct wd_expo_merge {
    wd_map_t        *names; /* of families */
    wd_expo_entry_t *entries; /* in the order of appearance */
    size_t           n;
    wd_expo_source_t sources[WD_EXPO_SOURCES_MAX];
    wd_expo_runs_t  *blocks;
    size_t           n_runs;
    size_t           dropped;

    /* where index and write stand */
    size_t           source;
    wd_expo_piece_t *piece;
    size_t           pos;
    wd_expo_entry_t *entry;
    bool             samples; /* the heads of all sources are known */
    bool             started;
    size_t           writing;
    wd_expo_run_t   *run;
    size_t           run_pos;
    bool             headed;
    wd_expo_family_t family;
};


/* ---- memory ------------------------------------------------------------- */

wd_expo_merge_t *
wd_expo_merge_create(void)
{
    wd_expo_merge_t *m = calloc(1, sizeof(*m));

    if (m == NULL) {
        return NULL;
    }
    m->names = wd_map_create();
    m->entries = calloc(WD_EXPO_FAMILIES_MAX, sizeof(*m->entries));
    if (m->names == NULL || m->entries == NULL) {
        wd_expo_merge_destroy(m);
        return NULL;
    }
    return m;
}


static size_t
wd_expo_shrink_source(wd_expo_source_t *s, size_t pieces)
{
    wd_expo_piece_t *p;

    while (pieces != 0 && s->first != NULL) {
        p = s->first;
        s->first = p->next;
        (void) munmap(p, WD_EXPO_PIECE);
        pieces--;
    }
    return pieces;
}


bool
wd_expo_merge_shrink(wd_expo_merge_t *m, size_t pieces)
{
    size_t          i;
    wd_expo_runs_t *b;

    for (i = 0; i < WD_EXPO_SOURCES_MAX && pieces != 0; i++) {
        pieces = wd_expo_shrink_source(&m->sources[i], pieces);
    }
    while (pieces != 0 && m->blocks != NULL) {
        b = m->blocks;
        m->blocks = b->next;
        free(b);
        pieces--;
    }
    if (pieces == 0) {
        return false;
    }

    for (i = 0; i < WD_EXPO_SOURCES_MAX; i++) {
        free(m->sources[i].label);
    }
    wd_map_destroy(m->names);
    free(m->entries);
    free(m);
    return true;
}


void
wd_expo_merge_destroy(wd_expo_merge_t *m)
{
    if (m != NULL) {
        (void) wd_expo_merge_shrink(m, SIZE_MAX);
    }
}


size_t
wd_expo_merge_dropped(const wd_expo_merge_t *m)
{
    return m->dropped;
}


/* ---- feeding ------------------------------------------------------------ */

/* The bytes behind the last line end of the last piece. */
static wd_str_t
wd_expo_tail(const wd_expo_piece_t *p)
{
    const char *end = p->len != 0 ? memrchr(p->data, '\n', p->len) : NULL;
    size_t      from = end != NULL ? (size_t) (end - p->data) + 1 : 0;

    return wd_str(p->data + from, p->len - from);
}


/* A new piece, which begins with the line that the last one ends in. */
static int
wd_expo_piece_add(wd_expo_merge_t *m, wd_expo_source_t *s)
{
    wd_str_t         tail = WD_STR_NULL;
    wd_expo_piece_t *p;

    p = mmap(NULL, WD_EXPO_PIECE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) {
        return WD_ENOMEM;
    }
    if (s->last != NULL) {
        tail = wd_expo_tail(s->last);
    }
    p->next = NULL;
    p->len = 0;

    if (tail.len > WD_EXPO_LINE_MAX) {
        s->cutting = true;
        s->last->len -= tail.len;
        m->dropped++;
    } else if (tail.len != 0) {
        memcpy(p->data, tail.data, tail.len);
        p->len = tail.len;
        s->last->len -= tail.len;
    }

    *(s->first == NULL ? &s->first : s->end) = p;
    s->end = &p->next;
    s->last = p;
    return WD_OK;
}


/* What is left of a line that is too long is passed over. */
static wd_str_t
wd_expo_cut(wd_expo_source_t *s, wd_str_t bytes)
{
    const char *end = memchr(bytes.data, '\n', bytes.len);

    if (end == NULL) {
        return WD_STR_NULL;
    }
    s->cutting = false;
    return wd_str(end + 1, bytes.len - (size_t) (end + 1 - bytes.data));
}


int
wd_expo_merge_feed(wd_expo_merge_t *m, size_t source, wd_str_t bytes,
                   size_t max)
{
    int               rc;
    size_t            n;
    wd_expo_source_t *s = &m->sources[source % WD_EXPO_SOURCES_MAX];

    if (source >= WD_EXPO_SOURCES_MAX
        || bytes.len > max - wd_min(s->bytes, max)) {
        return WD_ETOOBIG;
    }
    s->bytes += bytes.len;

    while (bytes.len != 0) {
        if (s->cutting) {
            bytes = wd_expo_cut(s, bytes);
            continue;
        }
        if (s->last == NULL || s->last->len == WD_EXPO_ROOM) {
            rc = wd_expo_piece_add(m, s);
            if (rc != WD_OK) {
                return rc;
            }
            continue;
        }
        n = wd_min(bytes.len, WD_EXPO_ROOM - s->last->len);
        memcpy(s->last->data + s->last->len, bytes.data, n);
        s->last->len += n;
        bytes.data += n;
        bytes.len -= n;
    }
    return WD_OK;
}


int
wd_expo_merge_end(wd_expo_merge_t *m, size_t source, const char *label)
{
    wd_expo_source_t *s = &m->sources[source % WD_EXPO_SOURCES_MAX];

    if (source >= WD_EXPO_SOURCES_MAX) {
        return WD_ETOOBIG;
    }
    if (label != NULL) {
        s->label = strdup(label);
        if (s->label == NULL) {
            return WD_ENOMEM;
        }
    }
    s->complete = true;
    return WD_OK;
}


void
wd_expo_merge_drop(wd_expo_merge_t *m, size_t source)
{
    if (source < WD_EXPO_SOURCES_MAX) {
        m->sources[source].complete = false;
    }
}


/* ---- the index ---------------------------------------------------------- */

/* NULL: there are too many, or *rc is set. */
static wd_expo_entry_t *
wd_expo_entry(wd_expo_merge_t *m, wd_str_t name, int *rc)
{
    wd_expo_entry_t *e = wd_map_get(m->names, name);

    if (e != NULL || m->n == WD_EXPO_FAMILIES_MAX) {
        return e;
    }
    e = &m->entries[m->n];
    *rc = wd_map_set(m->names, name, e, NULL);
    if (*rc != WD_OK) {
        return NULL;
    }
    *e = (wd_expo_entry_t){.name = name, .type = WD_EXPO_UNTYPED};
    m->n++;
    return e;
}


int
wd_expo_merge_reserve(wd_expo_merge_t *m, wd_str_t name, wd_expo_type_e type)
{
    int              rc = WD_OK;
    wd_expo_entry_t *e = wd_expo_entry(m, name, &rc);

    if (e != NULL) {
        e->reserved = true;
        e->has_type = true;
        e->type = type;
    }
    return rc;
}


static wd_expo_family_t
wd_expo_family(const wd_expo_entry_t *e)
{
    return (wd_expo_family_t){.name = e->name, .type = e->type};
}


/* Of who came first. */
static void
wd_expo_index_head(wd_expo_entry_t *e, wd_expo_kind_e kind,
                   const wd_expo_line_t *l)
{
    if (kind == WD_EXPO_HELP && !e->has_help) {
        e->has_help = true;
        e->help = l->rest;
    } else if (kind == WD_EXPO_TYPE && !e->has_type) {
        e->has_type = true;
        e->type = l->type;
    }
}


static wd_expo_run_t *
wd_expo_run_new(wd_expo_merge_t *m, int *rc)
{
    wd_expo_runs_t *b = m->blocks;

    if (m->n_runs == WD_EXPO_RUNS_MAX) {
        return NULL;
    }
    if (b == NULL || b->n == WD_EXPO_RUN_BLOCK) {
        b = malloc(sizeof(*b));
        if (b == NULL) {
            *rc = WD_ENOMEM;
            return NULL;
        }
        b->next = m->blocks;
        b->n = 0;
        m->blocks = b;
    }
    m->n_runs++;
    return &b->runs[b->n++];
}


/* The line (with its end) joins the family's last run when it adjoins. */
static bool
wd_expo_index_sample(wd_expo_merge_t *m, wd_expo_entry_t *e, wd_str_t line,
                     int *rc)
{
    wd_expo_run_t *r = e->last;

    if (r != NULL && r->data + r->len == line.data && r->source == m->source) {
        r->len += (uint32_t) line.len;
        return true;
    }

    r = wd_expo_run_new(m, rc);
    if (r == NULL) {
        return false;
    }
    *r = (wd_expo_run_t){NULL, line.data, (uint32_t) line.len,
                         (uint32_t) m->source};
    *(e->first == NULL ? &e->first : &e->last->next) = r;
    e->last = r;
    return true;
}


/* The histogram or summary that a sample of this name is a part of. */
static wd_expo_entry_t *
wd_expo_index_part(const wd_expo_merge_t *m, wd_str_t sample)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};

    size_t           i, n;
    wd_expo_entry_t *e;
    wd_expo_family_t f;

    for (i = 0; i < wd_array_len(suffixes); i++) {
        n = strlen(suffixes[i]);
        if (sample.len <= n
            || memcmp(sample.data + sample.len - n, suffixes[i], n) != 0) {
            continue;
        }
        e = wd_map_get(m->names, wd_str(sample.data, sample.len - n));
        if (e != NULL) {
            f = wd_expo_family(e);
            return wd_expo_belongs(&f, sample) ? e : NULL;
        }
    }
    return NULL;
}


static wd_expo_entry_t *
wd_expo_index_family(wd_expo_merge_t *m, wd_str_t sample, int *rc)
{
    wd_expo_entry_t *e;
    wd_expo_family_t f;

    if (m->entry != NULL) {
        f = wd_expo_family(m->entry);
        if (wd_expo_belongs(&f, sample)) {
            return m->entry;
        }
    }

    e = wd_expo_index_part(m, sample);
    return e != NULL ? e : wd_expo_entry(m, sample, rc);
}


/* The first time only heads count, the second time only samples. */
static void
wd_expo_index_line(wd_expo_merge_t *m, wd_str_t text, wd_str_t line, int *rc)
{
    bool             head = line.len != 0 && line.data[0] == '#';
    wd_expo_line_t   l;
    wd_expo_kind_e   kind;
    wd_expo_entry_t *e;

    if (!head && !m->samples) {
        return;
    }
    kind = wd_expo_line(line, &l);
    if (kind == WD_EXPO_NOTHING) {
        return;
    }
    if (kind == WD_EXPO_BAD) {
        m->dropped += head != m->samples;
        return;
    }

    if (!head) {
        e = wd_expo_index_family(m, l.name, rc);
        if (e == NULL || e->reserved || !wd_expo_index_sample(m, e, text, rc)) {
            m->dropped++;
        }
        return;
    }
    m->entry = m->samples ? wd_map_get(m->names, l.name)
                          : wd_expo_entry(m, l.name, rc);
    if (m->entry != NULL && !m->samples) {
        wd_expo_index_head(m->entry, kind, &l);
    }
}


/* The next line of the pieces; false at the end of the source. */
static bool
wd_expo_next_line(wd_expo_merge_t *m, wd_str_t *ret_text, wd_str_t *ret_line)
{
    size_t      n;
    const char *at, *end;

    while (m->piece != NULL && m->pos == m->piece->len) {
        m->piece = m->piece->next;
        m->pos = 0;
    }
    if (m->piece == NULL) {
        return false;
    }

    at = m->piece->data + m->pos;
    n = m->piece->len - m->pos;
    end = memchr(at, '\n', n);
    if (end != NULL) {
        *ret_line = wd_str(at, (size_t) (end - at));
        *ret_text = wd_str(at, ret_line->len + 1);
    } else { /* the last one, which has no end */
        *ret_line = *ret_text = wd_str(at, n);
    }
    m->pos += ret_text->len;
    return true;
}


/* The next complete source, all of them twice; false at the end. */
static bool
wd_expo_next_source(wd_expo_merge_t *m)
{
    m->source += m->started;
    m->started = true;
    while (m->source < WD_EXPO_SOURCES_MAX && !m->sources[m->source].complete) {
        m->source++;
    }
    if (m->source >= WD_EXPO_SOURCES_MAX) {
        if (m->samples) {
            return false;
        }
        m->samples = true;
        m->source = 0;
        m->started = false;
        return true;
    }
    m->piece = m->sources[m->source].first;
    m->pos = 0;
    m->entry = NULL;
    return true;
}


bool
wd_expo_merge_index(wd_expo_merge_t *m, size_t lines, int *ret_rc)
{
    wd_str_t text, line;

    *ret_rc = WD_OK;
    while (lines-- != 0 && *ret_rc == WD_OK) {
        while (!wd_expo_next_line(m, &text, &line)) {
            if (!wd_expo_next_source(m)) {
                return true;
            }
        }
        wd_expo_index_line(m, text, line, ret_rc);
    }
    return *ret_rc != WD_OK;
}


/* ---- writing ------------------------------------------------------------ */

/* The family whose name is this one's with `_total` behind it. */
static const wd_expo_entry_t *
wd_expo_total(const wd_expo_merge_t *m, wd_str_t name)
{
    char text[WD_EXPO_NAME_MAX + sizeof("_total")];

    memcpy(text, name.data, name.len);
    memcpy(text + name.len, "_total", sizeof("_total"));
    return wd_map_get(m->names, wd_str_z(text));
}


/*
 * In OpenMetrics the counter x_total is a family named x. When there is
 * another x, or when x is a counter besides x_total, it is written under its
 * full name, as something unknown.
 */
static bool
wd_expo_clashes(const wd_expo_merge_t *m, const wd_expo_family_t *f)
{
    wd_str_t base = wd_expo_base(f);

    return base.len != f->name.len ? wd_map_get(m->names, base) != NULL
                                   : wd_expo_total(m, f->name) != NULL;
}


/* The caller's own counter has this name in OpenMetrics. */
static bool
wd_expo_taken(const wd_expo_merge_t *m, const wd_expo_family_t *f)
{
    const wd_expo_entry_t *e = wd_expo_total(m, f->name);

    return e != NULL && e->reserved && e->type == WD_EXPO_COUNTER;
}


static void
wd_expo_write_begin(wd_expo_merge_t *m, bool openmetrics)
{
    wd_expo_entry_t *e = &m->entries[m->writing];

    m->family = wd_expo_family(e);
    m->family.openmetrics = openmetrics;
    m->run = e->first;
    if (openmetrics) {
        m->family.clash = m->family.type == WD_EXPO_COUNTER
                          && wd_expo_clashes(m, &m->family);
        if (wd_expo_taken(m, &m->family)) {
            m->run = NULL;
            m->dropped++;
        }
    }
    m->run_pos = 0;
    m->headed = false;
}


static void
wd_expo_write_line(wd_expo_merge_t *m, wd_str_t line, wd_buf_t *out)
{
    size_t                 before = out->len;
    wd_expo_line_t         l;
    const wd_expo_entry_t *e = &m->entries[m->writing];

    if (wd_expo_line(line, &l) != WD_EXPO_SAMPLE) {
        return;
    }
    if (!m->headed) {
        wd_expo_write_head(out, &m->family, e->help);
    }
    if (wd_expo_write(out, &m->family, &l, m->sources[m->run->source].label)) {
        m->headed = true;
        return;
    }
    out->len = before; /* no head without a sample */
    m->dropped++;
}


/* The next line of the family's runs; false when there is none. */
static bool
wd_expo_write_next(wd_expo_merge_t *m, wd_buf_t *out)
{
    wd_str_t line, rest;

    while (m->run != NULL && m->run_pos == m->run->len) {
        m->run = m->run->next;
        m->run_pos = 0;
    }
    if (m->run == NULL) {
        return false;
    }

    rest = wd_str(m->run->data + m->run_pos, m->run->len - m->run_pos);
    (void) wd_str_split(&rest, '\n', &line);
    m->run_pos = (uint32_t) wd_min(m->run_pos + line.len + 1, m->run->len);
    wd_expo_write_line(m, line, out);
    return true;
}


bool
wd_expo_merge_write(wd_expo_merge_t *m, bool openmetrics, size_t lines,
                    wd_buf_t *out)
{
    if (m->n == 0) {
        return true;
    }
    if (m->family.name.len == 0) {
        wd_expo_write_begin(m, openmetrics);
    }

    while (lines-- != 0) {
        if (wd_expo_write_next(m, out)) {
            continue;
        }
        if (++m->writing >= m->n) {
            m->writing = m->n - 1;
            return true;
        }
        wd_expo_write_begin(m, openmetrics);
    }
    return false;
}
