/*
 * wd_wb_row.h - one observation of the World Bank from its fields; shared by
 * the readers of JSON and XML, for them alone.
 */
#ifndef WD_WB_ROW_H
#define WD_WB_ROW_H

#include "wd_records.h"

#define WD_WB_TEXT_MAX 1024 /* bytes of a name, a unit, a status */
#define WD_WB_CODE_MAX 64 /* bytes of a series or country code */

/*
 * One row while it is read. Of `o` the reader fills indicator,
 * indicator_name, country2, country_name, unit and status; all else is made
 * from the texts beside it. Texts may have blanks around them.
 */
typedef struct {
    wd_observation_rec_t o;
    wd_str_t             iso3;
    wd_str_t             date;
    wd_str_t             value;
    bool                 has_indicator;
    bool                 has_date;
} wd_wb_row_t;

/* Has it nothing of an observation? Then the payload may be another one. */
bool wd_wb_row_strange(const wd_wb_row_t *row);

/*
 * Counts the row and adds the observation, or rejects it. WD_OK or
 * WD_ENOMEM.
 */
wd_must_check int wd_wb_row_add(wd_records_t *r, wd_wb_row_t *row,
                                wd_str_t sample);

#endif /* WD_WB_ROW_H */
