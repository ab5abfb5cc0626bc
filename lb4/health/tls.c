/* SPDX-License-Identifier: BSD-2-Clause */
/* Copyright (c) 2026 the lb4 authors */
/*
 * TLS for checks: see tls.h.
 */
#include "lb4/health/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/why.h"

/* A detail is an error of X509_verify_cert(3), or this and a reason of
 * OpenSSL's library SSL. */
#define REASON 0x8000
#define REASON_MASK 0x0fff

struct tls_context {
	struct tls_context *next;
	unsigned refs;
	SSL_CTX *ssl;
	struct config_tls settings; /* alpn, ca and verify count */
	struct timespec changed;    /* the file of check-ca */
	ino_t ino;
};

struct tls {
	SSL *ssl;
	bool wants_alpn;
	uint16_t detail;
	uint64_t certificate_s;
};

/* ---- contexts ------------------------------------------------------------ */

/* Why OpenSSL refused, in its words. */
static const char *
last_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason != NULL ? reason : "no reason given";
}

static int
load_ca(SSL_CTX *ssl, const struct config_tls *settings, struct why *why)
{
	const char *path = settings->ca;
	FILE *file;

	if (path[0] == '\0') {
		if (settings->verify)
			(void)SSL_CTX_set_default_verify_paths(ssl);
		return 0;
	}
	file = fopen(path, "re");
	if (file == NULL)
		return why_set(why, "%s cannot be read: %s", path,
		    strerror(errno));
	(void)fclose(file);
	if (SSL_CTX_load_verify_file(ssl, path) != 1)
		return why_set(why, "%s has no certificate in PEM form: %s",
		    path, last_reason());
	return 0;
}

/* "h2,http/1.1" as TLS has it: each name behind its length. */
static int
set_alpn(SSL_CTX *ssl, const char *names)
{
	unsigned char wire[CONFIG_ALPN_MAX + 1];
	size_t len = 0;

	while (*names != '\0') {
		const size_t name = strcspn(names, ",");

		wire[len] = (unsigned char)name;
		memcpy(wire + len + 1, names, name);
		len += 1 + name;
		names += name + (names[name] == ',');
	}
	/* 0 means success, for once */
	return len == 0 ||
		SSL_CTX_set_alpn_protos(ssl, wire, (unsigned)len) == 0
	    ? 0
	    : -1;
}

/* Notes when the peer's certificate expires, also if it is refused. */
static int
on_verify(int verified, X509_STORE_CTX *store)
{
	const int index = SSL_get_ex_data_X509_STORE_CTX_idx();
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, index);
	struct tls *tls = SSL_get_app_data(ssl);
	const X509 *peer = X509_STORE_CTX_get0_cert(store);
	struct tm tm;

	if (peer != NULL &&
	    ASN1_TIME_to_tm(X509_get0_notAfter(peer), &tm) == 1) {
		const time_t at = timegm(&tm);

		tls->certificate_s = at > 0 ? (uint64_t)at : 1;
	}
	return verified;
}

static SSL_CTX *
make_context(const struct config_tls *settings, struct why *why)
{
	SSL_CTX *ssl;

	ERR_clear_error();
	ssl = SSL_CTX_new(TLS_client_method());
	if (ssl == NULL) {
		(void)why_set(why, "OpenSSL: %s", last_reason());
		return NULL;
	}
	/* what follows HTTP's Connection: close is an end, too */
	(void)SSL_CTX_set_options(ssl, SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	SSL_CTX_set_verify(ssl,
	    settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, on_verify);
	if (load_ca(ssl, settings, why) == 0) {
		if (set_alpn(ssl, settings->alpn) == 0)
			return ssl;
		(void)why_set(why, "OpenSSL: %s", last_reason());
	}
	SSL_CTX_free(ssl);
	return NULL;
}

/* False if there is no such file: then nothing has changed. */
static bool
look_at(const char *path, struct stat *file)
{
	return path[0] != '\0' && stat(path, file) == 0;
}

static bool
is_fresh(const struct tls_context *context)
{
	struct stat file;

	return !look_at(context->settings.ca, &file) ||
	    (file.st_ino == context->ino &&
		file.st_mtim.tv_sec == context->changed.tv_sec &&
		file.st_mtim.tv_nsec == context->changed.tv_nsec);
}

struct tls_context *
tls_context_get(struct tls_contexts *contexts,
    const struct config_tls *settings, struct why *why)
{
	struct tls_context *context;
	struct stat file = { .st_ino = 0 };

	for (context = contexts->first; context; context = context->next)
		if (context->settings.verify == settings->verify &&
		    strcmp(context->settings.ca, settings->ca) == 0 &&
		    strcmp(context->settings.alpn, settings->alpn) == 0 &&
		    is_fresh(context)) {
			context->refs++;
			return context;
		}
	context = calloc(1, sizeof(*context));
	if (context == NULL) {
		(void)why_set(why, "%s", strerror(ENOMEM));
		return NULL;
	}
	(void)look_at(settings->ca, &file);
	context->ssl = make_context(settings, why);
	if (context->ssl == NULL) {
		free(context);
		return NULL;
	}
	context->settings = *settings;
	context->changed = file.st_mtim;
	context->ino = file.st_ino;
	context->refs = 1;
	context->next = contexts->first;
	contexts->first = context;
	return context;
}

void
tls_context_put(struct tls_contexts *contexts, struct tls_context *context)
{
	struct tls_context **link = &contexts->first;

	if (context == NULL || --context->refs > 0)
		return;
	while (*link != context)
		link = &(*link)->next;
	*link = context->next;
	SSL_CTX_free(context->ssl);
	free(context);
}

int
tls_judge(const struct config_tls *settings, struct why *why)
{
	SSL_CTX *ssl;

	if (settings->ca[0] == '\0')
		return 0;
	ssl = make_context(settings, why);
	SSL_CTX_free(ssl);
	return ssl != NULL ? 0 : -EINVAL;
}

/* ---- a connection -------------------------------------------------------- */

static bool
is_address(const char *host)
{
	struct in6_addr ip;

	return inet_pton(AF_INET, host, &ip) == 1 ||
	    inet_pton(AF_INET6, host, &ip) == 1;
}

static bool
set_host(SSL *ssl, const char *host)
{
	if (host[0] == '\0')
		return true;
	if (is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
			   host) == 1;
	return SSL_set_tlsext_host_name(ssl, host) == 1 &&
	    SSL_set1_host(ssl, host) == 1;
}

struct tls *
tls_new(struct tls_context *context, int fd, const char *host)
{
	struct tls *tls = calloc(1, sizeof(*tls));

	if (tls == NULL)
		return NULL;
	tls->wants_alpn = context->settings.alpn[0] != '\0';
	tls->ssl = SSL_new(context->ssl);
	if (tls->ssl == NULL || SSL_set_app_data(tls->ssl, tls) != 1 ||
	    SSL_set_fd(tls->ssl, fd) != 1 || !set_host(tls->ssl, host)) {
		tls_free(tls);
		return NULL;
	}
	SSL_set_connect_state(tls->ssl);
	return tls;
}

void
tls_free(struct tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	free(tls);
	ERR_clear_error();
}

/* Judges what a call of OpenSSL has returned. */
static int
judge(struct tls *tls, int result)
{
	const int error = errno;
	unsigned long last;

	switch (SSL_get_error(tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return -EPIPE;
	case SSL_ERROR_SYSCALL:
		return error != 0 ? -error : -EPIPE;
	default:
		break;
	}
	last = ERR_peek_last_error();
	if (SSL_get_verify_result(tls->ssl) != X509_V_OK &&
	    (SSL_get_verify_mode(tls->ssl) & SSL_VERIFY_PEER) != 0)
		tls->detail = (uint16_t)SSL_get_verify_result(tls->ssl);
	else
		tls->detail = (uint16_t)(REASON |
		    ((unsigned)ERR_GET_REASON(last) & REASON_MASK));
	return -EPROTO;
}

static bool
has_alpn(const struct tls *tls)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(tls->ssl, &name, &len);
	return len > 0;
}

int
tls_shake(struct tls *tls)
{
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_do_handshake(tls->ssl);
	if (result != 1)
		return judge(tls, result);
	if (tls->wants_alpn && !has_alpn(tls)) {
		tls->detail = REASON | SSL_R_NO_APPLICATION_PROTOCOL;
		return -EPROTO;
	}
	return 0;
}

ssize_t
tls_recv(struct tls *tls, void *buf, size_t size)
{
	size_t got;
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_read_ex(tls->ssl, buf, size, &got);
	if (result == 1)
		return (ssize_t)got;
	result = judge(tls, result);
	return result == -EPIPE ? 0 : result;
}

ssize_t
tls_send(struct tls *tls, const void *buf, size_t len)
{
	size_t sent;
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_write_ex(tls->ssl, buf, len, &sent);
	return result == 1 ? (ssize_t)sent : judge(tls, result);
}

void
tls_bye(struct tls *tls)
{
	ERR_clear_error();
	(void)SSL_shutdown(tls->ssl);
}

uint64_t
tls_certificate_s(const struct tls *tls)
{
	return tls->certificate_s;
}

uint16_t
tls_detail(const struct tls *tls)
{
	return tls->detail;
}

const char *
tls_detail_text(uint16_t detail, char *buf, size_t size)
{
	const int reason = detail & REASON_MASK;
	const char *words;

	if ((detail & REASON) == 0) {
		if (detail == X509_V_ERR_HOSTNAME_MISMATCH ||
		    detail == X509_V_ERR_IP_ADDRESS_MISMATCH)
			words = "is for another name";
		else if (detail == X509_V_ERR_CERT_HAS_EXPIRED)
			words = "has expired";
		else
			words = NULL;
		(void)snprintf(buf, size, "certificate%s %s",
		    words != NULL ? "" : ":",
		    words != NULL ? words
				  : X509_verify_cert_error_string(detail));
		return buf;
	}
	words = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reason));
	if (reason == SSL_R_WRONG_VERSION_NUMBER)
		words = "the answer is not TLS";
	else if (reason == SSL_R_NO_APPLICATION_PROTOCOL)
		words = "the server chose none of check-alpn";
	(void)snprintf(buf, size, "TLS: %s", words != NULL ? words : "failed");
	return buf;
}
