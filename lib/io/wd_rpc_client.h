/*
 * wd_rpc_client.h - a blocking RPC caller for tools and tests.
 */
#ifndef WD_RPC_CLIENT_H
#define WD_RPC_CLIENT_H

#include "wd_ctx.h"
#include "wd_frame.h"

typedef struct wd_rpc_client wd_rpc_client_t;

/* endpoint: unix:/path or host:port. */
wd_must_check int wd_rpc_client_connect(const char *endpoint, const char *self,
                                        uint32_t          timeout_ms,
                                        wd_rpc_client_t **ret, wd_error_t *err);
void              wd_rpc_client_close(wd_rpc_client_t *c);

typedef struct {
    int      status;
    wd_buf_t meta; /* MessagePack map */
    wd_buf_t body; /* the whole of it; chunks are joined and credited */
} wd_rpc_answer_t;

void wd_rpc_answer_done(wd_rpc_answer_t *a);

/*
 * args: MessagePack map. WD_OK fills *ret (to be freed with _done). An error
 * of the service is returned as its code with its text in *err.
 */
wd_must_check int wd_rpc_client_call(wd_rpc_client_t *c, const char *method,
                                     const wd_ctx_t *ctx, wd_str_t args,
                                     uint32_t timeout_ms, wd_rpc_answer_t *ret,
                                     wd_error_t *err);

/*
 * The same with a body, which is read from a descriptor until its end; no more
 * than a piece of it is in memory. ctx->body and what describes it are the
 * caller's to fill. There is no limit in time for whoever writes into the
 * descriptor, but the service's; `timeout_ms` is for the service to take some
 * of the body, and from its end on to answer. It may answer before that. WD_EIO:
 * the descriptor cannot be read.
 */
wd_must_check int wd_rpc_client_upload(wd_rpc_client_t *c, const char *method,
                                       const wd_ctx_t *ctx, wd_str_t args,
                                       int body_fd, uint32_t timeout_ms,
                                       wd_rpc_answer_t *ret, wd_error_t *err);

#endif /* WD_RPC_CLIENT_H */
