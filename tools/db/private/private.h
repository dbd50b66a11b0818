/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_H
#define BERTH_DB_PRIVATE_H
/*
 * Inside the mode of private servers: private.c has the mode and its template, flat.c what one worker has of it,
 * preserve.c what is left of that when it ends.
 */
#include <stdbool.h>

#include "tools/db/private/instance.h"
#include "tools/db/internal.h"
#include "tools/db/sampler.h"
#include "tools/db/template/template.h"

enum template_state { TEMPLATE_WANTED, TEMPLATE_SETUP, TEMPLATE_READY, TEMPLATE_FAILED };

struct private
{
	struct db_programs server;
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
struct unit {
	struct db_worker *worker;
	unsigned int index; /* in db.ports */
	char *base, *data, *log;
	struct cluster *cluster;
	bool up;
};

/* what a worker has in this mode */
struct flat {
	struct db_worker *worker;
	char *dir;      /* holds PORT/ for each port */
	char *source;   /* of this worker alone, since a reset to a snapshot; NULL = the run's */
	char *snapshot; /* to be taken when the servers have stopped: its name */
	char *refusal;  /* why that failed; told when they are up again */
	struct unit units[DB_PORTS_MOST];
	struct job *job;
	enum db_clone clone;
	bool again;   /* when all servers are gone: start over with a fresh clone */
	bool waiting; /* for the template */
	struct loop_timer *bad_news;
	/* until then the sampler may look at servers that are to end */
	struct loop_timer *last_look;
	bool committing;
	bool watched, over; /* the sampler's; nothing is left but what it has to say */
	bool resuming;      /* the servers start where they were stopped */
};

static inline struct private *private_of(const struct db *db)
{
	return db->mode_data;
}

/* flat.c */
void flat_start(struct flat *flat); /* clone the template, start the servers */
void flat_stop(struct flat *flat, bool clean);
/* none runs (any more): what comes next depends on why */
void flat_servers_gone(struct flat *flat);
void flat_give_up(struct flat *flat, int error, const char *text);
bool flat_is_running(const struct flat *flat);
bool flat_wants_keeping(const struct flat *flat);
/* worker 0, if there is a setup; else it is one like the others */
bool flat_makes_template(const struct flat *flat);
/* where clients of port number @i find its unix socket */
int flat_socket_rules(struct db_worker *worker, unsigned int i);

/* its data is an overlay */
bool flat_is_mounted(const struct flat *flat, const struct db_server_spec *service);
/* the directory that it is a clone of */
char *flat_source(const struct flat *flat, const struct db_server_spec *service);

/* preserve.c: jobs, while no server of the worker runs */
/* move it to kept/; answers with the new place */
int preserve_keep(void *flat, struct str *ret_text);
int preserve_snapshot(void *flat, struct str *ret_text); /* copy it to snap-NAME */
/* opens a kept directory, for a shell */
char *preserve_open_command(const struct db *db, const char *dir, unsigned int i);

void flat_free(struct flat *flat);

/* private.c */
void private_watch(struct flat *flat); /* its servers are up */
/* worker 0 has ended and its servers are stopped */
void private_setup_ended(struct flat *flat);

#endif
