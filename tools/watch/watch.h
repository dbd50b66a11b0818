/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_H
#define BERTH_WATCH_H
/* Watching a run: which process opens, binds, connects, and what it leaves behind.
 *
 *	watch_open()			choose a source: eBPF if it works here, else sampling
 *	watch_worker_begin()		before the worker's first process exists
 *	watch_worker_started()		when it exists
 *	watch_conflict()		a failed bind that the port map reports
 *	watch_worker_exited()		the command has ended: check what it left, call back
 *	watch_worker_end()		the last process of the worker has ended
 *	watch_finish()			check the run as a whole
 *	watch_finding_count(), ...	what was found
 *	watch_close()
 *
 * setup.on_finding gets rates and limits a second after they were found, all other findings when
 * their worker ends. Events and marks come as they happen. Functions return 0 or -errno, print
 * nothing and do not block: all work is done in the loop.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/portmap.h"
#include "core/test_result.h"
#include "tools/watch/finding/finding.h"
#include "tools/watch/rules/policy.h"
#include "tools/watch/source/source.h"

struct watch_setup {
	struct loop *loop;
	enum watch_source requested_source;
	const char *run_id;  /* NULL = not a run of Berth's */
	const char *run_dir; /* for the FIFO of marks; NULL = none */
	int cgroup;          /* the run's cgroup v2 directory; -1 = none */
	bool everything;     /* report each event of each socket: for `berth monitor` */
	bool every_cgroup;   /* what belongs to no worker is worker 0 */
	bool by_process;     /* workers consist of what watch_process_add() named, in any cgroup */
	const struct watch_policy *policy; /* NULL = defaults */
	/* callbacks; NULL = none. A mark with the name "" ends a test. */
	void (*on_event)(void *arg, const struct berth_event *event);
	void (*on_finding)(void *arg, const struct watch_finding *finding);
	void (*on_mark)(void *arg, unsigned int worker, int64_t time_ms, const char *name);
	void (*on_result)(void *arg, const struct test_result *result); /* see mark.h */
	void *arg;
};

struct watch_worker_setup {
	unsigned int number; /* 1..BERTH_WORKERS_MAX */
	const char *task;
	int cgroup;                      /* the worker's cgroup v2 directory; -1 = none */
	const struct berth_portmap *map; /* NULL: nothing is remapped */
};

struct watch;

/**
 * @ret_reason	which source was chosen and why: half a sentence, the caller's to free
 * Return: 0; -ENOTSUP if the requested source does not work here, and *ret_reason says what is
 *	   missing; -errno.
 */
int watch_open(const struct watch_setup *setup, struct watch **ret_watch, char **ret_reason);
void watch_close(struct watch *watch);
enum watch_source watch_source(const struct watch *watch); /* never WATCH_AUTO */

/** Return: what the source does not see on this machine; NULL-terminated, static. */
const char *const *watch_losses(const struct watch *watch);

/**
 * Return: how many calls of the monitor the kernel has skipped, of any process; the counts lack
 *	   what they would show.
 */
uint64_t watch_missed(const struct watch *watch);

int watch_worker_begin(struct watch *watch, const struct watch_worker_setup *worker);
void watch_worker_started(struct watch *watch, unsigned int number, pid_t pid);

/**
 * With setup.by_process: @pid, and what it forks from now on, belongs to worker @number. Each
 * socket that it has open, and that can be duplicated, is reported as BERTH_EVENT_ADOPTED. Return:
 * 0; -ENOTSUP without eBPF; -errno.
 */
int watch_process_add(struct watch *watch, unsigned int number, pid_t pid);

/**
 * The worker's command has ended. Calls @fn exactly once: at once if nothing is left of the worker,
 * else when the leftovers have ended by themselves, or when the grace period is over and they have
 * become findings. Only then end them.
 * @exit_status	0: the suite passed, so it coped with a conflict
 */
typedef void (*watch_checked_fn)(void *arg, unsigned int number);
void watch_worker_exited(struct watch *watch, unsigned int number, int exit_status,
                         watch_checked_fn fn, void *arg);
void watch_worker_end(struct watch *watch, unsigned int number);

/**
 * A bind in worker @number failed with EADDRINUSE, as its port map reports. Ignored if the source
 * sees failed binds itself.
 */
void watch_conflict(struct watch *watch, unsigned int number, const struct berth_note *note);

/** Take a finding of another module, such as a database session that was left open. */
void watch_add(struct watch *watch, struct watch_finding *finding);

/** Check what concerns several workers. Call it once, after the last watch_worker_end(). */
void watch_finish(struct watch *watch);

size_t watch_finding_count(const struct watch *watch);
const struct watch_finding *watch_finding(const struct watch *watch, size_t index);

struct watch_summary {
	struct berth_counts counts;
	uint64_t alive, accepted_alive; /* sockets that still exist */
	int64_t unaccounted;            /* created - closed - alive; if not 0, events were missed */
	bool exact;                     /* false: sampled */
	unsigned int processes, descriptors_peak;
	/* of its largest process, or of all processes in one sample: the higher */
	uint64_t memory_peak_kib;
};
int watch_worker_summary(struct watch *watch, unsigned int number,
                         struct watch_summary *ret_summary);

/** Call @fn with what each live worker uses now: a snapshot, and two files of each process. */
struct watch_sample {
	uint64_t sockets, processes, descriptors;
	uint64_t memory_kib; /* anonymous memory of its processes together */
};
typedef void (*watch_sample_fn)(void *arg, unsigned int worker, const struct watch_sample *sample);
void watch_samples(struct watch *watch, watch_sample_fn fn, void *arg);

/** Call @fn for every socket of the workers that exists now. */
int watch_snapshot(struct watch *watch, watch_socket_fn fn, void *arg);

/**
 * Return: the FIFO for the marks of this run, BERTH_MARK in its workers' environment; NULL = none.
 */
const char *watch_mark_path(const struct watch *watch);

/**
 * `berth mark`: write a mark into the FIFO @path. Return: 0; -ENXIO if the supervisor has ended;
 * -errno.
 */
int watch_mark_send(const char *path, unsigned int worker, const char *name);

#endif
