/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_SECCOMP_FILTER_H
#define BERTH_ISOLATE_SECCOMP_FILTER_H
/*
 * The seccomp filter: which system calls ask the supervisor. Built once by libseccomp from core/calls.def, handed around as
 * plain instructions and installed by seccomp(2) itself, because libseccomp 2.5 has no WAIT_KILLABLE_RECV.
 */
#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

struct seccomp_filter {
	struct sock_filter *code; /* free() */
	unsigned short len;       /* instructions */
};

/**
 * @datagrams	also ask about the rows of core/calls.def that say DATAGRAM
 * Return: 0; -errno of libseccomp.
 */
int seccomp_filter_build(bool datagrams, struct seccomp_filter *ret_filter);

/**
 * Install it in the calling process, which must have one thread. Only async-signal-safe calls are made. Sets no_new_privs if
 * the process may not install a filter otherwise.
 * Return: the listener, close-on-exec; -EBUSY this process has a supervisor already; -errno of seccomp(2).
 */
int seccomp_filter_install(const struct seccomp_filter *filter);

#endif
