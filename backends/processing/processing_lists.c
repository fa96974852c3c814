/*
 * processing_lists.c - facts about countries, indicators, databases and groups
 * as rows of their tables.
 */
#include "processing_lists.h"

#include "processing_check.h"

#include <math.h>

/* Columns behind the keys source and code; see processing_tables_texts.c. */
static const processing_list_t lists[] = {
    {"countries",
     &processing_country,
     {{"name", 2},
      {"iso2Code", 3},
      {"aggregate", 4},
      {"region.id", 5},
      {"region", 6},
      {"adminregion.id", 7},
      {"adminregion", 8},
      {"incomeLevel.id", 9},
      {"incomeLevel", 10},
      {"lendingType.id", 11},
      {"lendingType", 12},
      {"capitalCity", 13},
      {"longitude", 14},
      {"latitude", 15}}},
    {"indicators",
     &processing_indicator,
     {{"name", 2},
      {"unit", 3},
      {"source.id", 4},
      {"source", 5},
      {"sourceNote", 6},
      {"sourceOrganization", 7},
      {"topics.id", 8},
      {"topics", 9}}},
    {"sources",
     &processing_database,
     {{"name", 2},
      {"code", 3},
      {"description", 4},
      {"url", 5},
      {"lastupdated", 6},
      {"dataavailability", 7},
      {"metadataavailability", 8},
      {"concepts", 9}}},
    {"topics", &processing_group, {{"value", 3}, {"sourceNote", 5}}},
    {"regions", &processing_group, {{"name", 3}, {"iso2code", 4}}},
    {"income_levels", &processing_group, {{"value", 3}, {"iso2code", 4}}},
    {"lending_types", &processing_group, {{"value", 3}, {"iso2code", 4}}},
};


const processing_list_t *
processing_list(const char *name)
{
    size_t i;

    for (i = 0; i < wd_array_len(lists); i++) {
        if (strcmp(lists[i].name, name) == 0) {
            return &lists[i];
        }
    }
    return NULL;
}


/* Nothing said. */
static processing_cell_t
none(processing_type_e type)
{
    switch (type) {
    case PROCESSING_BOOL:
        return INT(-1);
    case PROCESSING_DATE:
        return INT(WD_NS_MIN);
    case PROCESSING_NUM:
        return NUM(NAN);
    default:
        return TEXT(WD_STR_NULL);
    }
}


/* Parsers have seen to it that days and figures are what they should be. */
static processing_cell_t
cell_of(processing_type_e type, const wd_fact_rec_t *f)
{
    wd_ns_t t;

    if (f->text.data == NULL) {
        return none(type);
    }
    switch (type) {
    case PROCESSING_BOOL:
        return INT(wd_str_eq_z(f->text, "yes"));
    case PROCESSING_DATE:
        return wd_time_parse(f->text, &t, NULL) == WD_OK ? INT(t) : none(type);
    case PROCESSING_NUM:
        return NUM(f->value);
    default:
        return TEXT(f->text);
    }
}


static processing_row_t *
begin_row(const processing_payload_t *p, const processing_list_t *list,
          wd_records_t *r, const wd_fact_rec_t *f, processing_rows_t *ret)
{
    int               i, code = list->fact->n_keys - 1;
    processing_row_t *row;

    row = processing_rules_row(p, list->fact, r, f->record, f->sample, ret);
    if (row == NULL) {
        return NULL;
    }
    row->cells[0] = INT(p->source);
    if (code > 1) {
        row->cells[1] = TEXT(wd_str_z(list->name));
    }
    row->cells[code] = TEXT(f->symbol);
    for (i = code + 1; i < list->fact->n_columns; i++) {
        row->cells[i] = none(list->fact->types[i]);
    }
    return row;
}


static void
put_item(const processing_list_t *list, const wd_fact_rec_t *f,
         processing_row_t *row)
{
    size_t i;

    for (i = 0; i < PROCESSING_LIST_ITEMS_MAX && list->items[i].item != NULL;
         i++) {
        if (wd_str_eq_z(f->item, list->items[i].item)) {
            row->cells[list->items[i].cell] = cell_of(
                list->fact->types[list->items[i].cell], f);
            return;
        }
    }
}


int
processing_rules_list(const processing_payload_t *p,
                      const processing_list_t *list, wd_records_t *r,
                      processing_rows_t *ret)
{
    size_t               i;
    processing_row_t    *row = NULL;
    const wd_fact_rec_t *f;

    for (i = 0; i < r->n_facts; i++) {
        f = &r->facts[i];
        if (row == NULL || f->record != row->record) {
            row = begin_row(p, list, r, f, ret);
        }
        if (row == NULL) {
            return WD_ENOMEM;
        }
        put_item(list, f, row);
    }
    return processing_rules_finish(list->fact, r, ret);
}
