/*
 * wd_log.h - structured logs: a constant message and named values.
 *
 *     wd_log_warn(log, "provider quota low", "provider", p->name, "left", n);
 *
 * One JSON object a line, or coloured text on a terminal. No secrets, no
 * payloads. Warn means: ignored, and here is what happened instead.
 * Any thread may log; a line is one write().
 */
#ifndef WD_LOG_H
#define WD_LOG_H

#include "wd_str.h"

typedef struct wd_log wd_log_t;

typedef enum { WD_LOG_DEBUG, WD_LOG_INFO, WD_LOG_WARN, WD_LOG_ERROR } wd_log_e;

typedef enum { WD_LOG_AUTO, WD_LOG_JSON, WD_LOG_TEXT } wd_log_format_e;

typedef struct {
    enum { WD_V_STR, WD_V_INT, WD_V_NUM, WD_V_BOOL } type;
    union {
        wd_str_t s;
        int64_t  i;
        double   f;
        bool     b;
    } v;
} wd_log_val_t;

typedef struct {
    const char  *key;
    wd_log_val_t val;
} wd_log_pair_t;

/* The process's log to standard error. `service` must stay. */
wd_log_t *wd_log_create(const char *service, wd_log_e level,
                        wd_log_format_e format);
void      wd_log_destroy(wd_log_t *log);
void      wd_log_set_level(wd_log_t *log, wd_log_e level);

/* false: unknown name. Names: debug, info, warn, error. */
bool wd_log_level_by_name(wd_str_t name, wd_log_e *ret);

/* log NULL: nothing happens. */
void wd_log_write(wd_log_t *log, wd_log_e level, const char *msg,
                  const wd_log_pair_t *pairs, size_t n);


static inline wd_log_val_t
wd_v_s(wd_str_t s)
{
    return (wd_log_val_t){WD_V_STR, {.s = s}};
}


static inline wd_log_val_t
wd_v_z(const char *z)
{
    return wd_v_s(wd_str_z(z != NULL ? z : "(null)"));
}


static inline wd_log_val_t
wd_v_i(int64_t i)
{
    return (wd_log_val_t){WD_V_INT, {.i = i}};
}


static inline wd_log_val_t
wd_v_f(double f)
{
    return (wd_log_val_t){WD_V_NUM, {.f = f}};
}


static inline wd_log_val_t
wd_v_b(bool b)
{
    return (wd_log_val_t){WD_V_BOOL, {.b = b}};
}

#define WD_V(x) \
    _Generic((x),                                                              \
        char *: wd_v_z,                                                        \
        const char *: wd_v_z,                                                  \
        wd_str_t: wd_v_s,                                                      \
        bool: wd_v_b,                                                          \
        float: wd_v_f,                                                         \
        double: wd_v_f,                                                        \
        default: wd_v_i)(x)

#define WD_KV0()
#define WD_KV2(k, v) \
    {                \
        k, WD_V(v)   \
    }
#define WD_KV4(k, v, ...) {k, WD_V(v)}, WD_KV2(__VA_ARGS__)
#define WD_KV6(k, v, ...) {k, WD_V(v)}, WD_KV4(__VA_ARGS__)
#define WD_KV8(k, v, ...) {k, WD_V(v)}, WD_KV6(__VA_ARGS__)
#define WD_KV10(k, v, ...) {k, WD_V(v)}, WD_KV8(__VA_ARGS__)
#define WD_KV12(k, v, ...) {k, WD_V(v)}, WD_KV10(__VA_ARGS__)
#define WD_KV14(k, v, ...) {k, WD_V(v)}, WD_KV12(__VA_ARGS__)
#define WD_KV16(k, v, ...) {k, WD_V(v)}, WD_KV14(__VA_ARGS__)
#define WD_KV_PICK(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, \
                   _14, _15, _16, name, ...)                               \
    name
#define WD_KV(...)                                                          \
    WD_KV_PICK(__VA_ARGS__, WD_KV16, _o, WD_KV14, _o, WD_KV12, _o, WD_KV10, \
               _o, WD_KV8, _o, WD_KV6, _o, WD_KV4, _o, WD_KV2, _o, _o)      \
    (__VA_ARGS__)

#define wd_log_at(log, level, msg, ...)                                    \
    do {                                                                   \
        const wd_log_pair_t wd_pairs_[] = {WD_KV(__VA_ARGS__)};            \
        wd_log_write(log, level, msg, wd_pairs_, wd_array_len(wd_pairs_)); \
    } while (0)

/* At least one pair; for none use the _msg form. */
#define wd_log_debug(log, ...) wd_log_at(log, WD_LOG_DEBUG, __VA_ARGS__)
#define wd_log_info(log, ...) wd_log_at(log, WD_LOG_INFO, __VA_ARGS__)
#define wd_log_warn(log, ...) wd_log_at(log, WD_LOG_WARN, __VA_ARGS__)
#define wd_log_error(log, ...) wd_log_at(log, WD_LOG_ERROR, __VA_ARGS__)
#define wd_log_msg(log, level, msg) wd_log_write(log, level, msg, NULL, 0)

#endif /* WD_LOG_H */
