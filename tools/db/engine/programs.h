/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENGINE_PROGRAMS_H
#define BERTH_DB_ENGINE_PROGRAMS_H
/* The installed server programs of PostgreSQL, their user, and where their files are. */
#include <sys/types.h>

struct db_programs {
	char *bin;          /* directory of postgres and initdb; NULL = not looked for */
	unsigned int major; /* version; 0 = not known */
	char *cache; /* of templates and clones: owned by the server's user, one file system */
	/* who runs servers: an unprivileged user if this process is root; 0 = its own user */
	uid_t uid;
	gid_t gid;
	char *user;  /* name of that user */
	char *owner; /* name of this process's user */
};

/**
 * Find the newest server programs that are installed, or those in BERTH_PG_BIN; their user and
 * cache.
 * @ret_reason		on failure: what is missing, the caller's to free
 * Return: 0; -ENOENT no server programs; -errno no place for the cache.
 */
int db_programs_find(struct db_programs *ret_programs, char **ret_reason);
/** The user and the cache only, for servers other than PostgreSQL. */
int db_programs_place(struct db_programs *ret_programs, char **ret_reason);
/** Return: every directory that has server programs: a strv, the caller's to free. */
char **db_programs_list(void);
/** Return: the directory with the server programs of version @major, the caller's to free; NULL. */
char *db_programs_of_major(unsigned int major);
void db_programs_free(struct db_programs *programs);

/**
 * Make a directory for Unix sockets that the server can write to and every process of a worker can
 * reach.
 */
int db_programs_socket_dir(const struct db_programs *programs, const char *run_dir,
                           char **ret_path);

/** Remove what that made outside of @run_dir. Call it before @run_dir is removed. */
void db_programs_remove_socket_dirs(const char *run_dir);

#endif
