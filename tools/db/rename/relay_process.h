/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_RELAY_PROCESS_H
#define BERTH_DB_RENAME_RELAY_PROCESS_H
/*
 * What the files of a relay process share. Each calls only files that stand above it here:
 *
 *	relay_databases.c	the worker's databases and their leases
 *	relay_watch.c		looks at sessions, the pool and the server from time to time
 *	relay_process.c		the relays, the supervisor's orders, main
 */
#include "tools/db/proxy/relay.h"
#include "tools/db/rename/admin.h"
#include "tools/db/rename/processes.h"

struct relay_process {
	const struct rename_plan *plan;
	struct db *db;
	struct db_worker *worker;
	struct admin *admins[DB_PORTS_MAX]; /* by port; each holds the lease; NULL = no session */
	struct relay *relays[DB_PORTS_MAX];
	char *socket_paths[DB_PORTS_MAX]; /* of the relays */
	struct names names;
	struct loop *loop;
	int line;
	const char *snapshot; /* what its databases are copied from now; NULL = the template */
	char *reset_to;       /* owns that name after a reset */
	bool over, keep;      /* end; end without dropping */
	bool watches_pool;    /* one process of the run does */
	bool needs_comment;   /* the suite has created a database, maybe under a name of the URLs */
	bool idle_reported, pool_reported; /* until it is better again */
	unsigned int max_open;             /* connections at once; counted when they are cut */
	unsigned int slow_count;
	int64_t comment_ms; /* time of the last heartbeat */
};

/* relay_databases.c */

/*
 * Connect to the server at port number @port and take the lease. Return: 0; -EEXIST another process
 * has it; of admin_open().
 */
int relay_databases_connect(struct relay_process *self, unsigned int port, char **ret_why);
/* The same if the session is gone, after a restart of the server. Return: there is a session. */
bool relay_databases_reconnect(struct relay_process *self, unsigned int port);
/* Return: 0; -ENODATA @snapshot lacks one of the databases. */
int relay_databases_check_snapshot(struct relay_process *self, const char *snapshot,
                                   char **ret_why);
int relay_databases_create(struct relay_process *self, char **ret_why);
/* Copy them to @snapshot. No client may be connected. */
int relay_databases_snapshot(struct relay_process *self, const char *snapshot, char **ret_why);
/* Worker 0: make templates of them. */
int relay_databases_seal(struct relay_process *self, char **ret_why);
/* Write the owner and the time into the comment on each; say which ones are @kept. */
void relay_databases_comment(struct relay_process *self, bool kept);
/* Report the databases that the suite made and did not drop. */
void relay_databases_report_leftover(struct relay_process *self);
/* Drop all with the worker's suffix, within some seconds. Return: false if some may be left. */
bool relay_databases_drop(struct relay_process *self);

/* relay_watch.c */

void relay_watch_begin(struct relay_process *self); /* adds timers to the loop */

#endif
