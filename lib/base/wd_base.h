/*
 * wd_base.h - macros that every file may use.
 */
#ifndef WD_BASE_H
#define WD_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_VERSION "0.1.0"

#define wd_must_check __attribute__((warn_unused_result))
#define wd_printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define wd_unused __attribute__((unused))

#define wd_array_len(a) (sizeof(a) / sizeof((a)[0]))
#define wd_min(a, b) ((a) < (b) ? (a) : (b))
#define wd_max(a, b) ((a) > (b) ? (a) : (b))

#define wd_container_of(ptr, type, member) \
    ((type *) ((char *) (ptr) - (size_t) offsetof(type, member)))

#endif /* WD_BASE_H */
