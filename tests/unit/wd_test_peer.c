/*
 * wd_test_peer.c - a caller that waits for single frames.
 */
#include "wd_test_peer.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>


int
wd_peer_connect(const char *path)
{
    int                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    wd_str_copy(sun.sun_path, sizeof(sun.sun_path), wd_str_z(path));
    if (connect(fd, (struct sockaddr *) &sun, sizeof(sun)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}


void
wd_peer_init(wd_peer_t *p, int fd)
{
    assert_true(fd >= 0);
    memset(p, 0, sizeof(*p));
    p->fd = fd;
    wd_buf_init(&p->out, 0);
    wd_frame_reader_init(&p->in);
}


void
wd_peer_done(wd_peer_t *p)
{
    close(p->fd);
    wd_buf_done(&p->out);
    wd_frame_reader_done(&p->in);
}


void
wd_peer_send(wd_peer_t *p)
{
    ssize_t       n;
    size_t        sent = 0;
    struct pollfd pfd = {.fd = p->fd, .events = POLLOUT};

    while (sent < p->out.len) {
        if (poll(&pfd, 1, WD_TEST_WAIT_MS) != 1) {
            fail_msg("the server does not read");
        }
        n = send(p->fd, p->out.data + sent, p->out.len - sent,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN) {
            break; /* closed: the reader sees it */
        }
        sent += n > 0 ? (size_t) n : 0;
    }
    wd_buf_reset(&p->out);
}


int
wd_peer_next(wd_peer_t *p, int ms)
{
    int           rc;
    size_t        len = 0;
    ssize_t       n;
    uint8_t      *to;
    struct pollfd pfd = {.fd = p->fd, .events = POLLIN};

    for (;;) {
        rc = wd_frame_reader_next(&p->in, &p->f);
        if (rc != WD_EAGAIN) {
            assert_ok(rc); /* the server's frames are in order */
            return rc;
        }
        if (poll(&pfd, 1, ms) != 1) {
            return WD_ETIMEOUT;
        }
        to = wd_frame_reader_space(&p->in, 65536, &len);
        n = recv(p->fd, to, len, 0);
        if (n <= 0) {
            return WD_EUNAVAIL;
        }
        wd_frame_reader_fed(&p->in, (size_t) n);
    }
}


void
wd_peer_expect(wd_peer_t *p)
{
    assert_ok(wd_peer_next(p, WD_TEST_WAIT_MS));
}


void
wd_peer_closed(wd_peer_t *p)
{
    int rc;

    do {
        rc = wd_peer_next(p, WD_TEST_WAIT_MS);
    } while (rc == WD_OK);
    assert_int_equal(rc, WD_EUNAVAIL);
    wd_peer_done(p);
}


void
wd_peer_greet(wd_peer_t *p)
{
    int64_t  version;
    wd_str_t service, instance;

    wd_frame_put_hello(&p->out, "gateway", "test:1");
    wd_peer_send(p);
    wd_peer_expect(p);
    assert_int_equal(p->f.type, WD_FRAME_NOTIFY);
    assert_view(p->f.method, WD_N_HELLO);
    assert_ok(wd_frame_get_hello(p->f.params, &version, &service, &instance));
    assert_int_equal(version, WD_PROTO_VERSION);
    assert_view(service, WD_TEST_SERVICE);
    assert_true(instance.len != 0);
}


void
wd_peer_open(wd_peer_t *p, const char *path)
{
    wd_peer_init(p, wd_peer_connect(path));
    wd_peer_greet(p);
}
