/*
 * The lake: put and get, chain, tampering, torn lines, several writers, a
 * full disk.
 */
#include "wd_test.h"

#include "wd_lake.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char        root[300];
static wd_lake_t  *lake;
static wd_error_t  err;
static wd_buf_t    bytes;
static size_t      n_files;
static const char *zeros
    = "0000000000000000000000000000000000000000000000000000000000000000";


static void
new_root(void)
{
    static int n;
    char       name[32];

    snprintf(name, sizeof(name), "lake%d", n++);
    snprintf(root, sizeof(root), "%s", wd_test_path(name));
}


static int
begin(void **state)
{
    (void) state;
    new_root();
    memset(&err, 0, sizeof(err));
    return wd_lake_open(root, &lake, &err);
}


static int
end(void **state)
{
    (void) state;
    wd_lake_close(lake);
    lake = NULL;
    return 0;
}


static wd_lake_row_t
new_row(void)
{
    wd_lake_row_t row = {
        .fetched_at = INT64_C(1706702400123456789),
        .provider = "tester",
        .dataset = "daily",
        .args = "{\"symbol\":\"IBM\"}",
        .headers = "{\"date\":\"Wed, 31 Jan 2024 12:00:00 GMT\"}",
        .content_type = "application/json",
        .http_status = 200,
    };

    return row;
}


static wd_lake_row_t
put(wd_lake_t *l, const char *text)
{
    wd_lake_row_t row = new_row();

    if (wd_lake_put(l, &row, wd_str_z(text), &err) != WD_OK) {
        fail_msg("put: %s", err.text);
    }
    return row;
}


static const char *
path_of(const char *key)
{
    static char path[600];

    snprintf(path, sizeof(path), "%s/%s", root, key);
    return path;
}


static int
verify(bool objects, int64_t *ret_rows, int64_t *ret_bad)
{
    memset(&err, 0, sizeof(err));
    return wd_lake_verify(lake, objects, ret_rows, ret_bad, &err);
}


static void
is_sound(int64_t want)
{
    int64_t rows, bad;

    if (verify(true, &rows, &bad) != WD_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(rows, want);
    assert_int_equal(bad, 0);
}


static int
count_file(const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void) path;
    (void) st;
    (void) f;
    n_files += type == FTW_F;
    return 0;
}


static size_t
files(void)
{
    n_files = 0;
    nftw(path_of("raw"), count_file, 8, FTW_PHYS);
    return n_files;
}


static void
test_put_get(void **state)
{
    size_t                   i;
    char                    *big = malloc(3000000);
    wd_lake_row_t            row;
    static const char *const texts[] = {"", "x", "{\"a\":1}", "{\"a\":1}"};

    (void) state;
    assert_int_equal(wd_lake_last(lake), 0);
    is_sound(0);
    for (i = 0; i < wd_array_len(texts); i++) {
        row = put(lake, texts[i]);
        assert_int_equal(row.seq, i + 1);
        assert_int_equal(row.size, strlen(texts[i]));
        assert_int_equal(strlen(row.sha256), 64);
        assert_true(strncmp(row.key, "raw/tester/daily/2024/01/31/", 28) == 0);
        if (i == 0) {
            assert_string_equal(row.prev, zeros);
            assert_string_equal(row.sha256,
                                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b"
                                "934ca495991b7852b855");
        }
        wd_buf_reset(&bytes);
        assert_ok(wd_lake_get(lake, row.key, row.sha256, &bytes, &err));
        assert_view(wd_buf_view(&bytes), texts[i]);
        assert_int_equal(wd_lake_last(lake), i + 1);
    }

    for (i = 0; i < 3000000; i++) {
        big[i] = (char) wd_test_random();
    }
    row = new_row();
    assert_ok(wd_lake_put(lake, &row, wd_str(big, 3000000), &err));
    wd_buf_reset(&bytes);
    assert_ok(wd_lake_get(lake, row.key, row.sha256, &bytes, &err));
    assert_int_equal(bytes.len, 3000000);
    assert_memory_equal(bytes.data, big, 3000000);
    is_sound(5);
    free(big);

    /* what is not there, and what is none of the lake's business */
    assert_int_equal(wd_lake_get(lake, "raw/x.zst", row.sha256, &bytes, &err),
                     WD_ENOTFOUND);
    assert_int_equal(wd_lake_get(lake, "../secret", row.sha256, &bytes, &err),
                     WD_EINVAL);
    assert_int_equal(wd_lake_get(lake, "/etc/passwd", row.sha256, &bytes, &err),
                     WD_EINVAL);
    assert_int_equal(wd_lake_get(lake, row.key, zeros, &bytes, &err),
                     WD_EPROTO);
}


typedef struct {
    int64_t       first;
    int64_t       n;
    int64_t       stop_at;
    wd_lake_row_t last;
} walk_t;


static bool
on_row(const wd_lake_row_t *row, void *arg)
{
    walk_t *w = arg;

    if (w->n++ == 0) {
        w->first = row->seq;
    } else {
        assert_int_equal(row->seq, w->last.seq + 1);
    }
    w->last = *row;
    return row->seq != w->stop_at;
}


static void
rows_are(wd_lake_t *l, int64_t after, int64_t stop_at, int64_t first, int64_t n)
{
    walk_t w = {0, 0, stop_at, {0}};

    assert_ok(wd_lake_rows(l, after, on_row, &w, &err));
    assert_int_equal(w.n, n);
    assert_int_equal(w.first, first);
}


static void
test_rows(void **state)
{
    int           i;
    char          text[32];
    walk_t        w = {0};
    wd_lake_row_t put_row = {0};

    (void) state;
    rows_are(lake, 0, 0, 0, 0);
    for (i = 1; i <= 20; i++) {
        snprintf(text, sizeof(text), "%d", i);
        put_row = put(lake, text);
    }
    rows_are(lake, 0, 0, 1, 20);
    rows_are(lake, 20, 0, 0, 0);
    rows_are(lake, 0, 0, 1, 20); /* back again */
    rows_are(lake, 0, 7, 1, 7); /* stops behind row 7 */
    rows_are(lake, 7, 0, 8, 13); /* and goes on from there */
    rows_are(lake, 6, 8, 7, 2);
    rows_are(lake, 19, 0, 20, 1);
    rows_are(lake, 99, 0, 0, 0);
    put(lake, "more");
    rows_are(lake, 20, 0, 21, 1);
    rows_are(lake, 3, 4, 4, 1);

    /* what is read with a row and not wanted is more than a row may have */
    for (i = 0; i < 60; i++) {
        put(lake, "yet more");
    }
    rows_are(lake, 0, 7, 1, 7);
    rows_are(lake, 7, 8, 8, 1);
    rows_are(lake, 8, 0, 9, 73);

    /* a row is read as it was put */
    assert_ok(wd_lake_rows(lake, 19, on_row, (w = (walk_t){.stop_at = 20}, &w),
                           &err));
    assert_int_equal(w.last.seq, put_row.seq);
    assert_true(w.last.fetched_at == put_row.fetched_at);
    assert_int_equal(w.last.size, put_row.size);
    assert_string_equal(w.last.key, put_row.key);
    assert_string_equal(w.last.sha256, put_row.sha256);
    assert_string_equal(w.last.provider, put_row.provider);
    assert_string_equal(w.last.dataset, put_row.dataset);
    assert_string_equal(w.last.args, put_row.args);
    assert_string_equal(w.last.headers, put_row.headers);
    assert_string_equal(w.last.content_type, put_row.content_type);
    assert_int_equal(w.last.http_status, put_row.http_status);
    assert_string_equal(w.last.prev, put_row.prev);
}


static void
test_reopen(void **state)
{
    int64_t    rows, bad;
    wd_lake_t *reader;

    (void) state;
    put(lake, "1");
    put(lake, "2");
    assert_ok(wd_lake_open_read(root, &reader, &err));
    rows_are(reader, 0, 0, 1, 2);
    assert_int_equal(wd_lake_last(reader), 2);
    put(lake, "3"); /* is seen by who has it open */
    assert_int_equal(wd_lake_last(reader), 3);
    rows_are(reader, 2, 0, 3, 1);
    {
        wd_lake_row_t row = new_row();
        assert_int_not_equal(wd_lake_put(reader, &row, WD_STR("x"), &err),
                             WD_OK);
    }
    assert_ok(wd_lake_verify(reader, true, &rows, &bad, &err));
    wd_lake_close(reader);
    wd_lake_close(lake);
    assert_ok(wd_lake_open(root, &lake, &err));
    assert_int_equal(wd_lake_last(lake), 3);
    assert_int_equal(put(lake, "4").seq, 4);
    is_sound(4);
    wd_lake_close(NULL);
}


static void
flip(const char *path, off_t at, unsigned char bit)
{
    int           fd = open(path, O_RDWR);
    unsigned char c;

    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= bit;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}


/* Any byte of any object: found, and the row is named. */
static void
test_tampered_object(void **state)
{
    int           i;
    off_t         at;
    char          path[600];
    int64_t       rows, bad;
    struct stat   st;
    wd_lake_row_t row[3];

    (void) state;
    for (i = 0; i < 3; i++) {
        row[i] = put(lake,
                     i == 1 ? "the second object, with some text" : "another");
    }
    wd_str_copy(path, sizeof(path), wd_str_z(path_of(row[1].key)));
    assert_int_equal(stat(path, &st), 0);
    for (at = 0; at < st.st_size; at++) {
        flip(path, at, 0x10);
        if (verify(true, &rows, &bad) == WD_OK) {
            /* zstd's own header has bits without meaning: the text is there */
            wd_buf_reset(&bytes);
            assert_ok(
                wd_lake_get(lake, row[1].key, row[1].sha256, &bytes, &err));
            assert_view(wd_buf_view(&bytes),
                        "the second object, with some text");
        } else {
            assert_int_equal(bad, 2);
            assert_int_equal(rows, 1);
            assert_true(err.text[0] != '\0');
            wd_buf_reset(&bytes);
            assert_int_not_equal(
                wd_lake_get(lake, row[1].key, row[1].sha256, &bytes, &err),
                WD_OK);
        }
        assert_ok(verify(false, &rows, &bad)); /* the chain itself is sound */
        flip(path, at, 0x10);
    }
    is_sound(3);

    assert_int_equal(truncate(path, st.st_size - 1), 0);
    assert_int_equal(verify(true, &rows, &bad), WD_EPROTO);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(verify(true, &rows, &bad), WD_EPROTO);
    assert_int_equal(bad, 2);
    unlink(path);
    assert_int_not_equal(verify(true, &rows, &bad), WD_OK);
    assert_int_equal(bad, 2);
}


/* Any byte of any row but the last: the chain breaks. */
static void
test_tampered_manifest(void **state)
{
    off_t    at, last;
    int64_t  rows, bad;
    wd_buf_t text = WD_BUF_INIT;
    char     path[600];

    (void) state;
    put(lake, "1");
    put(lake, "2");
    put(lake, "3");
    wd_str_copy(path, sizeof(path), wd_str_z(path_of("manifest.ndjson")));
    wd_test_read(path, &text);
    last = (off_t) ((uint8_t *) memrchr(text.data, '\n', text.len - 1)
                    - text.data);
    for (at = 0; at <= last; at++) {
        flip(path, at, 0x01);
        assert_int_equal(verify(false, &rows, &bad), WD_EPROTO);
        assert_true(bad >= 1 && bad <= 3);
        flip(path, at, 0x01);
    }
    assert_ok(verify(false, &rows, &bad));

    /* a row that is gone, rows exchanged, a row twice */
    {
        wd_str_t rest = wd_buf_view(&text), line[3];
        char     other[3][4096];
        int      i;

        for (i = 0; i < 3; i++) {
            wd_str_split(&rest, '\n', &line[i]);
            snprintf(other[i], sizeof(other[i]), "%.*s\n", WD_STR_ARG(line[i]));
        }
        wd_buf_reset(&bytes);
        wd_buf_printf(&bytes, "%s%s", other[0], other[2]);
        wd_test_write(path, wd_buf_view(&bytes));
        assert_int_equal(verify(false, &rows, &bad), WD_EPROTO);
        assert_int_equal(bad, 2);
        wd_buf_reset(&bytes);
        wd_buf_printf(&bytes, "%s%s%s", other[1], other[0], other[2]);
        wd_test_write(path, wd_buf_view(&bytes));
        assert_int_equal(verify(false, &rows, &bad), WD_EPROTO);
        assert_int_equal(bad, 1);
        wd_buf_reset(&bytes);
        wd_buf_printf(&bytes, "%s%s%s%s", other[0], other[1], other[1],
                      other[2]);
        wd_test_write(path, wd_buf_view(&bytes));
        assert_int_equal(verify(false, &rows, &bad), WD_EPROTO);
        assert_int_equal(bad, 3);
    }
    wd_buf_done(&text);
}


static void
append(const char *text)
{
    int fd = open(path_of("manifest.ndjson"), O_WRONLY | O_APPEND);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
    close(fd);
}


/* What a crash leaves of a line nobody was told of is cut off. */
static void
test_torn(void **state)
{
    size_t   n;
    wd_buf_t text = WD_BUF_INIT;
    char     path[600];
    int64_t  whole;

    (void) state;
    put(lake, "1");
    put(lake, "2");
    wd_str_copy(path, sizeof(path), wd_str_z(path_of("manifest.ndjson")));
    wd_test_read(path, &text);
    whole = 1 + (uint8_t *) memrchr(text.data, '\n', text.len - 1) - text.data;
    for (n = (size_t) whole + 1; n < text.len; n += 23) {
        wd_lake_close(lake);
        wd_test_write(path, wd_str((char *) text.data, n));
        assert_ok(wd_lake_open(root, &lake, &err));
        assert_int_equal(wd_lake_last(lake), 1);
        rows_are(lake, 0, 0, 1, 1);
        is_sound(1);
        assert_int_equal(put(lake, "again").seq, 2);
        is_sound(2);
    }

    /* the same under an open handle, and when it grew beyond a row's size */
    append("{\"seq\":3,");
    assert_int_equal(wd_lake_last(lake), 2);
    assert_int_equal(put(lake, "3").seq, 3);
    is_sound(3);
    wd_buf_done(&text);
}


/* Takes the end of the last line away: its row has only begun. */
static void
unend(void)
{
    struct stat st;
    char        path[600];

    wd_str_copy(path, sizeof(path), wd_str_z(path_of("manifest.ndjson")));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(truncate(path, st.st_size - 1), 0);
}


/*
 * An object whose row has only begun is nobody's: the next who writes to the
 * lake removes it, who only reads does not.
 */
static void
test_begun(void **state)
{
    char          tmp[300];
    wd_lake_t    *other;
    wd_lake_row_t row;

    (void) state;
    put(lake, "1");
    row = put(lake, "2");
    wd_lake_close(lake);
    snprintf(tmp, sizeof(tmp), "%s.tmp", row.key);
    wd_test_write(path_of(tmp), WD_STR("part"));
    unend();
    assert_int_equal(files(), 3);

    assert_ok(wd_lake_open_read(root, &lake, &err));
    is_sound(1);
    assert_int_equal(files(), 3);

    assert_ok(wd_lake_open(root, &other, &err));
    assert_int_equal(files(), 1);
    is_sound(1);
    put(other, "two");
    is_sound(2);

    /* somebody else died meanwhile */
    put(other, "3");
    wd_lake_close(other);
    wd_lake_close(lake);
    unend();
    assert_ok(wd_lake_open(root, &lake, &err));
    assert_int_equal(files(), 2);
    is_sound(2);
    row = put(lake, "three");
    assert_int_equal(row.seq, 3);
    is_sound(3);
    assert_int_equal(files(), 3);
}


/* What a begun row says is believed only where it can be true. */
static void
test_begun_wrong(void **state)
{
    size_t i;
    char   text[500];
    static const struct {
        int         seq;
        const char *key;
    } rows[] = {
        {2, "raw/../kept"}, {2, "/kept"},    {2, "kept"},
        {1, "raw/kept"},    {3, "raw/kept"},
    };

    (void) state;
    put(lake, "1");
    for (i = 0; i < wd_array_len(rows); i++) {
        wd_test_write(path_of("kept"), WD_STR("x"));
        wd_test_write(path_of("raw/kept"), WD_STR("x"));
        snprintf(text, sizeof(text),
                 "{\"seq\":%d,\"key\":\"%s\",\"sha256\":\"%s\","
                 "\"fetched_at\":\"2024-01-31T12:00:00Z\",\"prev\":\"%s\"}",
                 rows[i].seq, rows[i].key, zeros, zeros);
        append(text);
        wd_lake_close(lake);
        assert_ok(wd_lake_open(root, &lake, &err));
        assert_int_equal(access(path_of("kept"), F_OK), 0);
        assert_int_equal(access(path_of("raw/kept"), F_OK), 0);
        is_sound(1);
    }

    /* the same row, where it can be: its object goes */
    snprintf(text, sizeof(text),
             "{\"seq\":2,\"key\":\"raw/kept\",\"sha256\":\"%s\","
             "\"fetched_at\":\"2024-01-31T12:00:00Z\",\"prev\":\"%s\"}",
             zeros, zeros);
    append(text);
    put(lake, "2");
    assert_int_not_equal(access(path_of("raw/kept"), F_OK), 0);
    is_sound(2);
}


/* A whole line that is none stays an error, however often one asks. */
static void
test_damaged_tail(void **state)
{
    int           i;
    int64_t       rows, bad;
    wd_lake_t    *other;
    wd_lake_row_t row;
    wd_buf_t      before = WD_BUF_INIT, after = WD_BUF_INIT;

    (void) state;
    put(lake, "1");
    append("{\"seq\":2,\"this\":\"is no row\"}\n");
    wd_test_read(path_of("manifest.ndjson"), &before);
    for (i = 0; i < 3; i++) {
        row = new_row();
        assert_int_equal(wd_lake_put(lake, &row, WD_STR("x"), &err), WD_EPROTO);
        assert_int_equal(wd_lake_last(lake), 1);
        assert_int_equal(verify(false, &rows, &bad), WD_EPROTO);
        assert_int_equal(bad, 2);
    }
    wd_test_read(path_of("manifest.ndjson"), &after);
    assert_true(wd_str_eq(wd_buf_view(&before), wd_buf_view(&after)));
    assert_int_equal(wd_lake_open(root, &other, &err), WD_EPROTO);
    wd_buf_done(&before);
    wd_buf_done(&after);
}


/*
 * When the manifest cannot be read, nothing is cut off it: the rows of others
 * are there although we do not see them.
 */
static void
test_unreadable(void **state)
{
    int            fd, ours = -1;
    char           link[600], path[64];
    wd_lake_t     *other;
    wd_lake_row_t  row = new_row();
    DIR           *d;
    struct dirent *e;
    ssize_t        n;

    (void) state;
    put(lake, "1");
    assert_ok(wd_lake_open(root, &other, &err));
    put(other, "2");
    wd_lake_close(other);

    d = opendir("/proc/self/fd");
    while ((e = readdir(d)) != NULL) {
        snprintf(path, sizeof(path), "/proc/self/fd/%.20s", e->d_name);
        n = readlink(path, link, sizeof(link) - 1);
        if (n > 15 && memcmp(link + n - 15, "manifest.ndjson", 15) == 0) {
            ours = atoi(e->d_name);
        }
    }
    closedir(d);
    assert_true(ours >= 0);
    fd = open(path_of("manifest.ndjson"), O_WRONLY | O_APPEND);
    assert_true(dup2(fd, ours) >= 0); /* reading fails from now on */
    close(fd);

    assert_int_not_equal(wd_lake_put(lake, &row, WD_STR("3"), &err), WD_OK);
    wd_lake_close(lake);
    assert_ok(wd_lake_open(root, &lake, &err));
    assert_int_equal(wd_lake_last(lake), 2);
    is_sound(2);
}


/* Two processes and their threads put at the same time. */
static void *
put_many(void *arg)
{
    int           i;
    char          text[64];
    wd_error_t    e;
    wd_lake_row_t row;

    for (i = 0; i < 25; i++) {
        row = new_row();
        snprintf(text, sizeof(text), "%d %p %d", (int) getpid(), (void *) &row,
                 i);
        if (wd_lake_put(arg, &row, wd_str_z(text), &e) != WD_OK) {
            abort();
        }
    }
    return NULL;
}


static void
test_writers(void **state)
{
    int        i, status;
    pid_t      pid[2];
    pthread_t  t[2];
    wd_lake_t *own;

    (void) state;
    wd_lake_close(lake);
    lake = NULL;
    for (i = 0; i < 2; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (wd_lake_open(root, &own, &err) != WD_OK) {
                _exit(1);
            }
            pthread_create(&t[0], NULL, put_many, own);
            pthread_create(&t[1], NULL, put_many, own);
            pthread_join(t[0], NULL);
            pthread_join(t[1], NULL);
            wd_lake_close(own);
            exit(0);
        }
    }
    for (i = 0; i < 2; i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_ok(wd_lake_open(root, &lake, &err));
    assert_int_equal(wd_lake_last(lake), 100);
    is_sound(100);
    assert_int_equal(files(), 100);
}


/* A row that could not be read back is refused, and nothing is kept. */
static void
test_bad_row(void **state)
{
    size_t                   i;
    wd_lake_row_t            row;
    static const char *const args[] = {"{\"a\":}",
                                       "{",
                                       "x",
                                       "[1",
                                       "{\"a\":1}}",
                                       "{\"a\":1,\"a\":2}",
                                       "{\"a\":1}\n{\"b\":2}"};

    (void) state;
    put(lake, "1");
    for (i = 0; i < wd_array_len(args); i++) {
        row = new_row();
        wd_str_copy(row.args, sizeof(row.args), wd_str_z(args[i]));
        assert_int_equal(wd_lake_put(lake, &row, WD_STR("2"), &err), WD_EINVAL);
        assert_int_equal(files(), 1);
        is_sound(1);
    }
    row = new_row(); /* all that must be escaped */
    memset(row.content_type, 0x01, sizeof(row.content_type) - 1);
    assert_ok(wd_lake_put(lake, &row, WD_STR("2"), &err));
    put(lake, "3");
    is_sound(3);
}


static void
fill(const char *path, size_t pages)
{
    int  fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    char page[4096] = {1};

    assert_true(fd >= 0);
    while (pages-- != 0 && write(fd, page, sizeof(page)) > 0) {
    }
    close(fd);
}


/*
 * Every place at which the disk can become full: the put is refused, nothing
 * of it is kept, and when there is room again all goes on.
 */
static void
test_disk_full(void **state)
{
    int           rc, full = 0;
    char          path[600], text[9000];
    size_t        room, before, i;
    int64_t       good = 0;
    wd_lake_row_t row;

    (void) state;
    wd_lake_close(lake);
    lake = NULL;
    new_root();
    assert_int_equal(mkdir(root, 0755), 0);
    if (unshare(CLONE_NEWNS) != 0
        || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0
        || mount("none", root, "tmpfs", 0, "size=400k") != 0) {
        print_message("a file system of our own is not allowed: %s\n",
                      strerror(errno));
        skip();
    }
    assert_ok(wd_lake_open(root, &lake, &err));
    wd_str_copy(path, sizeof(path), wd_str_z(path_of("filler")));

    for (i = 0; i < 40; i++) {
        for (room = 0; room < 5; room++) {
            /* all that is left but `room` pages */
            fill(path, 1000);
            {
                struct stat st;

                assert_int_equal(stat(path, &st), 0);
                assert_int_equal(truncate(path, st.st_size / 4096 * 4096
                                                    - (off_t) (room * 4096)),
                                 0);
            }
            before = files();
            row = new_row();
            for (size_t k = 0; k < sizeof(text); k++) {
                text[k] = (char) wd_test_random();
            }
            rc = wd_lake_put(lake, &row, wd_str(text, i % 3 * 4000 + 100),
                             &err);
            unlink(path);
            if (rc == WD_OK) {
                good++;
                assert_int_equal(files(), before + 1);
            } else {
                full++;
                assert_int_equal(rc, WD_ESTORAGE);
                if (files() != before) {
                    fail_msg("%zu files instead of %zu", files(), before);
                }
            }
            is_sound(good);
            if (good > 30) {
                goto enough;
            }
        }
    }
enough:
    if (full <= 5 || good <= 10) {
        fail_msg("%d full, %lld good", full, (long long) good);
    }
    put(lake, "room again");
    is_sound(good + 1);
    wd_lake_close(lake);
    lake = NULL;
    umount(root);
}


int
main(void)
{
    int rc;
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        T(test_put_get),
        T(test_rows),
        T(test_reopen),
        T(test_tampered_object),
        T(test_tampered_manifest),
        T(test_torn),
        T(test_begun),
        T(test_begun_wrong),
        T(test_damaged_tail),
        T(test_unreadable),
        T(test_writers),
        T(test_bad_row),
        T(test_disk_full),
    };

    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_buf_done(&bytes);
    return rc;
}
