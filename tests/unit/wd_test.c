/*
 * wd_test.c - temporary folders, random numbers, waiting, a JSON reader.
 */
#include "wd_test.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

static char  wd_test_folder[256];
static pid_t wd_test_owner; /* a forked child must not remove the folder */


static int
wd_test_remove(const char *path, const struct stat *st, int type,
               struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;
    return remove(path);
}


static void
wd_test_clean(void)
{
    if (getpid() == wd_test_owner) {
        nftw(wd_test_folder, wd_test_remove, 16, FTW_DEPTH | FTW_PHYS);
    }
}


const char *
wd_test_dir(void)
{
    const char *base = getenv("TMPDIR");

    if (wd_test_folder[0] == '\0') {
        snprintf(wd_test_folder, sizeof(wd_test_folder), "%s/wd-test-XXXXXX",
                 base != NULL ? base : "/tmp");
        if (mkdtemp(wd_test_folder) == NULL) {
            perror(wd_test_folder);
            exit(1);
        }
        wd_test_owner = getpid();
        atexit(wd_test_clean);
    }
    return wd_test_folder;
}


const char *
wd_test_path(const char *name)
{
    static char   paths[64][320];
    static size_t n;
    char         *path = paths[n++ % wd_array_len(paths)];

    snprintf(path, sizeof(paths[0]), "%s/%s", wd_test_dir(), name);
    return path;
}


void
wd_test_write(const char *path, wd_str_t bytes)
{
    FILE *f = fopen(path, "w");

    if (f == NULL || fwrite(bytes.data, 1, bytes.len, f) != bytes.len
        || fclose(f) != 0) {
        fail_msg("cannot write %s", path);
    }
}


void
wd_test_read(const char *path, wd_buf_t *out)
{
    int     fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;
    char    chunk[4096];

    if (fd < 0) {
        fail_msg("cannot read %s", path);
    }
    wd_buf_reset(out);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
        wd_buf_append(out, chunk, (size_t) n);
    }
    close(fd);
}


/* splitmix64 */
uint64_t
wd_test_random(void)
{
    static bool     seeded;
    static uint64_t state = 20240310;
    const char     *seed;
    uint64_t        z;

    if (!seeded) {
        seeded = true;
        seed = getenv("WD_TEST_SEED");
        if (seed != NULL) {
            state = strtoull(seed, NULL, 0);
        }
    }

    z = (state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}


uint64_t
wd_test_below(uint64_t n)
{
    return wd_test_random() % n;
}


bool
wd_test_until(bool (*fn)(void *arg), void *arg)
{
    wd_ns_t end = wd_monotonic() + WD_TEST_WAIT_MS * WD_NS_PER_MS;

    while (!fn(arg)) {
        if (wd_monotonic() > end) {
            return false;
        }
        poll(NULL, 0, 1);
    }
    return true;
}


/* ---- a slow and strict JSON reader ---- */

typedef struct {
    const char *p;
    const char *end;
    int         depth;
} wd_test_json_t;

static bool wd_test_json_value(wd_test_json_t *j);


static void
wd_test_json_blank(wd_test_json_t *j)
{
    while (j->p < j->end && strchr(" \t\r\n", *j->p) != NULL
           && *j->p != '\0') {
        j->p++;
    }
}


static bool
wd_test_json_take(wd_test_json_t *j, char c)
{
    wd_test_json_blank(j);
    if (j->p == j->end || *j->p != c) {
        return false;
    }
    j->p++;
    return true;
}


static bool
wd_test_json_string(wd_test_json_t *j)
{
    int         i;
    const char *from = j->p;

    for (; j->p < j->end; j->p++) {
        if (*j->p == '"') {
            j->p++;
            return wd_utf8_valid(wd_str(from, (size_t) (j->p - from)));
        }
        if ((unsigned char) *j->p < 0x20) {
            return false;
        }
        if (*j->p != '\\') {
            continue;
        }
        j->p++;
        if (j->p == j->end || *j->p == '\0'
            || strchr("\"\\/bfnrtu", *j->p) == NULL) {
            return false;
        }
        for (i = 0; *j->p == 'u' && i < 4; i++) {
            if (j->p + 1 + i >= j->end || j->p[1 + i] == '\0'
                || strchr("0123456789abcdefABCDEF", j->p[1 + i]) == NULL) {
                return false;
            }
        }
    }
    return false;
}


static size_t
wd_test_json_digits(wd_test_json_t *j)
{
    size_t n = 0;

    while (j->p < j->end && *j->p >= '0' && *j->p <= '9') {
        j->p++;
        n++;
    }
    return n;
}


static bool
wd_test_json_number(wd_test_json_t *j)
{
    const char *from;

    j->p += *j->p == '-';
    from = j->p;
    if (wd_test_json_digits(j) == 0 || (*from == '0' && j->p - from > 1)) {
        return false;
    }
    if (j->p < j->end && *j->p == '.') {
        j->p++;
        if (wd_test_json_digits(j) == 0) {
            return false;
        }
    }
    if (j->p < j->end && (*j->p == 'e' || *j->p == 'E')) {
        j->p++;
        j->p += j->p < j->end && (*j->p == '+' || *j->p == '-');
        if (wd_test_json_digits(j) == 0) {
            return false;
        }
    }
    return true;
}


static bool
wd_test_json_members(wd_test_json_t *j, char close)
{
    if (wd_test_json_take(j, close)) {
        return true;
    }
    do {
        if (close == '}'
            && (!wd_test_json_take(j, '"') || !wd_test_json_string(j)
                || !wd_test_json_take(j, ':'))) {
            return false;
        }
        if (!wd_test_json_value(j)) {
            return false;
        }
    } while (wd_test_json_take(j, ','));
    return wd_test_json_take(j, close);
}


static bool
wd_test_json_value(wd_test_json_t *j)
{
    size_t                   i;
    bool                     ok;
    static const char *const words[] = {"true", "false", "null"};

    if (wd_test_json_take(j, '"')) {
        return wd_test_json_string(j);
    }
    if (wd_test_json_take(j, '{') || wd_test_json_take(j, '[')) {
        if (++j->depth > 1000) {
            return false;
        }
        ok = wd_test_json_members(j, j->p[-1] == '{' ? '}' : ']');
        j->depth--;
        return ok;
    }
    for (i = 0; i < wd_array_len(words); i++) {
        if (wd_str_starts(wd_str(j->p, (size_t) (j->end - j->p)), words[i])) {
            j->p += strlen(words[i]);
            return true;
        }
    }
    return j->p < j->end && wd_test_json_number(j);
}


bool
wd_test_json_valid(wd_str_t text)
{
    wd_test_json_t j = {text.data, text.data + text.len, 0};

    if (!wd_test_json_value(&j)) {
        return false;
    }
    wd_test_json_blank(&j);
    return j.p == j.end;
}
