/*
 * fuzz_identifier.c - "SCHEME VALUE": what is accepted is no longer so with
 * another last character.
 */
#include "fuzz.h"

#include "wd_identifier.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char            other[32];
    wd_str_t        scheme, value = wd_str((const char *) data, size);
    wd_identifier_e got;

    if (!wd_str_split(&value, ' ', &scheme)) {
        return 0;
    }
    got = wd_identifier_check(scheme, value);
    fuzz_require(wd_identifier_fault(got) != NULL);
    if (got != WD_IDENTIFIER_OK) {
        return 0;
    }

    fuzz_require(value.len != 0 && value.len < sizeof(other));
    wd_str_copy(other, sizeof(other), value);
    other[value.len - 1] = value.data[value.len - 1] == '0' ? '1' : '0';
    fuzz_require(wd_identifier_check(scheme, wd_str_z(other))
                 != WD_IDENTIFIER_OK);
    return 0;
}
