/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_PRIVATE_H
#define BERTH_DB_PRIVATE_PRIVATE_H
/*
 * Inside the mode of private servers: private.c has the mode and its template, worker.c what one worker has of it,
 * keep.c what is left of that when it ends.
 */
#include <stdbool.h>

#include "tools/db/private/instance.h"
#include "tools/db/mode/mode.h"
#include "tools/db/private/sampler.h"
#include "tools/db/template/template.h"

enum template_state { TEMPLATE_WANTED, TEMPLATE_SETUP, TEMPLATE_READY, TEMPLATE_FAILED };

struct private_mode {
	struct db_programs programs;
	struct template_plan plan;
	enum template_state state;
	enum db_clone clone;
	/* shape: the hash without the setup, of what every snapshot must fit */
	char *hash, *shape, *failure;
	char *source; /* what workers are cloned from, in the cache: tpl-HASH or snap-NAME */
	struct snapshot_use *snapshots; /* that this run may clone from */
	char *socket_dir, *run_lock_path;
	int run_lock, template_lock;
	unsigned int generation;
	struct job *job;             /* the template's */
	struct job *sweep, *collect; /* nobody waits for these */
	struct coproc *sampler;      /* NULL before a PostgreSQL is up */
	struct sampler_plan sampler_plan;
	int64_t began_ms;
};

/* One server of a worker: one per database port. */
struct private_instance {
	struct db_worker *worker;
	unsigned int index; /* in db.ports */
	char *base, *data, *log;
	struct instance *running;
	bool up;
};

/* what a worker has in this mode */
struct private_worker {
	struct db_worker *worker;
	char *dir;      /* holds PORT/ for each port */
	char *source;   /* of this worker alone, since a reset to a snapshot; NULL = the run's */
	char *snapshot; /* to be taken when the servers have stopped: its name */
	char *refusal;  /* why that failed; told when they are up again */
	struct private_instance instances[DB_PORTS_MAX];
	struct job *job;
	enum db_clone clone;
	bool restart; /* when all servers are gone: start over with a fresh clone */
	bool waiting; /* for the template */
	struct loop_timer *failure_timer;
	/* until then the sampler may look at servers that are to end */
	struct loop_timer *last_look;
	bool committing;
	bool watched, over; /* the sampler's; nothing is left but what it has to say */
	bool resuming;      /* the servers start where they were stopped */
};

static inline struct private_mode *private_mode_of(const struct db *db)
{
	return db->mode_data;
}

/* worker.c */
void private_worker_start(struct private_worker *self); /* clone the template, start the servers */
void private_worker_stop(struct private_worker *self, bool clean);
/* none runs (any more): what comes next depends on why */
void private_worker_servers_gone(struct private_worker *self);
void private_worker_give_up(struct private_worker *self, int error, const char *text);
bool private_worker_is_running(const struct private_worker *self);
bool private_worker_wants_keeping(const struct private_worker *self);
/* worker 0, if there is a setup; else it is one like the others */
bool private_worker_makes_template(const struct private_worker *self);
/* where clients of port number @i find its unix socket */
int private_worker_socket_rules(struct db_worker *worker, unsigned int i);

/* its data is an overlay */
bool private_worker_is_mounted(const struct private_worker *self,
                               const struct db_server_spec *spec);
/* the directory that it is a clone of */
char *private_worker_source(const struct private_worker *self, const struct db_server_spec *spec);

/* keep.c: jobs, while no server of the worker runs */
/* move it to kept/; answers with the new place */
int keep_directory(void *self, struct str *ret_text);
int keep_snapshot(void *self, struct str *ret_text); /* copy it to snap-NAME */
/* opens a kept directory, for a shell */
char *keep_open_command(const struct db *db, const char *dir, unsigned int i);

void private_worker_free(struct private_worker *self);

/* private.c */
void private_mode_watch(struct private_worker *self); /* its servers are up */
/* worker 0 has ended and its servers are stopped */
void private_mode_setup_ended(struct private_worker *self);

#endif
