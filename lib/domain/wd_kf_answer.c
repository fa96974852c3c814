/*
 * wd_kf_answer.c - data, errors by company, or one text instead of both.
 */
#include "wd_kf_answer.h"

#include "wd_gds_answer.h"

#include <stdio.h>

/* What became of those that were asked about. */
typedef struct {
    size_t   good;
    size_t   failed;
    wd_str_t text; /* the first error */
} tally_t;

static const char *const notices[] = {"error", "detail", "message"};


bool
wd_kf_is_notice(wd_str_t key)
{
    size_t i;

    for (i = 0; i < wd_array_len(notices); i++) {
        if (wd_str_eq_z(key, notices[i])) {
            return true;
        }
    }
    return false;
}


/* The text that stands where data should, or "". */
static wd_str_t
notice_of(const json_t *object)
{
    size_t   i;
    wd_str_t text = WD_STR("");

    for (i = 0; i < wd_array_len(notices) && text.len == 0; i++) {
        text = wd_str_trim(wd_answer_member(object, notices[i]));
    }
    return text;
}


static void
classify_text(wd_str_t text, wd_answer_t *ret)
{
    int wait_s;
    wd_answer_e class = wd_gds_error(text, &wait_s);

    wd_answer_set_redacted(ret, class, text);
    ret->wait_s = wait_s;
}


static void
add_error(tally_t *t, wd_str_t text)
{
    t->failed++;
    t->text = t->text.len == 0 ? text : t->text;
}


/* Companies by name; an error stands in the place of one. */
static void
count_entries(const json_t *object, tally_t *t)
{
    void    *it;
    wd_str_t text;

    for (it = json_object_iter((json_t *) object); it != NULL;
         it = json_object_iter_next((json_t *) object, it)) {
        text = notice_of(json_object_iter_value(it));
        if (text.len != 0) {
            add_error(t, text);
        } else {
            t->good++;
        }
    }
}


/* The texts of "errors", by company. */
static void
count_errors(const json_t *object, tally_t *t)
{
    void         *it;
    const json_t *v;

    for (it = json_object_iter((json_t *) object); it != NULL;
         it = json_object_iter_next((json_t *) object, it)) {
        v = json_object_iter_value(it);
        add_error(t, json_is_string(v)
                         ? wd_str(json_string_value(v), json_string_length(v))
                         : WD_STR("An error without a text"));
    }
}


static void
classify_tally(const tally_t *t, wd_answer_t *ret)
{
    char        all[WD_ANSWER_TEXT_MAX];
    wd_answer_t first;

    if (t->good == 0 && t->failed == 0) {
        wd_answer_set(ret, WD_ANSWER_EMPTY,
                      "The provider has no data for this");
    } else if (t->failed == 0) {
        wd_answer_set(ret, WD_ANSWER_OK, NULL);
    } else if (t->good == 0) {
        classify_text(t->text, ret);
    } else {
        classify_text(t->text, &first);
        snprintf(all, sizeof(all), "%zu of %zu failed: %s", t->failed,
                 t->good + t->failed, first.text);
        wd_answer_set_redacted(ret, WD_ANSWER_PARTIAL, wd_str_z(all));
        ret->wait_s = first.wait_s;
    }
}


/* Is there anything but lists and objects that hold nothing? */
static bool
has_data(const json_t *object)
{
    void         *it;
    const json_t *v;
    bool          held = false, hollow = false;

    for (it = json_object_iter((json_t *) object); it != NULL;
         it = json_object_iter_next((json_t *) object, it)) {
        v = json_object_iter_value(it);
        if (json_is_object(v) || json_is_array(v)) {
            held |= json_object_size(v) != 0 || json_array_size(v) != 0;
            hollow |= json_object_size(v) == 0 && json_array_size(v) == 0;
        }
    }
    return held || (!hollow && json_object_size(object) != 0);
}


static void
classify_json(const json_t *root, wd_answer_t *ret)
{
    tally_t       t = {0, 0, WD_STR_NULL};
    wd_str_t      text = notice_of(root);
    const json_t *results = json_object_get(root, "results");
    const json_t *errors = json_object_get(root, "errors");
    const json_t *data = json_object_get(root, "data");

    if (json_is_array(root)) { /* as the companies with ESG scores */
        t.good = json_array_size(root);
        classify_tally(&t, ret);
    } else if (!json_is_object(root)) {
        wd_answer_set(ret, WD_ANSWER_MALFORMED,
                      "The answer is neither an object nor a list");
    } else if (text.len != 0) {
        classify_text(text, ret);
    } else if (json_is_object(results)) {
        count_entries(results, &t);
        count_errors(errors, &t);
        classify_tally(&t, ret);
    } else {
        count_entries(json_is_object(data) ? data : root, &t);
        classify_tally(&t, ret);
        if (ret->class == WD_ANSWER_OK && !has_data(root)) {
            wd_answer_set(ret, WD_ANSWER_EMPTY,
                          "The provider has no data for this");
        }
    }
}


int
wd_kf_classify(wd_str_t body, wd_answer_t *ret)
{
    int        rc;
    json_t    *root;
    wd_error_t err;

    rc = wd_answer_json(body, &root, &err);
    if (rc != WD_OK) {
        return wd_answer_refused(rc, body, &err, ret);
    }
    classify_json(root, ret);
    json_decref(root);
    return WD_OK;
}
