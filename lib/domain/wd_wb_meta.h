/*
 * wd_wb_meta.h - what the rows of the World Bank's lists hold; for
 * wd_wb_meta.c alone.
 *
 * Some lists differ by one member only, and a list may grow members any day.
 * So a table says for each list which members are read, which of them a row
 * must have, and which tell it from a row of another list.
 */
#ifndef WD_WB_META_H
#define WD_WB_META_H

#include "wd_wb_parse.h"

#define WD_WB_ITEMS_MAX 12

typedef enum {
    WD_WB_TEXT,
    WD_WB_NUMBER,
    WD_WB_DATE,
    WD_WB_PAIR, /* {"id":...,"value":...} */
    WD_WB_LIST /* of pairs */
} wd_wb_kind_e;

enum {
    WD_WB_CODE = 1, /* the symbol of the row, no fact of its own */
    WD_WB_NEEDED = 2, /* without it the row says nothing */
    WD_WB_SIGN = 4, /* one of these is in every row of this list */
    WD_WB_FOREIGN = 8 /* in rows of another list; never read */
};

typedef struct {
    const char  *name;
    wd_wb_kind_e kind;
    unsigned     flags;
    const char  *id_name; /* of pairs: the item of the ids */
} wd_wb_item_t;

typedef struct {
    wd_wb_item_t items[WD_WB_ITEMS_MAX];

    /* Behind its first key "id" a row has one of these; its parts have not. */
    const char *second[2];
} wd_wb_meta_t;

/* By data set. The code of a row stands first, its name second. */
extern const wd_wb_meta_t wd_wb_metas[];

#endif /* WD_WB_META_H */
