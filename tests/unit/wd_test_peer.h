/*
 * wd_test_peer.h - the caller's side of an RPC connection, for tests of the
 * server: it sees and sends single frames, and does as the test likes.
 */
#ifndef WD_TEST_PEER_H
#define WD_TEST_PEER_H

#include "wd_test.h"

#include "wd_frame.h"

#define WD_TEST_SERVICE "tester" /* what the server has to call itself */

typedef struct {
    int               fd;
    uint32_t          id; /* of the request that was put last */
    wd_buf_t          out; /* put and not yet sent */
    wd_frame_reader_t in;
    wd_frame_t        f; /* received last */
} wd_peer_t;

int  wd_peer_connect(const char *path); /* a socket, or -1 */
void wd_peer_init(wd_peer_t *p, int fd); /* takes the socket over */
void wd_peer_done(wd_peer_t *p);

/* All that was put; the test fails when the server stays deaf. */
void wd_peer_send(wd_peer_t *p);

/* WD_OK with p->f, WD_EUNAVAIL when closed, WD_ETIMEOUT after `ms`. */
int wd_peer_next(wd_peer_t *p, int ms);

/* A frame comes; the connection ends, and so does the peer. */
void wd_peer_expect(wd_peer_t *p);
void wd_peer_closed(wd_peer_t *p);

/* Both hellos; with a connection of its own. */
void wd_peer_greet(wd_peer_t *p);
void wd_peer_open(wd_peer_t *p, const char *path);

#endif /* WD_TEST_PEER_H */
