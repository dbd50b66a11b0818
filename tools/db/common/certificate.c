/* SPDX-License-Identifier: MIT */
/*
 * Certificates for the relay, in memory, and for private PostgreSQL servers, as files of a
 * template.
 */
#include "tools/db/common/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"

enum { FILE_VALID_DAYS = 3650 }; /* a template may stay in the cache for long */

static X509 *sign(EVP_PKEY *key, long valid_days)
{
	X509 *certificate = libcrypto.X509_new();
	X509_NAME *name;

	if (!certificate)
		return NULL;
	libcrypto.X509_set_version(certificate, 2);
	libcrypto.ASN1_INTEGER_set(libcrypto.X509_get_serialNumber(certificate), 1);
	libcrypto.X509_gmtime_adj(libcrypto.X509_getm_notBefore(certificate), -3600);
	libcrypto.X509_gmtime_adj(libcrypto.X509_getm_notAfter(certificate), valid_days * 86400);
	libcrypto.X509_set_pubkey(certificate, key);
	name = libcrypto.X509_get_subject_name(certificate);
	libcrypto.X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	                                     (const unsigned char *)"localhost", -1, -1, 0);
	libcrypto.X509_set_issuer_name(certificate, name);
	if (libcrypto.X509_sign(certificate, key, libcrypto.EVP_sha256()))
		return certificate;
	libcrypto.X509_free(certificate);
	return NULL;
}

int certificate_make(long valid_days, EVP_PKEY **ret_key, X509 **ret_certificate)
{
	*ret_key = libcrypto.EVP_EC_gen("P-256");
	*ret_certificate = *ret_key ? sign(*ret_key, valid_days) : NULL;
	if (*ret_certificate)
		return 0;
	libcrypto.EVP_PKEY_free(*ret_key);
	*ret_key = NULL;
	return -EIO;
}

/* @certificate	NULL = write the key */
static int write_pem(const char *dir, const char *name, EVP_PKEY *key, X509 *certificate)
{
	cleanup_free char *path = str_print("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), good;
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");

	if (!file)
		return -errno;
	good = certificate ? libcrypto.PEM_write_X509(file, certificate)
	                   : libcrypto.PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	return fclose(file) || !good ? -EIO : 0;
}

int certificate_write(const char *dir)
{
	X509 *certificate;
	EVP_PKEY *key;
	int ret;

	if (openssl_load(NULL))
		return -ELIBACC;
	ret = certificate_make(FILE_VALID_DAYS, &key, &certificate);
	ret = ret ? ret : write_pem(dir, "server.key", key, NULL);
	ret = ret ? ret : write_pem(dir, "server.crt", NULL, certificate);
	libcrypto.X509_free(certificate);
	libcrypto.EVP_PKEY_free(key);
	return ret;
}
