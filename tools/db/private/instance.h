/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_INSTANCE_H
#define BERTH_DB_PRIVATE_INSTANCE_H
/*
 * One running server that belongs to us: started on a data directory, watched by its pidfd, stopped by a signal.
 * It dies with us (PR_SET_PDEATHSIG), and an overlay dies with it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/db/engine/engine.h"

struct instance;

/** @error 0 clients can connect; -EADDRINUSE an outsider holds the port; -ENOTSUP the overlay failed; -errno; @text why. */
typedef void (*instance_ready_fn)(void *arg, int error, const char *text);
typedef void (*instance_end_fn)(void *arg, bool wanted, const char *last_line);

struct instance_setup {
	struct loop *loop;
	struct instance_params params; /* what it points to must live as long as the server */
	const char *base;              /* holds data/ (and upper/, work/ for an overlay) */
	const char *lower;             /* template to mount under data/; NULL = data/ is complete */
	void (*environ)(void *arg, char ***envp); /* adds to its environment; may be NULL */
	const char *log;                          /* file for the server's messages, 0600 */
	instance_ready_fn ready;                  /* once */
	/* once, when the process is gone; the instance is freed after it. Not before @ready. */
	instance_end_fn end;
	void *arg;
};

int instance_start(const struct instance_setup *setup, struct instance **ret_instance);

/** Stop it: @clean leaves a directory that can be cloned, for a template; else at once. end() follows. */
void instance_stop(struct instance *instance, bool clean);

int instance_pid(const struct instance *instance);

#endif
