/*
 * wd_test_ws.h - a WebSocket server for tests, made of sockets, so that it can
 * also do what no server may: a script in a thread of its own plays each
 * connection, one after the other, and notes what it heard.
 */
#ifndef WD_TEST_WS_H
#define WD_TEST_WS_H

#include "wd_test.h"

#define WD_TEST_WS_TEXT 1
#define WD_TEST_WS_CLOSE 8
#define WD_TEST_WS_PING 9
#define WD_TEST_WS_PONG 10
#define WD_TEST_WS_FIN 0x80

typedef struct wd_test_ws      wd_test_ws_t;
typedef struct wd_test_ws_conn wd_test_ws_conn_t;

/* In the server's thread: no assertions of cmocka. `n` counts from 0. */
typedef void (*wd_test_ws_pt)(wd_test_ws_conn_t *c, int n, void *arg);

/*
 * Listens on a port of 127.0.0.1. `host` not NULL: speaks TLS, with a
 * certificate for that name which wd_test_ws_ca() holds.
 */
wd_test_ws_t *wd_test_ws_start(wd_test_ws_pt script, void *arg,
                               const char *host);

int         wd_test_ws_port(const wd_test_ws_t *s);
const char *wd_test_ws_ca(const wd_test_ws_t *s); /* a file */

/* Ends connections and thread. What was noted stays until _free. */
void        wd_test_ws_stop(wd_test_ws_t *s);
const char *wd_test_ws_noted(wd_test_ws_t *s);
void        wd_test_ws_free(wd_test_ws_t *s);

/* ---- for scripts; false: the connection is no more -------------------------- */

/* Reads the client's request; its text, or "". */
const char *wd_test_ws_request(wd_test_ws_conn_t *c);

/* The answer to it, with that sub-protocol unless NULL. */
bool wd_test_ws_accept(wd_test_ws_conn_t *c, const char *subprotocol);

/* What Sec-WebSocket-Accept must be. */
const char *wd_test_ws_key(const wd_test_ws_conn_t *c);

bool wd_test_ws_write(wd_test_ws_conn_t *c, const void *data, size_t n);

/* `first` is the first byte of the frame: FIN, reserved bits, opcode. */
bool wd_test_ws_frame(wd_test_ws_conn_t *c, uint8_t first, const void *data,
                      size_t n);
bool wd_test_ws_text(wd_test_ws_conn_t *c, const char *text);
bool wd_test_ws_end(wd_test_ws_conn_t *c, int code, const char *reason);

/* The next frame's opcode; -1: none comes. *out is unmasked. */
int wd_test_ws_read(wd_test_ws_conn_t *c, wd_buf_t *out);

/* Bytes until the connection ends. */
void wd_test_ws_drain(wd_test_ws_conn_t *c);

/* Notes frames until it ends: "text hello\nclose 1000\n", "pong\n", ... */
void wd_test_ws_note_all(wd_test_ws_conn_t *c);

/* The same, and answers a close as it should be. */
void wd_test_ws_converse(wd_test_ws_conn_t *c);

void wd_test_ws_note(wd_test_ws_conn_t *c, const char *fmt, ...)
    wd_printf_like(2, 3);

/* Ends with a reset instead of an end. */
void wd_test_ws_reset(wd_test_ws_conn_t *c);

#endif /* WD_TEST_WS_H */
