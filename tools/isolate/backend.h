/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_BACKEND_H
#define BERTH_ISOLATE_BACKEND_H
/* A backend: one table of functions. Any but .name may be NULL: then there is nothing to do. */
#include "tools/isolate/isolate.h"

struct isolate_ops {
	const char *name;
	bool needs_shim;      /* else it works without, and /proc/net shows real ports */
	bool kernel_rewrites; /* the shim leaves ports alone */
	/*
	 * Make it ready by really trying. Return: 0, and *ret_reason may say why it was chosen;
	 * -ENOTSUP, and *ret_reason says what is missing; -errno.
	 */
	int (*open)(const struct isolate_setup *setup, void **ret_backend, char **ret_reason);
	int (*worker_begin)(void *backend,
	                    const struct isolate_worker *worker); /* .number is valid */
	void (*environ)(void *backend, char ***envp);             /* beside what the shim needs */
	int (*enter)(void *backend, unsigned int number);
	int (*exec)(void *backend, char **argv);                           /* NULL: execvp(3) */
	int (*exec_more)(void *backend, unsigned int number, char **argv); /* NULL: execvp(3) */
	int (*started)(void *backend, unsigned int number, pid_t pid);
	void (*end)(void *backend, unsigned int number);
	uint64_t (*lost)(void *backend);
	void (*close)(void *backend);
};

extern const struct isolate_ops isolate_preload, isolate_seccomp, isolate_bpf;

#endif
