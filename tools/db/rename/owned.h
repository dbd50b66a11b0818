/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_RENAME_OWNED_H
#define BERTH_DB_RENAME_OWNED_H
/*
 * The databases on a shared server that have a comment of Berth's, for `berth db` and `berth
 * recover`. Blocking, through libpq. Functions return 0 or -errno and print nothing; texts are for
 * people, without credentials, the caller's to free.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct owned_database {
	char *physical;
	char *logical, *run, *task,
		*host;  /* NULL if the comment does not have it, as of a template */
	char *snapshot; /* the user's name for it, if it is one */
	unsigned int worker;
	int64_t heartbeat_s; /* CLOCK_REALTIME; of a template, its last use */
	int64_t made_s;      /* of a template */
	int64_t size_bytes;  /* -1 = the server does not say */
	bool is_template;
	bool kept;  /* for inspection */
	bool alive; /* its owner holds the lease */
};

struct owned_list {
	char *where; /* "mes_user@localhost:5432" */
	struct owned_database *list;
	size_t count;
};

/** "role@host:port" of a name or a URL; NULL if it is neither. The caller's to free. */
char *owned_where(const char *database, const char *project_dir);

/**
 * @database	a name or a URL, as for a run
 * Return: 0; -ENOTCONN no server answers; -EINVAL neither a name nor a URL; -ENOTSUP not this
 * machine; -ENOENT no libpq; -ECONNREFUSED, -EIO the server refuses. *ret_why on failure;
 * ret_list->where if it is known.
 */
int owned_read(const char *database, const char *project_dir, struct owned_list *ret_list,
               char **ret_why);
void owned_free(struct owned_list *list);

/**
 * Drop one of them, and end the sessions in it.
 * Return: 0; -EBUSY its owner is alive; -ENOENT no database of Berth's has this name; as above.
 */
int owned_drop(const char *database, const char *project_dir, const char *physical, char **ret_why);

#endif
