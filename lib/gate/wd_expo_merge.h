/*
 * wd_expo_merge.h - the metrics of several sources as one text in which every
 * family stands once.
 *
 * The work is done in steps of bounded length, so that an event loop can do
 * other things between them: text is fed as it arrives, then indexed line by
 * line, then written line by line. Lines are kept where they were fed; the
 * index is a list of runs of lines per family.
 */
#ifndef WD_EXPO_MERGE_H
#define WD_EXPO_MERGE_H

#include "wd_expo.h"

#define WD_EXPO_FAMILIES_MAX 2048 /* what comes beyond is left out */
#define WD_EXPO_RUNS_MAX 262144 /* of lines, the same */
#define WD_EXPO_SOURCES_MAX 256

typedef struct wd_expo_merge wd_expo_merge_t;

/* NULL when there is no memory. */
wd_expo_merge_t *wd_expo_merge_create(void);

/*
 * Frees a part of the memory, at most so many pieces of 64 KiB; true when
 * nothing is left and the object is gone. wd_expo_merge_destroy() frees all.
 */
bool wd_expo_merge_shrink(wd_expo_merge_t *m, size_t pieces);
void wd_expo_merge_destroy(wd_expo_merge_t *m);

/* Lines of this family are left out: it is the caller's own. */
wd_must_check int wd_expo_merge_reserve(wd_expo_merge_t *m, wd_str_t name,
                                        wd_expo_type_e type);

/*
 * More of a source's text, which comes in pieces cut anywhere. WD_ETOOBIG: it
 * is more than `max` bytes; what came before stays.
 */
wd_must_check int wd_expo_merge_feed(wd_expo_merge_t *m, size_t source,
                                     wd_str_t bytes, size_t max);

/* The source's text is complete; `label` (a="b", or NULL) is copied. */
wd_must_check int wd_expo_merge_end(wd_expo_merge_t *m, size_t source,
                                    const char *label);

/* Its text is not complete and is left out. */
void wd_expo_merge_drop(wd_expo_merge_t *m, size_t source);

/* Looks at `lines` lines more; true when all are. WD_ENOMEM in *ret_rc. */
bool wd_expo_merge_index(wd_expo_merge_t *m, size_t lines, int *ret_rc);

/* When all is indexed: `lines` lines more of the text; true at its end. */
bool wd_expo_merge_write(wd_expo_merge_t *m, bool openmetrics, size_t lines,
                         wd_buf_t *out);

/* Lines left out so far. */
size_t wd_expo_merge_dropped(const wd_expo_merge_t *m);

#endif /* WD_EXPO_MERGE_H */
