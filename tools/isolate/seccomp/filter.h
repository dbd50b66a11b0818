/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_FILTER_H
#define BERTH_ISOLATE_SECCOMP_FILTER_H
/*
 * The seccomp filter: which system calls notify the supervisor. libseccomp builds it once from
 * core/calls.def; it is handed on as plain instructions, and seccomp(2) installs it, because
 * libseccomp 2.5 has no WAIT_KILLABLE_RECV.
 */
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct seccomp_filter {
	struct sock_filter *code; /* free() */
	unsigned short len;       /* instructions */
};

/**
 * @datagrams	include the rows of core/calls.def that say DATAGRAM
 * Return: 0; -errno of libseccomp.
 */
int seccomp_filter_build(bool datagrams, struct seccomp_filter *ret_filter);

/**
 * Install it in the calling process, which must have one thread. Makes async-signal-safe calls
 * only. Sets no_new_privs if the process may not install a filter otherwise.
 * Return: the notification descriptor, close-on-exec; -EBUSY this process has a listener already;
 * -errno of seccomp(2).
 */
int seccomp_filter_install(const struct seccomp_filter *filter);

#endif
