/* SPDX-License-Identifier: MIT */
#ifndef BERTH_WATCH_H
#define BERTH_WATCH_H
/*
 * Watching a run: who opens, binds, connects and leaves what behind. The supervisor's view of this room.
 *
 *	watch_open()			choose a source for the run: eBPF if it can, else sampling /proc and sock_diag
 *	watch_worker_begin()		before the worker's first process exists
 *	watch_worker_started()		when it exists
 *	watch_conflict()		a failed bind that the port map tells of
 *	watch_mark()			"since then the worker runs this test"
 *	watch_worker_exited()		the command is over, what it left behind still lives: look, wait, judge, then call back
 *	watch_worker_end()		the last process of the worker is gone
 *	watch_finish()			judge the run as a whole
 *	watch_finding_count(), ...	what was found
 *	watch_close()
 *
 * Findings are also handed to setup.on_finding: rates and limits a second after they were made, all others when their worker
 * ends; events and marks to theirs as they come. Functions
 * return 0 or -errno; nothing here prints, and nothing here blocks: everything happens in the loop.
 */
#include <stdbool.h>
#include <sys/types.h>

#include "core/abi.h"
#include "core/portmap.h"
#include "tools/base/loop.h"
#include "tools/watch/finding/finding.h"

enum watch_source { WATCH_AUTO, WATCH_BPF, WATCH_SAMPLE, WATCH_SOURCES };
extern const char *const watch_source_names[WATCH_SOURCES + 1];

/* A rate of errors that is too high by the user's own measure: checked while the worker runs, instead of the rule below. */
struct watch_alarm {
	enum berth_count error; /* BERTH_COUNT_epipe ... */
	uint64_t low;           /* so many ... */
	double ratio;           /* ... and this share of all connections, or binds */
};

/* When something counts as a problem. {0} in a field means the default, in brackets. */
struct watch_policy {
	int64_t grace_ms; /* how long a leftover may take to go away by itself [1000] */
	/* between two looks at descriptors and CLOSE_WAIT [1000; sampling: 250] */
	int64_t sample_ms;
	int64_t close_wait_ms;       /* CLOSE_WAIT longer than this is stuck [5000] */
	unsigned int close_wait_low; /* and so many of them in one process are a finding [3] */
	/* connections that one process leaves to its end to be closed [16] */
	unsigned int never_closed_low;
	unsigned int growth_low; /* descriptors gained, steadily [64] */
	unsigned int error_low;  /* failing calls ... [20] */
	double error_ratio;      /* ... and at least this share of all [0.05] */
	const struct watch_alarm *alarms;
	size_t alarm_count;
	const struct finding_rule *allow;
	size_t allow_count;
	char *baseline; /* file of known fingerprints; NULL = none */
};

struct watch_setup {
	struct loop *loop;
	enum watch_source requested_source;
	const char *run_id;
	/* run-time files of this run: the FIFO for marks is made there; NULL = none */
	const char *run_dir;
	int cgroup;        /* the run's cgroup v2 directory; -1 if there is none */
	bool everything;   /* each event of each socket: for `berth monitor` */
	bool every_cgroup; /* what is nobody's is worker 0 */
	/* a worker is what watch_process_add() named, wherever its cgroup is */
	bool by_process;
	const struct watch_policy *policy; /* NULL = defaults; its strings are the caller's */
	void (*on_event)(void *arg, const struct berth_event *event);       /* may be NULL */
	void (*on_finding)(void *arg, const struct watch_finding *finding); /* may be NULL */
	/* may be NULL; name "": none */
	void (*on_mark)(void *arg, unsigned int worker, int64_t time_ms, const char *name);
	void *arg;
};

struct watch_worker_setup {
	unsigned int number; /* 1..N */
	const char *task;
	int cgroup;                      /* the worker's cgroup v2 directory; -1 if there is none */
	const struct berth_portmap *map; /* NULL: nothing is remapped */
};

struct watch;

/**
 * @ret_reason	which source and why: a half-sentence, the caller's to free
 * Return: 0; -ENOTSUP if the requested source cannot work here (*ret_reason says what it lacks); -errno.
 */
int watch_open(const struct watch_setup *setup, struct watch **ret_watch, char **ret_reason);
void watch_close(struct watch *watch);
enum watch_source watch_source(const struct watch *watch); /* never WATCH_AUTO */

/* What this source does not see here; NULL-terminated, static texts. */
const char *const *watch_losses(const struct watch *watch);

/* Calls of the monitor that the kernel left out so far, of whichever process: what they would have seen is not in the counts. */
uint64_t watch_missed(const struct watch *watch);

int watch_worker_begin(struct watch *watch, const struct watch_worker_setup *worker);
void watch_worker_started(struct watch *watch, unsigned int number, pid_t pid);

/**
 * With setup.by_process: @pid, and what it forks from now on, is of worker @number, with the sockets that it has already, each of
 * which is told as BERTH_EVENT_ADOPTED. Return: 0; -ENOTSUP without eBPF; -errno. A socket that cannot be had is left out.
 */
int watch_process_add(struct watch *watch, unsigned int number, pid_t pid);

/**
 * The worker's command has ended. @fn is called exactly once: at once if nothing is left of it, else when it is gone by
 * itself or the grace period is over, which makes findings. Only then should the supervisor end what is left.
 * @exit_status	0: the suite passed, so a conflict in it was expected
 */
typedef void (*watch_checked_fn)(void *arg, unsigned int number);
void watch_worker_exited(struct watch *watch, unsigned int number, int exit_status,
                         watch_checked_fn fn, void *arg);
void watch_worker_end(struct watch *watch, unsigned int number);

/** Since @time_ns (CLOCK_REALTIME; 0: now) worker @number runs test @name; "": none. */
void watch_mark(struct watch *watch, unsigned int number, int64_t time_ns, const char *name);

/** A bind that failed with EADDRINUSE inside worker @number, as its map tells; nothing if the source sees such itself. */
void watch_conflict(struct watch *watch, unsigned int number, const struct berth_note *note);

/** A finding of another room (a database session left). Owned by the watch from now on. */
void watch_add(struct watch *watch, struct watch_finding *finding);

/** Judge what concerns several workers. Call it once, after the last watch_worker_end(). */
void watch_finish(struct watch *watch);

size_t watch_finding_count(const struct watch *watch);
const struct watch_finding *watch_finding(const struct watch *watch, size_t index);

struct watch_summary {
	struct berth_counts counts;
	uint64_t alive, accepted_alive; /* sockets that still exist */
	int64_t unaccounted;            /* created - closed - alive; not 0 = something was missed */
	bool exact;                     /* false: sampled */
	unsigned int processes, descriptors_peak;
	/* of its largest process, or of all together when samples were taken: the higher */
	uint64_t memory_peak_kib;
};
int watch_worker_summary(struct watch *watch, unsigned int number,
                         struct watch_summary *ret_summary);

/** What each live worker uses now. It costs a snapshot and two small files for each process. */
struct watch_sample {
	uint64_t sockets, processes, descriptors;
	uint64_t memory_kib; /* anonymous memory of its processes together */
};
typedef void (*watch_sample_fn)(void *arg, unsigned int worker, const struct watch_sample *sample);
void watch_samples(struct watch *watch, watch_sample_fn fn, void *arg);

/** Every socket of the workers that exists now. */
typedef void (*watch_socket_fn)(void *arg, const struct berth_socket *socket);
int watch_snapshot(struct watch *watch, watch_socket_fn fn, void *arg);

/** Where the workers of a run mark their tests: BERTH_MARK in their environment. NULL: nobody listens. */
const char *watch_mark_path(const struct watch *watch);

/** `berth mark`: tell the supervisor behind @path, BERTH_MARK. Return: 0; -ENXIO if it is gone; -errno. */
int watch_mark_send(const char *path, unsigned int worker, const char *name);

#endif
