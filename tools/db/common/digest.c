/* SPDX-License-Identifier: MIT */
/* SHA-256, of which 128 bits are kept: enough that no two templates get the same name. */
#include "tools/db/common/digest.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/str.h"
#include "tools/db/common/openssl.h"

/* struct digest is an EVP_MD_CTX, so that its users need no OpenSSL headers. */
static EVP_MD_CTX *context(struct digest *digest)
{
	return (EVP_MD_CTX *)digest;
}

int digest_begin(struct digest **ret_digest)
{
	EVP_MD_CTX *made;

	if (openssl_load(NULL))
		return -ELIBACC;
	made = libcrypto.EVP_MD_CTX_new();
	libcrypto.EVP_DigestInit_ex(made, libcrypto.EVP_sha256(), NULL);
	*ret_digest = (struct digest *)made;
	return 0;
}

void digest_data(struct digest *digest, const void *data, size_t len)
{
	libcrypto.EVP_DigestUpdate(context(digest), data, len);
}

void digest_text(struct digest *digest, const char *text)
{
	text = text ? text : "";
	/* with the NUL, so that "ab", "c" differs from "a", "bc" */
	digest_data(digest, text, strlen(text) + 1);
}

char *digest_end(struct digest *digest)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	struct str hex = { 0 };

	libcrypto.EVP_DigestFinal_ex(context(digest), bytes, NULL);
	libcrypto.EVP_MD_CTX_free(context(digest));
	for (int i = 0; i < 16; i++)
		str_addf(&hex, "%02x", bytes[i]);
	return str_take(&hex);
}

char *digest_of(const char *text)
{
	struct digest *digest;

	if (digest_begin(&digest))
		return NULL;
	digest_text(digest, text);
	return digest_end(digest);
}

char *digest_stamp(const char *program)
{
	struct stat info;

	if (access(program, X_OK) || stat(program, &info))
		return NULL;
	return str_print("%s %lld %lld", program, (long long)info.st_size,
	                 (long long)info.st_mtime);
}
