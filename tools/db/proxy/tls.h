/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_TLS_H
#define BERTH_DB_TLS_H
/*
 * TLS on a descriptor that does not block. A channel without TLS reads and writes the descriptor
 * itself, so that callers need no second path.
 */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tls; /* a certificate made for this run, and the two contexts */
struct tls_channel {
	int fd;
	void *ssl;        /* NULL = no TLS */
	bool wants_write; /* TLS must write before it can continue */
};

/** Return: 0; -ELIBACC if this machine has no OpenSSL; -EIO. */
int tls_open(struct tls **ret_tls);
void tls_close(struct tls *tls);

/**
 * Begin TLS on @channel, as the server, or as a client that verifies nothing (sslmode=require).
 * Return: 0 or -errno.
 */
int tls_begin(struct tls *tls, struct tls_channel *channel, bool server);

/** Return: 0 when it is done; -EAGAIN; -EPROTO. */
int tls_handshake(struct tls_channel *channel);

/** Return: the number of bytes; 0 at the end of the file; -EAGAIN; -errno. */
ssize_t tls_read(struct tls_channel *channel, void *data, size_t len);
ssize_t tls_write(struct tls_channel *channel, const void *data, size_t len);

/** Nothing more will be written. The channel can still be read. */
void tls_shut(struct tls_channel *channel);

/** End TLS. The descriptor stays open. */
void tls_end(struct tls_channel *channel);

#endif
