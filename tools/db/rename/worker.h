/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_WORKER_H
#define BERTH_DB_RENAME_WORKER_H
/*
 * Rename mode, seen from the supervisor. worker.c has one worker and its relay process; rename.c
 * has the mode and the process that prepares the server. rename.c calls worker.c, which calls back
 * through `settled`.
 */
#include "tools/db/mode/mode.h"
#include "tools/db/rename/processes.h"
#include "tools/db/template/template.h"
#include "tools/process/coprocess.h"
#include "tools/process/job.h"

/*
 * A circuit breaker. It counts workers in a row that could not connect, though each tried for a
 * while with growing pauses. From BREAKER_OPENS on, no further worker tries until BREAKER_MS have
 * passed; then one may.
 */
struct rename_breaker {
	unsigned int failures;
	int64_t until_ms;
	char *why;
};

struct rename_mode {
	struct db *db;
	struct template_plan plan;
	struct rename_plan prepare_plan;
	struct coproc *preparer; /* NULL when it has ended */
	struct job *job;         /* the hash */
	struct rename_breaker breaker;
	char *hash, *failure, *socket_dir;
	bool ready;    /* the template is there, or failed: failure says why */
	bool in_setup; /* worker 0 makes it */
	int64_t began_ms;
	/* the template is there, or cannot be had because of @failure */
	void (*settled)(struct rename_mode *mode, const char *failure);
};

/* What a worker has in this mode. */
struct rename_worker {
	struct db_worker *worker;
	struct rename_mode *mode;
	struct coproc *process; /* NULL when it has ended */
	struct rename_plan plan;
	char *suffix, *failure;
	struct loop_timer *failure_timer;
	bool waiting; /* for the template */
	bool kept;    /* databases of it stay on the server */
	bool watches_pool;
};

/* Return: 0; of db_worker_socket_rules(), and nothing is left. */
int rename_worker_new(struct db_worker *worker, struct rename_worker **ret_self);
void rename_worker_free(struct rename_worker *self); /* db_worker_gone() follows */
void rename_worker_start(struct rename_worker *self);
/* Answer the run from the loop; the first reason counts. */
void rename_worker_fail(struct rename_worker *self, const char *why);
/* Send @word and @argument (NULL = none) to the process. Return: 0; -ECHILD it has ended. */
int rename_worker_order(struct rename_worker *self, const char *word, const char *argument);

/* Worker 0 needs the lock of the template no longer. */
void rename_setup_done(struct rename_mode *mode);
void rename_record_template(struct rename_mode *mode, const char *detail);

#endif
