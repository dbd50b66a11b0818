/* SPDX-License-Identifier: MIT */
#ifndef BERTH_DB_ENGINE_PROGRAMS_H
#define BERTH_DB_ENGINE_PROGRAMS_H
/* Which PostgreSQL server programs to use, who runs them and where their files lie. */
#include <sys/types.h>

struct db_programs {
	char *bin;          /* directory of postgres and initdb; NULL if none was looked for */
	unsigned int major; /* 0 = the directory does not say */
	char *cache;        /* templates and clones: owned by the server's user, one file system */
	/* who runs servers: ourselves, or an unprivileged user if we are root; 0 = ourselves */
	uid_t uid;
	gid_t gid;
	char *user;  /* name of that user */
	char *owner; /* name of ours */
};

/**
 * The newest server programs that are installed, or those in BERTH_PG_BIN; their user and cache.
 * @ret_reason		on failure: what is missing, the caller's to free
 * Return: 0; -ENOENT no server programs; -errno no place for the cache.
 */
int db_programs_find(struct db_programs *ret_programs, char **ret_reason);
/** The same for servers that are no PostgreSQL: who runs them and where their files lie. */
int db_programs_place(struct db_programs *ret_programs, char **ret_reason);
/** Every directory that has server programs: a strv, the caller's to free. */
char **db_programs_list(void);
void db_programs_free(struct db_programs *programs);

/** True if the server's user may pass through every directory above @path and write in @path. */
int db_programs_reaches(const struct db_programs *programs, const char *path);

/** A directory for unix sockets that the server can write to and every process of a worker can reach. */
int db_programs_socket_dir(const struct db_programs *programs, const char *run_dir,
                           char **ret_path);

/** Remove those of a run that lie elsewhere than in @run_dir; before that directory itself is removed. */
void db_programs_remove_socket_dirs(const char *run_dir);

#endif
