/*
 * fuzz.h - what targets share.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stdlib.h>

/* What must hold for any input: otherwise the fuzzer has a finding. */
static inline void
fuzz_require(bool holds)
{
    if (!holds) {
        abort();
    }
}

#endif /* FUZZ_H */
