/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_PRIVATE_PRIVATE_H
#define BERTH_DB_PRIVATE_PRIVATE_H
/* Private mode: servers of their own for the workers, on clones of one template. */
#include "tools/db/mode/mode.h"

extern const struct db_mode_ops db_mode_private;

/** Remove what an environment's servers have kept: db_config.environment. Return: 0; -errno. */
int private_environment_remove(const char *environment);

/* What clients asked a private server for, and did not get: a role, a database, or a right. */
struct db_refusal {
	char *name;           /* free() it */
	const char *database; /* the first that the server does have; valid as long as @db */
	uint16_t port;        /* virtual */
	bool role;            /* it is a role */
	bool rights;          /* it is a message: the role is no superuser */
};

/** The first refusal in the logs of the run's private servers. Return: false if there is none. */
bool db_find_refusal(const struct db *db, struct db_refusal *ret_refusal);

#endif
