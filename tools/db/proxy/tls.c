/* SPDX-License-Identifier: MIT */
/*
 * The certificate is self-signed. The relay makes its own in memory for one run, and it never
 * leaves the process. Clients with sslmode=require accept any certificate. Clients that verify the
 * certificate cannot be served by a relay.
 */
#include "tools/db/proxy/tls.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/db/common/certificate.h"

enum { VALID_DAYS = 7 }; /* no run takes longer */

struct tls {
	SSL_CTX *server, *client;
};

/* ALPN: direct TLS (PostgreSQL 17) requires `postgresql`. Older clients offer nothing. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\12postgresql";

	(void)ssl;
	(void)arg;
	if (libssl.SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours,
	                                 sizeof(ours) - 1, in, in_len) == OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_open(struct tls **ret_tls)
{
	X509 *certificate;
	struct tls *tls;
	EVP_PKEY *key;
	bool good;

	if (openssl_load(NULL))
		return -ELIBACC;
	tls = mem_alloc(sizeof(*tls));
	tls->server = libssl.SSL_CTX_new(libssl.TLS_server_method());
	tls->client = libssl.SSL_CTX_new(libssl.TLS_client_method());
	good = !certificate_make(VALID_DAYS, &key, &certificate) && tls->server && tls->client &&
	       libssl.SSL_CTX_use_certificate(tls->server, certificate) == 1 &&
	       libssl.SSL_CTX_use_PrivateKey(tls->server, key) == 1;
	if (good) {
		libssl.SSL_CTX_set_alpn_select_cb(tls->server, choose_protocol, NULL);
		libssl.SSL_CTX_set_mode(tls->server, SSL_MODE_ENABLE_PARTIAL_WRITE |
		                                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		libssl.SSL_CTX_set_mode(tls->client, SSL_MODE_ENABLE_PARTIAL_WRITE |
		                                             SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	}
	libcrypto.X509_free(certificate);
	libcrypto.EVP_PKEY_free(key);
	if (!good) {
		tls_close(tls);
		return -EIO;
	}
	*ret_tls = tls;
	return 0;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	libssl.SSL_CTX_free(tls->server);
	libssl.SSL_CTX_free(tls->client);
	free(tls);
}

int tls_begin(struct tls *tls, struct tls_channel *channel, bool server)
{
	SSL *ssl = libssl.SSL_new(server ? tls->server : tls->client);

	if (!ssl || !libssl.SSL_set_fd(ssl, channel->fd)) {
		libssl.SSL_free(ssl);
		return -ENOMEM;
	}
	if (server)
		libssl.SSL_set_accept_state(ssl);
	else
		libssl.SSL_set_connect_state(ssl);
	channel->ssl = ssl;
	return 0;
}

static ssize_t channel_error(struct tls_channel *channel, int ret)
{
	int error = libssl.SSL_get_error(channel->ssl, ret);

	channel->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	libcrypto.ERR_clear_error();
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -EPROTO;
}

int tls_handshake(struct tls_channel *channel)
{
	int ret = libssl.SSL_do_handshake(channel->ssl);

	if (ret == 1) {
		channel->wants_write = false;
		return 0;
	}
	ret = (int)channel_error(channel, ret);
	return ret ? ret : -EPROTO;
}

ssize_t tls_read(struct tls_channel *channel, void *data, size_t len)
{
	ssize_t got;

	if (channel->ssl) {
		int ret = libssl.SSL_read(channel->ssl, data, (int)(len > 1 << 30 ? 1 << 30 : len));

		return ret > 0 ? ret : channel_error(channel, ret);
	}
	got = recv(channel->fd, data, len, 0);
	return got < 0 ? -errno : got;
}

ssize_t tls_write(struct tls_channel *channel, const void *data, size_t len)
{
	ssize_t put;

	if (channel->ssl) {
		int ret = libssl.SSL_write(channel->ssl, data,
		                           (int)(len > 1 << 30 ? 1 << 30 : len));

		return ret > 0 ? ret : channel_error(channel, ret);
	}
	put = send(channel->fd, data, len, MSG_NOSIGNAL);
	return put < 0 ? -errno : put;
}

/* Send close_notify if the socket takes it at once. Without it, the peer reports a truncation. */
static void send_close_notify(struct tls_channel *channel)
{
	(void)libssl.SSL_shutdown(channel->ssl);
	libcrypto.ERR_clear_error();
}

void tls_shut(struct tls_channel *channel)
{
	if (channel->ssl)
		send_close_notify(channel);
	(void)shutdown(channel->fd, SHUT_WR);
}

void tls_end(struct tls_channel *channel)
{
	if (!channel->ssl)
		return;
	send_close_notify(channel);
	libssl.SSL_free(channel->ssl);
	channel->ssl = NULL;
}
