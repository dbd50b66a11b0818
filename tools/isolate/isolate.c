/* SPDX-License-Identifier: MIT */
/*
 * Choosing a backend and passing calls on to it. A backend that is not built in has an empty row and is reported as
 * such; `auto` takes the first that can work, in the order of the list below.
 */
#include "tools/isolate/isolate.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"

const char *const isolate_backend_names[ISOLATE_BACKENDS + 1] = { "auto", "preload", "seccomp", "bpf", "none", NULL };

static const struct isolate_ops none = { .name = "none" };

static const struct isolate_ops *const backends[ISOLATE_BACKENDS] = {
	[ISOLATE_PRELOAD] = &isolate_preload,
	[ISOLATE_NONE] = &none,
};

static const enum isolate_backend preferred[] = { ISOLATE_PRELOAD };

struct isolate {
	enum isolate_backend chosen;
	const struct isolate_ops *ops;
	void *backend;
};

static int probe(const struct isolate_setup *setup, enum isolate_backend wanted, char **ret_reason)
{
	const struct isolate_ops *ops = backends[wanted];

	if (!ops) {
		*ret_reason = str_print("backend '%s' is not part of this build", isolate_backend_names[wanted]);
		return -ENOTSUP;
	}
	if (ops->probe)
		return ops->probe(setup, ret_reason);
	*ret_reason = str_copy("as asked");
	return 0;
}

static int choose(const struct isolate_setup *setup, enum isolate_backend *ret_chosen, char **ret_reason)
{
	int ret = -ENOTSUP;

	if (setup->wanted != ISOLATE_AUTO) {
		*ret_chosen = setup->wanted;
		return probe(setup, setup->wanted, ret_reason);
	}
	for (size_t i = 0; i < ARRAY_LEN(preferred) && ret; i++) {
		free(*ret_reason);
		*ret_reason = NULL;
		*ret_chosen = preferred[i];
		ret = probe(setup, preferred[i], ret_reason);
	}
	return ret;
}

int isolate_open(const struct isolate_setup *setup, struct isolate **ret_isolate, char **ret_reason)
{
	struct isolate *isolate;
	enum isolate_backend chosen = ISOLATE_NONE;
	int ret;

	*ret_reason = NULL;
	ret = choose(setup, &chosen, ret_reason);
	if (ret)
		return ret;
	isolate = mem_alloc(sizeof(*isolate));
	isolate->chosen = chosen;
	isolate->ops = backends[chosen];
	if (isolate->ops->open)
		ret = isolate->ops->open(setup, &isolate->backend);
	if (ret) {
		free(isolate);
		return ret;
	}
	*ret_isolate = isolate;
	return 0;
}

void isolate_close(struct isolate *isolate)
{
	if (isolate && isolate->ops->close)
		isolate->ops->close(isolate->backend);
	free(isolate);
}

enum isolate_backend isolate_backend(const struct isolate *isolate)
{
	return isolate->chosen;
}

int isolate_worker_begin(struct isolate *isolate, const struct isolate_worker *worker)
{
	return isolate->ops->worker_begin ? isolate->ops->worker_begin(isolate->backend, worker) : 0;
}

void isolate_worker_environ(struct isolate *isolate, unsigned int number, char ***envp)
{
	if (isolate->ops->environ)
		isolate->ops->environ(isolate->backend, number, envp);
}

int isolate_worker_enter(struct isolate *isolate, unsigned int number)
{
	return isolate->ops->enter ? isolate->ops->enter(isolate->backend, number) : 0;
}

int isolate_worker_started(struct isolate *isolate, unsigned int number, pid_t pid)
{
	return isolate->ops->started ? isolate->ops->started(isolate->backend, number, pid) : 0;
}

void isolate_worker_end(struct isolate *isolate, unsigned int number)
{
	if (isolate->ops->end)
		isolate->ops->end(isolate->backend, number);
}
