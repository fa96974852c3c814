/*
 * docs.h - parts of the document generator.
 */
#ifndef DOCS_H
#define DOCS_H

#include "wd_buf.h"

/*
 * The OpenAPI 3.1 description of the catalogue. `schemas` is a file with the
 * JSON of components.schemas, `pages` one with the paths that the gateway
 * answers itself, `examples` one with requests and answers by method.
 * WD_OK or WD_EIO.
 */
int docs_openapi(const char *schemas, const char *pages, const char *examples,
                 wd_buf_t *out);

#endif /* DOCS_H */
