/* SPDX-License-Identifier: MIT */
/*
 * For `make dist` only: Debian 12's libexpat.a calls arc4random_buf(3), which glibc has since 2.36.
 * All else that the command needs is in glibc 2.34.
 */
#include <stdlib.h>
#include <sys/random.h>
#include <sys/types.h>

void arc4random_buf(void *bytes, size_t len);

void arc4random_buf(void *bytes, size_t len)
{
	while (len) {
		ssize_t got = getrandom(bytes, len, 0);

		if (got <= 0)
			abort();
		bytes = (char *)bytes + got;
		len -= (size_t)got;
	}
}
