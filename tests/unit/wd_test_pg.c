/*
 * wd_test_pg.c - a throw-away PostgreSQL server.
 *
 * It listens on a socket in the temporary folder only, runs as the user
 * postgres when the test is root, and dies with the test.
 */
#include "wd_test.h"

#include <fcntl.h>
#include <glob.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct wd_test_pg {
    char           bin[256];
    char           root[280];
    char           data[320];
    char           url[400];
    struct passwd *user; /* NULL: ourselves */
    pid_t          pid;
};


static bool
wd_test_pg_find(wd_test_pg_t *pg)
{
    glob_t g;
    bool   found;

    found = glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &g) == 0;
    if (found) {
        wd_str_copy(pg->bin, sizeof(pg->bin),
                    wd_str_z(g.gl_pathv[g.gl_pathc - 1]));
        *strrchr(pg->bin, '/') = '\0';
        globfree(&g);
    }
    return found;
}


/* Becomes `program`, as the server's user; does not return. */
static void
wd_test_pg_become(const wd_test_pg_t *pg, const char *program,
                  const char *const args[], pid_t parent)
{
    int  fd;
    char path[600];

    if (pg->user != NULL
        && (setgid(pg->user->pw_gid) != 0 || setuid(pg->user->pw_uid) != 0)) {
        _exit(126);
    }
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* an immediate shutdown */
    if (getppid() != parent) {
        _exit(126);
    }

    snprintf(path, sizeof(path), "%s/log", pg->root);
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0666);
    dup2(fd, 1);
    dup2(fd, 2);
    setenv("LC_ALL", "C", 1);
    unsetenv("LD_PRELOAD");
    snprintf(path, sizeof(path), "%s/%s", pg->bin, program);
    execv(path, (char *const *) args);
    _exit(127);
}


static bool
wd_test_pg_answers(void *arg)
{
    wd_test_pg_t *pg = arg;

    return PQping(pg->url) == PQPING_OK;
}


void
wd_test_pg_start(wd_test_pg_t *pg)
{
    pid_t             self = getpid();
    const char *const args[] = {"postgres",
                                "-D",
                                pg->data,
                                "-k",
                                pg->root,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                "fsync=off",
                                "-c",
                                "max_connections=40",
                                "-c",
                                "shared_buffers=16MB",
                                NULL};

    pg->pid = fork();
    if (pg->pid == 0) {
        setpgid(0, 0);
        wd_test_pg_become(pg, "postgres", args, self);
    }
    if (!wd_test_until(wd_test_pg_answers, pg)) {
        fprintf(stderr, "PostgreSQL does not answer; see %s/log\n", pg->root);
        exit(1);
    }
}


void
wd_test_pg_kill(wd_test_pg_t *pg)
{
    if (pg->pid > 0) {
        kill(pg->pid, SIGQUIT);
        waitpid(pg->pid, NULL, 0);
        pg->pid = 0;
    }
}


/* Each backend is a session and process group of its own. */
void
wd_test_pg_signal(wd_test_pg_t *pg, int sig)
{
    char  path[64];
    FILE *f;
    int   pid;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int) pg->pid,
             (int) pg->pid);
    f = fopen(path, "r");
    if (f != NULL) {
        while (fscanf(f, "%d", &pid) == 1) {
            kill(pid, sig);
        }
        fclose(f);
    }
    kill(pg->pid, sig);
}


const char *
wd_test_pg_url(const wd_test_pg_t *pg)
{
    return pg->url;
}


static bool
wd_test_pg_initdb(wd_test_pg_t *pg)
{
    int               status;
    pid_t             pid, self = getpid();
    const char *const args[] = {"initdb", "-D",   pg->data,     "-U",
                                "wd",     "-A",   "trust",      "-N",
                                "-E",     "UTF8", "--locale=C", NULL};

    pid = fork();
    if (pid == 0) {
        wd_test_pg_become(pg, "initdb", args, self);
    }
    return waitpid(pid, &status, 0) == pid && status == 0;
}


static bool
wd_test_pg_file(PGconn *c, const char *path)
{
    bool      ok;
    wd_buf_t  sql = WD_BUF_INIT;
    PGresult *res;

    wd_test_read(path, &sql);
    res = PQexec(c, wd_buf_cstr(&sql));
    ok = PQresultStatus(res) == PGRES_COMMAND_OK
         || PQresultStatus(res) == PGRES_TUPLES_OK;
    if (!ok) {
        fprintf(stderr, "%s: %s\n", path, PQerrorMessage(c));
    }
    PQclear(res);
    wd_buf_done(&sql);
    return ok;
}


/* All migrations, in their order. */
static bool
wd_test_pg_schema(wd_test_pg_t *pg)
{
    bool    ok;
    size_t  i;
    glob_t  g;
    PGconn *c;

    ok = glob(WD_TEST_SOURCE "/db/migrations/0*.sql", 0, NULL, &g) == 0;
    if (!ok) {
        return false;
    }
    c = PQconnectdb(pg->url);
    for (i = 0; i < g.gl_pathc && ok; i++) {
        ok = wd_test_pg_file(c, g.gl_pathv[i]);
    }
    PQfinish(c);
    globfree(&g);
    return ok;
}


wd_test_pg_t *
wd_test_pg_create(bool schema)
{
    wd_test_pg_t *pg = calloc(1, sizeof(*pg));

    if (!wd_test_pg_find(pg)) {
        fprintf(stderr, "skipped: PostgreSQL is not installed\n");
        free(pg);
        return NULL;
    }

    snprintf(pg->root, sizeof(pg->root), "%s/pg", wd_test_dir());
    snprintf(pg->data, sizeof(pg->data), "%s/data", pg->root);
    snprintf(pg->url, sizeof(pg->url),
             "postgresql://wd@/postgres?host=%s&sslmode=disable"
             "&gssencmode=disable",
             pg->root);
    mkdir(pg->root, 0755);
    chmod(wd_test_dir(), 0755);

    if (getuid() == 0) {
        pg->user = getpwnam("postgres");
        if (pg->user == NULL
            || chown(pg->root, pg->user->pw_uid, pg->user->pw_gid) != 0) {
            fprintf(stderr, "skipped: no user postgres to run a server as\n");
            free(pg);
            return NULL;
        }
    }

    if (!wd_test_pg_initdb(pg)) {
        fprintf(stderr, "initdb failed; see %s/log\n", pg->root);
        exit(1);
    }
    wd_test_pg_start(pg);
    if (schema && !wd_test_pg_schema(pg)) {
        wd_test_pg_destroy(pg);
        exit(1);
    }
    return pg;
}


void
wd_test_pg_destroy(wd_test_pg_t *pg)
{
    if (pg != NULL) {
        wd_test_pg_kill(pg);
        free(pg);
    }
}
