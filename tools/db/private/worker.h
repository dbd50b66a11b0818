/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_WORKER_H
#define BERTH_DB_PRIVATE_WORKER_H
/*
 * What the files of the private mode share. Each calls only files that stand above it here:
 *
 *	directory.c	the directory of a worker: clone, keep, snapshot, remove (jobs)
 *	worker.c	one worker: its clone, and an instance for each database port
 *	source.c	what workers are cloned from: the template or a snapshot
 *	sampling.c	the sampler's line: what the sessions of a worker do
 *	private.c	the mode
 */
#include <stdbool.h>

#include "tools/db/common/clone.h"
#include "tools/db/mode/mode.h"
#include "tools/db/private/instance.h"
#include "tools/db/private/sampler.h"
#include "tools/db/template/template.h"
#include "tools/process/job.h"

enum source_state { SOURCE_UNKNOWN, SOURCE_SETUP, SOURCE_READY, SOURCE_FAILED };

struct private_worker;

struct private_mode {
	struct db *db;
	struct db_programs programs;
	struct template_plan plan;
	enum source_state state;
	enum db_clone clone; /* how workers are cloned */
	char *hash;          /* of the template */
	char *shape;         /* hash without the setup: what a snapshot must fit */
	char *failure;       /* if state is SOURCE_FAILED */
	char *source;        /* what workers are cloned from, in the cache: tpl-HASH or snap-NAME */
	struct snapshot_use *snapshots; /* that this run may clone from */
	char *socket_dir, *run_lock_path;
	int run_lock, template_lock; /* descriptors; -1 = not open */
	unsigned int generation;     /* of the last clone: part of its name */
	struct job *job;             /* the source's */
	struct job *sweep, *collect; /* clean up the cache; nothing waits for them */
	char *import_key;            /* names what is imported, whatever its contents */
	int64_t import_age_s;        /* of the template */
	bool import_is_old;          /* the server has changed since */
	struct loop_timer *progress; /* of an import that goes on */
	struct coproc *sampler;      /* NULL before a PostgreSQL instance is up */
	struct sampler_plan sampler_plan;
	int64_t began_ms;
	/* private.c gives these to worker.c */
	void (*servers_up)(struct private_worker *self);
	void (*setup_stopped)(
		struct private_worker *self); /* worker 0 and its servers have ended */
};

/* One instance of a worker, for one database port. */
struct private_instance {
	struct private_worker *owner;
	unsigned int index; /* in db.ports */
	char *base, *data, *log;
	struct instance *running; /* NULL = it does not run */
	bool up;                  /* clients can connect */
};

/* What a worker has in this mode. */
struct private_worker {
	struct db_worker *worker;
	struct private_mode *mode;
	char *dir;      /* holds PORT/ for each port */
	char *source;   /* of this worker alone, after a reset to a snapshot; NULL = the mode's */
	char *snapshot; /* name of one to take when the servers have stopped */
	char *refusal;  /* why that failed; to report when the servers are up again */
	struct private_instance instances[DB_PORTS_MAX];
	struct job *job;
	enum db_clone clone;
	bool waiting;  /* for the source */
	bool restart;  /* when all servers are gone: start again with a fresh clone */
	bool resuming; /* the servers start on the directory on which they were stopped */
	bool watched;  /* the sampler has not said yet that it has forgotten the worker */
	bool over;     /* nothing is left of it; only the sampler may still report */
	struct loop_timer *failure_timer;
	struct loop_timer *last_sample; /* until then the servers stay for the sampler */
};

static inline struct private_mode *private_mode_of(const struct db *db)
{
	return db->mode_data;
}

/* Return: the setup command runs in this worker, and its directory becomes the template. */
static inline bool private_worker_makes_template(const struct private_worker *self)
{
	return !self->worker->number && self->mode->db->config.command;
}

/* Its data are an environment's, with which the next run goes on. */
static inline bool private_worker_lasts(const struct private_worker *self)
{
	return self->mode->db->config.environment && !private_worker_makes_template(self);
}

/* directory.c */

/* Return: the data of @spec is an overlay, which only its server sees. */
bool directory_is_overlay(const struct private_worker *self, const struct db_server_spec *spec);
/* The data of @spec in what the worker is cloned from. The caller's to free. */
char *directory_source(const struct private_worker *self, const struct db_server_spec *spec);
char *private_environment_dir(const struct private_mode *mode); /* the caller's to free */
/* Jobs of a struct private_worker. @ret_text	why it failed; of directory_keep(): the new place */
int directory_clone(void *self, struct str *ret_text);
int directory_remove(void *self, struct str *ret_text);
int directory_keep(void *self, struct str *ret_text);
int directory_snapshot(void *self, struct str *ret_text);

/* worker.c */

/* Lead clients to the Unix socket of port number @i. Return: 0; of db_worker_socket_rules(). */
int private_worker_socket_rules(const struct private_worker *self, unsigned int i);
void private_worker_start(struct private_worker *self); /* clone, then start the servers */
/* @clean	leaves directories that can be cloned */
void private_worker_stop(struct private_worker *self, bool clean);
bool private_worker_is_running(const struct private_worker *self);
/* No server of the worker runs: do what comes next. */
void private_worker_servers_gone(struct private_worker *self);
void private_worker_end_servers(struct private_worker *self); /* at the worker's end */
void private_worker_give_up(struct private_worker *self, int error, const char *text);
void private_worker_free(struct private_worker *self); /* when the sampler has forgotten it */

/* source.c */

int private_source_open(struct private_mode *mode);             /* starts to find or to make it */
void private_source_setup_stopped(struct private_worker *self); /* worker 0: commit the template */

/* sampling.c */

void sampling_begin(struct private_worker *self); /* its servers are up */
void sampling_end(struct private_worker *self);   /* private_worker_end_servers() follows */

#endif
