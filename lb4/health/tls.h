/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * The client's side of TLS for checks, by OpenSSL: nothing else of lb4 uses it.
 * It never blocks: a call that would wait returns -EAGAIN, and is repeated when
 * the socket is ready.
 */
#ifndef LB4_HEALTH_TLS_H
#define LB4_HEALTH_TLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attr.h"
#include "lb4/config/settings.h"

struct why;

/* ---- what checks with the same settings share ---------------------------- */

struct tls_context;

/* The contexts in use; all zero at the start.  Owned by one thread. */
struct tls_contexts {
	struct tls_context *first;
};

/* The context for the settings, with a reference for the caller.  It is made
 * anew if the file of check-ca has changed since.  NULL with the reason. */
must_check struct tls_context *tls_context_get(struct tls_contexts *contexts,
    const struct config_tls *settings, struct why *why);

/* Drops a reference.  Accepts NULL. */
void tls_context_put(struct tls_contexts *contexts,
    struct tls_context *context);

/* Whether the file of check-ca has certificates.  0, or -EINVAL with the
 * reason.  From any thread. */
must_check int tls_judge(const struct config_tls *settings, struct why *why);

/* ---- one connection ------------------------------------------------------ */

struct tls;

/*
 * Makes the client's side of a connected socket, which remains the caller's.
 * `host` is whom the certificate must be for, and is sent as SNI unless it is
 * an address; "": anybody, and no SNI.  NULL without memory.
 */
must_check struct tls *tls_new(struct tls_context *context, int fd,
    const char *host);

/* Frees it, without a word to the peer.  Accepts NULL. */
void tls_free(struct tls *tls);

/* The handshake.  0; -EAGAIN; -EPIPE: the peer has closed; -EPROTO: see
 * tls_detail(); or another -errno of the socket. */
must_check int tls_shake(struct tls *tls);

/* As recv(2) and send(2), but with these errors; 0: the peer has closed. */
ssize_t tls_recv(struct tls *tls, void *buf, size_t size);
ssize_t tls_send(struct tls *tls, const void *buf, size_t len);

/* Says goodbye (close_notify), if the socket takes it. */
void tls_bye(struct tls *tls);

/* When the peer's certificate expires, in seconds since 1970; 0: none was
 * seen. */
uint64_t tls_certificate_s(const struct tls *tls);

/* After -EPROTO: what is wrong, never 0. */
uint16_t tls_detail(const struct tls *tls);

/* That in words: "certificate has expired", "TLS: unsupported protocol".
 * Returns `buf`. */
const char *tls_detail_text(uint16_t detail, char *buf, size_t size);

#endif
