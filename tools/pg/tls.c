/* SPDX-License-Identifier: MIT */
/*
 * The certificate is self-signed, made in memory for one run, and never leaves it: clients that say sslmode=require accept
 * any, and those that verify one cannot be served by anybody but their server.
 */
#include "tools/pg/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/base/str.h"

struct tls {
	SSL_CTX *server, *client;
};

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name;

	if (!certificate)
		return NULL;
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 7 * 86400);
	X509_set_pubkey(certificate, key);
	name = X509_get_subject_name(certificate);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(certificate, name);
	if (X509_sign(certificate, key, EVP_sha256()))
		return certificate;
	X509_free(certificate);
	return NULL;
}

/* ALPN: direct TLS (PostgreSQL 17) requires `postgresql`; older clients offer nothing. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
			   unsigned int in_len, void *arg)
{
	static const unsigned char ours[] = "\12postgresql";

	(void)ssl;
	(void)arg;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof(ours) - 1, in, in_len) ==
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

int tls_open(struct tls **ret_tls)
{
	struct tls *tls = mem_alloc(sizeof(*tls));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? make_certificate(key) : NULL;
	bool good;

	tls->server = SSL_CTX_new(TLS_server_method());
	tls->client = SSL_CTX_new(TLS_client_method());
	good = certificate && tls->server && tls->client && SSL_CTX_use_certificate(tls->server, certificate) == 1 &&
	       SSL_CTX_use_PrivateKey(tls->server, key) == 1;
	if (good) {
		SSL_CTX_set_alpn_select_cb(tls->server, choose_protocol, NULL);
		SSL_CTX_set_mode(tls->server, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		SSL_CTX_set_mode(tls->client, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	}
	X509_free(certificate);
	EVP_PKEY_free(key);
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
	SSL_CTX_free(tls->server);
	SSL_CTX_free(tls->client);
	free(tls);
}

int tls_begin(struct tls *tls, struct tls_channel *channel, bool server)
{
	SSL *ssl = SSL_new(server ? tls->server : tls->client);

	if (!ssl || !SSL_set_fd(ssl, channel->fd)) {
		SSL_free(ssl);
		return -ENOMEM;
	}
	if (server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	channel->ssl = ssl;
	return 0;
}

static ssize_t verdict(struct tls_channel *channel, int ret)
{
	int error = SSL_get_error(channel->ssl, ret);

	channel->wants_write = error == SSL_ERROR_WANT_WRITE;
	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	ERR_clear_error();
	return error == SSL_ERROR_ZERO_RETURN ? 0 : -EPROTO;
}

int tls_handshake(struct tls_channel *channel)
{
	int ret = SSL_do_handshake(channel->ssl);

	if (ret == 1) {
		channel->wants_write = false;
		return 0;
	}
	ret = (int)verdict(channel, ret);
	return ret ? ret : -EPROTO;
}

ssize_t tls_read(struct tls_channel *channel, void *data, size_t len)
{
	ssize_t got;

	if (channel->ssl) {
		int ret = SSL_read(channel->ssl, data, (int)(len > 1 << 30 ? 1 << 30 : len));

		return ret > 0 ? ret : verdict(channel, ret);
	}
	got = recv(channel->fd, data, len, 0);
	return got < 0 ? -errno : got;
}

ssize_t tls_write(struct tls_channel *channel, const void *data, size_t len)
{
	ssize_t put;

	if (channel->ssl) {
		int ret = SSL_write(channel->ssl, data, (int)(len > 1 << 30 ? 1 << 30 : len));

		return ret > 0 ? ret : verdict(channel, ret);
	}
	put = send(channel->fd, data, len, MSG_NOSIGNAL);
	return put < 0 ? -errno : put;
}

void tls_end(struct tls_channel *channel)
{
	if (channel->ssl)
		SSL_free(channel->ssl);
	channel->ssl = NULL;
}
