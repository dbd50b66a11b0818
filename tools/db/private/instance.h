/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_INSTANCE_H
#define BERTH_DB_PRIVATE_INSTANCE_H
/*
 * An instance: a running server that Berth starts on a data directory, watches by its pidfd and
 * stops by a signal. It ends with the supervisor (PR_SET_PDEATHSIG), and its overlay ends with it.
 */
#include <stdbool.h>
#include <stdint.h>

#include "tools/base/loop.h"
#include "tools/db/engine/engine.h"

struct instance;

/**
 * @error	0 clients can connect; -EADDRINUSE another program holds the port; -ENOTSUP the
 * overlay failed; -errno
 * @text	why
 */
typedef void (*instance_ready_fn)(void *arg, int error, const char *text);
/** @requested	instance_stop() was called. @last_line	of its log. */
typedef void (*instance_end_fn)(void *arg, bool requested, const char *last_line);

struct instance_setup {
	struct loop *loop;
	struct instance_params params; /* what it points to must live as long as the instance */
	const char *base;              /* holds data/ (and upper/, work/ for an overlay) */
	const char *lower;             /* mount it under data/; NULL = data/ is complete */
	void (*environ)(void *arg, char ***envp); /* adds to its environment; may be NULL */
	const char *log;                          /* file for the server's messages, 0600 */
	instance_ready_fn ready;                  /* called once */
	/* called once, when the process is gone, after @ready; then the instance is freed */
	instance_end_fn end;
	void *arg;
};

int instance_start(const struct instance_setup *setup, struct instance **ret_instance);

/** Stop it; end() follows. @clean	leaves a directory that can be cloned; else at once. */
void instance_stop(struct instance *instance, bool clean);

#endif
