/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_OPENSSL_H
#define BERTH_DB_OPENSSL_H
/*
 * OpenSSL 3, loaded when it is first needed: `libssl.SSL_new(context)`. Its macros work, too,
 * because they expand to one of these functions.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tools/base/library.h"

/* clang-format off */
#define LIBSSL(X) \
	X(SSL_CTX_ctrl) X(SSL_CTX_free) X(SSL_CTX_new) X(SSL_CTX_set_alpn_select_cb) \
	X(SSL_CTX_use_PrivateKey) X(SSL_CTX_use_certificate) X(SSL_do_handshake) X(SSL_free) \
	X(SSL_get_error) X(SSL_new) X(SSL_read) X(SSL_select_next_proto) \
	X(SSL_set_accept_state) X(SSL_set_connect_state) X(SSL_set_fd) X(SSL_shutdown) \
	X(SSL_write) X(TLS_client_method) X(TLS_server_method)
/* clang-format on */
extern struct libssl {
	LIBSSL(LIBRARY_POINTER)
} libssl;

/* clang-format off */
#define LIBCRYPTO(X) \
	X(ASN1_INTEGER_set) X(ERR_clear_error) X(EVP_DigestFinal_ex) X(EVP_DigestInit_ex) \
	X(EVP_DigestUpdate) X(EVP_MD_CTX_free) X(EVP_MD_CTX_new) X(EVP_PKEY_free) \
	X(EVP_PKEY_Q_keygen) X(EVP_sha256) X(PEM_write_PrivateKey) X(PEM_write_X509) \
	X(X509_NAME_add_entry_by_txt) X(X509_free) X(X509_get_serialNumber) \
	X(X509_get_subject_name) X(X509_getm_notAfter) X(X509_getm_notBefore) \
	X(X509_gmtime_adj) X(X509_new) X(X509_set_issuer_name) X(X509_set_pubkey) \
	X(X509_set_version) X(X509_sign)
/* clang-format on */
extern struct libcrypto {
	LIBCRYPTO(LIBRARY_POINTER)
} libcrypto;

/**
 * Load both libraries; call it before the first use.
 * @ret_error	why not: a half-sentence, the caller's to free; may be NULL
 * Return: 0, -ENOENT.
 */
int openssl_load(char **ret_error);

#endif
