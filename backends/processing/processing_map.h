/*
 * processing_map.h - rows get the ids of the instruments that they are about;
 * for stage store alone.
 */
#ifndef PROCESSING_MAP_H
#define PROCESSING_MAP_H

#include "processing_told.h"

/* How events name an instrument: as its provider does, but for currencies. */
wd_str_t processing_map_name(const processing_symbol_t *s);

/*
 * Ids in the place of the numbers of names; *ret: whose they are. Two names of
 * one instrument may have said the same, so the rows are sorted anew. An
 * instrument that rows make known is news, too, though no fact.
 */
wd_must_check int processing_map_rows(processing_job_t        *job,
                                      const processing_fact_t *fact,
                                      processing_rows_t       *rows,
                                      processing_names_t      *ret);

#endif /* PROCESSING_MAP_H */
