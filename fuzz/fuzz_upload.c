/*
 * fuzz_upload.c - headers of uploads: what is taken has one of the names that
 * are told to backends.
 */
#include "wd_upload.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static bool
listed(const char *type)
{
    size_t i;

    for (i = 0; wd_upload_types()[i] != NULL; i++) {
        if (strcmp(type, wd_upload_types()[i]) == 0) {
            return true;
        }
    }
    return false;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t    header = wd_str((const char *) data, size);
    const char *type = wd_upload_type(header);
    const char *coding = wd_upload_coding(header);

    if (type != NULL && !listed(type)) {
        abort();
    }
    if (coding != NULL && coding[0] != '\0' && strcmp(coding, "gzip") != 0
        && strcmp(coding, "zstd") != 0) {
        abort();
    }
    return 0;
}
