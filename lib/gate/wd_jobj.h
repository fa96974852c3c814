/*
 * wd_jobj.h - one JSON object read strictly, its members as a table.
 *
 * For documents on which a decision hangs: whatever two readers could
 * understand in two ways is refused. Names are unique at every level (after
 * their escapes are read), the text is UTF-8 without BOM, nothing follows it,
 * nesting is bounded, and no escape stands for U+0000 or half a character.
 */
#ifndef WD_JOBJ_H
#define WD_JOBJ_H

#include "wd_json_scan.h"

#define WD_JOBJ_DEPTH_MAX 16 /* the object itself is 1 */

typedef struct {
    wd_str_t       name;
    wd_json_scan_e type;
    wd_str_t       text; /* of an object or array: its JSON */
} wd_jobj_member_t;

typedef struct {
    wd_jobj_member_t *members;
    size_t            n;
} wd_jobj_t;

/*
 * Views of *ret point into `json` and into the pool. WD_EPROTO: not such a
 * document; WD_EEXIST: a name stands twice; WD_ETOOBIG: nested too deeply;
 * WD_ENOMEM.
 */
wd_must_check int wd_jobj_read(wd_jobj_t *ret, wd_pool_t *pool, wd_str_t json);

/* NULL: there is none of the name. */
const wd_jobj_member_t *wd_jobj_get(const wd_jobj_t *o, const char *name);

/*
 * Walks an array of texts that wd_jobj_read() has read; start with *at = its
 * member's text. WD_ENOTFOUND at the end, WD_EPROTO for another type.
 */
wd_must_check int wd_jobj_next_text(wd_str_t *at, wd_pool_t *pool,
                                    wd_str_t *ret);

/* No control character of ASCII, Latin-1 or Unicode's lines, and not empty. */
bool wd_jobj_printable(wd_str_t s, size_t max);

#endif /* WD_JOBJ_H */
