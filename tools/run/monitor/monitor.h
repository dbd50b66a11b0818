/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_MONITOR_MONITOR_H
#define BERTH_RUN_MONITOR_MONITOR_H
/*
 * The run's side of tools/watch: tells it of the workers, and writes what it sees into the record
 * of the run and to the hook. Nothing here fails a run. A run that cannot be watched has no
 * findings of tools/watch, but is recorded all the same.
 */
#include <stdbool.h>

#include "tools/base/loop.h"
#include "tools/db/db.h"
#include "tools/run/context.h"
#include "tools/run/monitor/record.h"
#include "tools/run/monitor/tests.h"
#include "tools/run/worker/worker.h"
#include "tools/watch/watch.h"

struct run_monitor;

struct run_monitor_setup {
	struct loop *loop;
	const struct run_context *context;
	int cgroup; /* of the run; -1 if there is none */
	const char *backend, *tree;
	struct worker_spec *specs; /* by number - 1, for the names of tasks and virtual ports */
	unsigned int spec_count;
};

struct run_monitor *monitor_start(const struct run_monitor_setup *setup);
void monitor_stop(struct run_monitor *monitor);

/** NULL if the run cannot be watched. */
const struct watch *monitor_watch(const struct run_monitor *monitor);
struct record *monitor_record(const struct run_monitor *monitor);
struct tests *monitor_tests(const struct run_monitor *monitor);

/** True if the monitor reads its events from eBPF programs. */
bool monitor_uses_bpf(const struct run_monitor *monitor);

/** Set BERTH_MARK, where the run is watched. */
void monitor_environ(const struct run_monitor *monitor, char ***envp);

/* ---- a worker of the run; not for the setup command's ---- */

/** Before its first process exists. @log_path: NULL if it has no log. */
void monitor_worker_begin(struct run_monitor *monitor, const struct worker_spec *worker,
                          const char *log_path);
void monitor_worker_started(struct run_monitor *monitor, unsigned int number, pid_t pid);

/**
 * The command has ended; its leftovers live until @judged is called, at once or later. Those of a
 * worker that was asked to end are not judged.
 */
void monitor_worker_exited(struct run_monitor *monitor, const struct worker_result *result,
                           unsigned int number, watch_checked_fn judged, void *arg);

/** Its last process has ended. */
void monitor_worker_gone(struct run_monitor *monitor, unsigned int number);
void monitor_worker_over(struct run_monitor *monitor, unsigned int number,
                         const struct worker_result *result);

/** Look how near the worker is to its limits. */
void monitor_limits(struct run_monitor *monitor, unsigned int number);

/** A bind that failed with EADDRINUSE: see notes.h. @monitor: a struct run_monitor. */
void monitor_conflict(void *monitor, unsigned int number, const struct berth_note *note);

/**
 * What tools/db did: recorded, and a finding for some kinds. @result: of its worker; NULL = the
 * setup's.
 */
void monitor_database(struct run_monitor *monitor, const struct db_record *event,
                      const struct worker_result *result);

/** All workers are over: judge the run as a whole. */
void monitor_finish(struct run_monitor *monitor);

#endif
