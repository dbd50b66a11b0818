/* SPDX-License-Identifier: MIT */
#ifndef BERTH_ISOLATE_H
#define BERTH_ISOLATE_H
/*
 * How a worker's addresses are rewritten: three backends behind one interface. tools/ports makes
 * the port map; a backend carries it out.
 *
 *	isolate_open()			choose a backend for the run, once
 *	isolate_worker_begin()		in the supervisor, before the worker's process exists
 *	isolate_worker_environ()	what the worker's environment needs
 *	isolate_worker_enter()		in the worker's first process, between fork and exec
 *	isolate_worker_started()	in the supervisor, when that process exists
 *	isolate_worker_end()		in the supervisor, when the worker's last process is gone
 *	isolate_close()
 *
 * Functions return 0 or -errno; nothing here prints.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/portmap.h"
#include "tools/base/loop.h"

enum isolate_backend {
	ISOLATE_AUTO,
	ISOLATE_PRELOAD,
	ISOLATE_SECCOMP,
	ISOLATE_BPF,
	ISOLATE_NONE, /* only watch */
	ISOLATE_BACKENDS
};

extern const char *const isolate_backend_names[ISOLATE_BACKENDS + 1]; /* "auto", ... NULL */

struct isolate_setup {
	enum isolate_backend requested;
	const char *install_dir; /* from dir_install(): lib/berth/libberth.so lies below it */
	const char *run_dir;     /* run-time files of this run, 0711 */
	int cgroup;              /* the run's cgroup v2 directory; -1 if there is none */
	unsigned int workers;
	/* seccomp: look at datagrams, too, which costs every program that sends messages */
	bool datagrams;
	struct loop *loop; /* the supervisor's, to which backends add their descriptors */
};

struct isolate_worker {
	unsigned int number;       /* 1..N */
	struct berth_portmap *map; /* mapped shared */
	const char *map_path;
	int cgroup; /* the worker's cgroup v2 directory; -1 if there is none */
};

struct isolate;

/**
 * Choose a backend and make it ready.
 * @ret_reason	why this one, a half-sentence to free()
 * Return: 0; -ENOTSUP if the requested backend cannot work here (*ret_reason says why); -errno.
 */
int isolate_open(const struct isolate_setup *setup, struct isolate **ret_isolate,
                 char **ret_reason);
void isolate_close(struct isolate *isolate);

/**
 * Can @setup->requested work here? Loads, attaches, rewrites a test bind, and removes all again.
 * @setup->loop may be NULL.
 * Return: as isolate_open().
 */
int isolate_probe(const struct isolate_setup *setup, char **ret_reason);

/* Notes that the backend could not deliver. Gaps in a port map's ring show in its tickets. */
uint64_t isolate_lost(const struct isolate *isolate);

/* The backend in force; never ISOLATE_AUTO. */
enum isolate_backend isolate_backend(const struct isolate *isolate);

int isolate_worker_begin(struct isolate *isolate, const struct isolate_worker *worker);

/** Add what the worker's processes need: LD_PRELOAD, BERTH_MAP, BERTH_SHIM ... @envp is a strv. */
void isolate_worker_environ(struct isolate *isolate, unsigned int number, char ***envp);

/**
 * For a server of the worker that runs outside of it, where no kernel backend sees it: its
 * connections, too, must use the worker's ports. Always by the shim; without one, nothing is added.
 */
void isolate_server_environ(const struct isolate *isolate, const char *map_path, char ***envp);

/** Between fork and exec, with one thread. Return: 0; -errno: the worker must not start. */
int isolate_worker_enter(struct isolate *isolate, unsigned int number);

/**
 * Become the worker's command, after isolate_worker_enter(), with `environ` as
 * isolate_worker_environ() left it.
 * Return: -errno.
 */
int isolate_worker_exec(struct isolate *isolate, char **argv);

/**
 * Become a further program of worker @number, in a child of its worker init that has not called
 * isolate_worker_enter(), with the worker's `environ`.
 * Return: -errno.
 */
int isolate_worker_exec_more(struct isolate *isolate, unsigned int number, char **argv);
int isolate_worker_started(struct isolate *isolate, unsigned int number, pid_t pid);
void isolate_worker_end(struct isolate *isolate, unsigned int number);

#endif
