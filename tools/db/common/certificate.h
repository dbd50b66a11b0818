/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_COMMON_CERTIFICATE_H
#define BERTH_DB_COMMON_CERTIFICATE_H
/*
 * Self-signed certificates for `localhost`. Clients that say sslmode=require accept any
 * certificate; clients that verify one cannot be served with it.
 */
#include "tools/db/common/openssl.h"

/**
 * Make a key and a certificate in memory, after openssl_load().
 * @ret_key, @ret_certificate	the caller's to free with libcrypto; NULL on failure
 * Return: 0; -EIO.
 */
int certificate_make(long valid_days, EVP_PKEY **ret_key, X509 **ret_certificate);

/** Make @dir/server.key, mode 0600, and @dir/server.crt. Return: 0; -ELIBACC no OpenSSL; -errno. */
int certificate_write(const char *dir);

#endif
