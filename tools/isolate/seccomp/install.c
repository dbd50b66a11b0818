/* SPDX-License-Identifier: MIT */
/*
 * Installs the filter. A file of its own, because the launcher is linked to it, without libseccomp.
 */
#include "tools/isolate/seccomp/filter.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static int install(const struct seccomp_filter *filter, unsigned long flags)
{
	struct sock_fprog program = { .len = filter->len, .filter = filter->code };
	long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	return fd < 0 ? -errno : (int)fd;
}

int seccomp_filter_install(const struct seccomp_filter *filter)
{
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
	                      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = install(filter, flags);

	/* before Linux 5.19: a signal interrupts a call that is being answered; it is made again */
	if (fd == -EINVAL) {
		flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
		fd = install(filter, flags);
	}
	/* needed without CAP_SYS_ADMIN only: it disables set-user-id programs */
	if (fd == -EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fd = install(filter, flags);
	return fd;
}
