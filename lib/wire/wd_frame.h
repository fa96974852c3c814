/*
 * wd_frame.h - the RPC frames of docs/PROTOCOL.md: MessagePack-RPC requests,
 * responses and notifications on one multiplexed byte stream.
 *
 *     request       [0, msgid, method, [context, arguments]]
 *     response      [1, msgid, error, result]
 *     notification  [2, method, params]
 *
 * The same code serves the gateway, the backends and the tools. It does no
 * I/O and takes no memory for what a peer declares: a frame is looked at only
 * when all of its bytes, at most WD_FRAME_MAX, are there.
 */
#ifndef WD_FRAME_H
#define WD_FRAME_H

#include "wd_mp.h"

#define WD_PROTO_VERSION 1

#define WD_FRAME_MAX (256 * 1024) /* bytes of one frame */
#define WD_CHUNK_MAX (64 * 1024) /* body bytes in one frame */
#define WD_WINDOW (256 * 1024) /* body bytes sent without credit */
#define WD_METHOD_MAX 64 /* bytes of a method name */
#define WD_META_MAX (8 * 1024) /* bytes of a response's meta map */
#define WD_DETAIL_MAX 1024 /* bytes of an error's text */
#define WD_INFLIGHT_MAX 4096 /* requests on one connection */

/* Notifications of the protocol itself. */
#define WD_N_HELLO "sys.hello" /* both, first: [{v, service, instance}] */
#define WD_N_GOAWAY "sys.goaway" /* backend: no new requests here: [] */
#define WD_N_CHUNK "rpc.chunk" /* of a body: [msgid, bytes, last] */
#define WD_N_ABORT "rpc.abort" /* backend: [msgid, [code, text]] */
#define WD_N_CANCEL "rpc.cancel" /* caller: [msgid] */
#define WD_N_CREDIT "rpc.credit" /* for a body: [msgid, bytes] */

/* Of gateways to a service. */
#define WD_N_SPANS "trace.spans" /* [[span, ...], instance] */
#define WD_N_REFUSALS "auth.refusals" /* [[row, ...], lost, instance] */

/* Notifications of services to gateways. */
#define WD_N_BEAT "auth.beat" /* [seq]: revocations arrive here */
#define WD_N_REVOKE "auth.revoke" /* [[digest, ...], at]; [] means all */
#define WD_N_REVOKE_TOKEN "auth.revoke_token" /* [[[kind, v, n], ...], at] */
#define WD_N_PLANS "auth.plans" /* [[[name, text], ...]]: all plans */
#define WD_N_ROLES "auth.roles" /* [[[name, [perm, ...]], ...]]: all roles */
#define WD_N_JWKS_CHANGED "auth.jwks_changed" /* [] */
#define WD_N_PURGE "cache.purge" /* [[tag, ...], at, seq]; "*" means all */
#define WD_N_CACHE_BEAT "cache.beat" /* [seq]: purges arrive here */

typedef enum {
    WD_FRAME_REQUEST = 0,
    WD_FRAME_RESPONSE = 1,
    WD_FRAME_NOTIFY = 2
} wd_frame_type_e;

/* All views point into the frame's bytes. */
typedef struct {
    wd_frame_type_e type;
    uint32_t        msgid; /* request, response */
    wd_str_t        method; /* request, notification */
    wd_str_t        context; /* request: MessagePack of the context map */
    wd_str_t        args; /* request: MessagePack of the arguments map */
    wd_str_t        params; /* notification: MessagePack of the array */

    /* response with an error */
    int      code; /* WD_OK when there is none */
    wd_str_t text;
    wd_str_t detail; /* MessagePack of a map, or empty */

    /* response with a result */
    int      status;
    wd_str_t meta; /* MessagePack of a map */
    wd_str_t body;
    bool     more; /* the body goes on in rpc.chunk */
} wd_frame_t;

/* Cuts a byte stream into frames. */
typedef struct {
    wd_buf_t     buf;
    size_t       start; /* of the frame being received */
    wd_mp_scan_t scan;
} wd_frame_reader_t;

void wd_frame_reader_init(wd_frame_reader_t *r);
void wd_frame_reader_done(wd_frame_reader_t *r);

/*
 * Where to receive into: at least `min` bytes; NULL without memory. After
 * receiving n bytes call wd_frame_reader_fed().
 */
uint8_t *wd_frame_reader_space(wd_frame_reader_t *r, size_t min,
                               size_t *ret_len);
void     wd_frame_reader_fed(wd_frame_reader_t *r, size_t n);

/*
 * WD_OK: *ret is the next frame, valid until the next call of any
 * wd_frame_reader function. WD_EAGAIN: no whole frame is here.
 * WD_EPROTO, WD_ETOOBIG: the peer is broken; close the connection.
 */
wd_must_check int wd_frame_reader_next(wd_frame_reader_t *r, wd_frame_t *ret);

/* After WD_EAGAIN: a frame has begun and its end has not come. */
bool wd_frame_reader_within(const wd_frame_reader_t *r);

/* One complete frame in bytes. WD_OK or WD_EPROTO. */
wd_must_check int wd_frame_parse(wd_str_t bytes, wd_frame_t *ret);

/* `context` and `args` are complete MessagePack maps. */
void wd_frame_put_request(wd_buf_t *out, uint32_t msgid, wd_str_t method,
                          wd_str_t context, wd_str_t args);

/* meta may be empty; `more` is added to it. body.len <= WD_CHUNK_MAX. */
void wd_frame_put_result(wd_buf_t *out, uint32_t msgid, int status,
                         wd_str_t meta, wd_str_t body, bool more);

/* detail: MessagePack map or empty. text is cut at WD_DETAIL_MAX. */
void wd_frame_put_error(wd_buf_t *out, uint32_t msgid, int code, wd_str_t text,
                        wd_str_t detail);

void wd_frame_put_chunk(wd_buf_t *out, uint32_t msgid, wd_str_t bytes,
                        bool last);
void wd_frame_put_abort(wd_buf_t *out, uint32_t msgid, int code, wd_str_t text);
void wd_frame_put_cancel(wd_buf_t *out, uint32_t msgid);
void wd_frame_put_credit(wd_buf_t *out, uint32_t msgid, uint32_t bytes);
void wd_frame_put_hello(wd_buf_t *out, const char *service,
                        const char *instance);

/* `params` is a complete MessagePack array. */
void wd_frame_put_notify(wd_buf_t *out, const char *method, wd_str_t params);

/* Readers of the notifications' params: WD_OK or WD_EPROTO. */
wd_must_check int wd_frame_get_chunk(wd_str_t params, uint32_t *ret_msgid,
                                     wd_str_t *ret_bytes, bool *ret_last);
wd_must_check int wd_frame_get_abort(wd_str_t params, uint32_t *ret_msgid,
                                     int *ret_code, wd_str_t *ret_text);
wd_must_check int wd_frame_get_cancel(wd_str_t params, uint32_t *ret_msgid);
wd_must_check int wd_frame_get_credit(wd_str_t params, uint32_t *ret_msgid,
                                      uint32_t *ret_bytes);
wd_must_check int wd_frame_get_hello(wd_str_t params, int64_t *ret_version,
                                     wd_str_t *ret_service,
                                     wd_str_t *ret_instance);

#endif /* WD_FRAME_H */
