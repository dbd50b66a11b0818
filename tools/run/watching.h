/* SPDX-License-Identifier: MIT */
#ifndef BERTH_RUN_WATCHING_H
#define BERTH_RUN_WATCHING_H
/*
 * The run's side of watching: it feeds the watch room with workers, writes what happens into the record of the run
 * (RESULTS/runs/ID/events.ndjson) and makes the reports that were asked for. Nothing here can fail a run: what cannot be
 * watched or written is said once.
 */
#include "tools/run/run.h"

void watching_open(struct run *run);
void watching_close(struct run *run);

/** Set BERTH_MARK, where the run is watched. */
void watching_environ(const struct run_worker *worker, char ***envp);
/** What the database room did: a row of db_record_names. @worker 0: the setup's; @ms -1: took no time. */
void watching_database(struct run *run, unsigned int worker, const char *event, const char *name,
                       int64_t ms, const char *detail);

/** Something of the worker's databases is amiss. @port virtual; @age_ms for how long already, -1 = unknown. */
void watching_finding(struct run_worker *worker, enum finding_kind kind, uint16_t port,
                      int64_t age_ms, const char *detail);

/** --inject has done it. @hit: how many connections or processes; @said: the same in words, or why none. */
void watching_fault(const struct run_worker *worker, const char *fault, int hit, const char *said);
void watching_worker_begin(struct run_worker *worker); /* before its first process */
/* a failed bind, as the map tells */
void watching_conflict(struct run_worker *worker, const struct berth_note *note);
void watching_limits(struct run_worker *worker);
void watching_worker_started(struct run_worker *worker);
void watching_worker_exited(struct run_worker *worker); /* the command; what it left still lives */
void watching_worker_end(struct run_worker *worker);    /* the last process is gone */
void watching_worker_over(struct run_worker *worker);   /* its verdict, also if it never began */

/** All workers are over: judge the run, show what was found. */
void watching_finish(struct run *run);

/** Write reports and history; @status is the run's. */
void watching_report(struct run *run, int status);

/* True if leftovers are judged at all. */
bool watching_works(const struct run *run);
bool watching_by_bpf(const struct run *run);

/* True if a finding with this gate was made that is not in the baseline. */
bool watching_found(const struct run *run, enum finding_gate gate);

#endif
