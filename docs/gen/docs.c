/*
 * docs.c - prints what the tables of the program say: OpenAPI, metrics,
 * errors, methods.
 */
#include "docs.h"

#include "wd_method.h"
#include "wd_metrics.h"

#include <stdio.h>


static void
docs_errors(wd_buf_t *out)
{
    size_t               i, n;
    const wd_err_info_t *rows = wd_err_table(&n);

    wd_buf_z(out, "| problem type | status | code | title |\n"
                  "|---|---|---|---|\n");
    for (i = 0; i < n; i++) {
        wd_buf_printf(out, "| `urn:wizdata:problem:%s` | %d | %d | %s |\n",
                      rows[i].slug, rows[i].http, rows[i].code, rows[i].text);
    }
}


static const char *
docs_permission(const wd_method_t *m, char out[64])
{
    if (m->flags & WD_M_PUBLIC) {
        return "none, public";
    }
    if (m->permission == NULL) {
        return "any key";
    }
    snprintf(out, 64, "`%s`", m->permission);
    return out;
}


/* The class under which answers are kept for all who may read them. */
static const char *
docs_kept(const wd_method_t *m)
{
    return m->flags & WD_M_CACHE ? wd_data_class_name(wd_method_data_class(m))
                                 : "";
}


static void
docs_methods(wd_buf_t *out)
{
    char               permission[64];
    size_t             i;
    const wd_method_t *m;

    wd_buf_z(out,
             "| request | permission | method | cost | kept | what it does |\n"
             "|---|---|---|---|---|---|\n");
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        m = &wd_methods()[i];
        if (m->path != NULL) {
            wd_buf_printf(out, "| `%s %s` | %s | `%s` | %u | %s | %s |\n",
                          wd_verb_name(m->verb), m->path,
                          docs_permission(m, permission), m->name,
                          (unsigned) m->cost, docs_kept(m), m->summary);
        }
    }
}


int
main(int argc, char **argv)
{
    wd_buf_t    out = WD_BUF_INIT;
    const char *what = argc >= 2 ? argv[1] : "";

    if (strcmp(what, "openapi") == 0 && argc == 5) {
        if (docs_openapi(argv[2], argv[3], argv[4], &out) != WD_OK) {
            fprintf(stderr, "wizdata-docs: cannot read %s, %s or %s\n", argv[2],
                    argv[3], argv[4]);
            return 1;
        }
    } else if (strcmp(what, "metrics") == 0) {
        wd_metrics_markdown(&out);
    } else if (strcmp(what, "errors") == 0) {
        docs_errors(&out);
    } else if (strcmp(what, "methods") == 0) {
        docs_methods(&out);
    } else {
        fprintf(stderr, "usage: wizdata-docs openapi SCHEMAS PAGES "
                        "EXAMPLES | "
                        "metrics | errors | methods\n");
        return 2;
    }

    fwrite(out.data, 1, out.len, stdout);
    wd_buf_done(&out);
    return 0;
}
