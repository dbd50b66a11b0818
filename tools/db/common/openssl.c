/* SPDX-License-Identifier: MIT */
/* Loads libssl and libcrypto. libssl depends on libcrypto, so the second load costs nothing. */
#include "tools/db/common/openssl.h"

struct libssl libssl;
struct libcrypto libcrypto;

int openssl_load(char **ret_error)
{
	static const char *const ssl_names[] = { LIBSSL(LIBRARY_NAME) NULL };
	static const char *const crypto_names[] = { LIBCRYPTO(LIBRARY_NAME) NULL };
	static struct library ssl = { LIBRARY_SSL, ssl_names, &libssl, NULL };
	static struct library crypto = { LIBRARY_CRYPTO, crypto_names, &libcrypto, NULL };
	int ret = library_load(&ssl, ret_error);

	return ret ? ret : library_load(&crypto, ret_error);
}
