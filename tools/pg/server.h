/* SPDX-License-Identifier: MIT */
#ifndef BERTH_PG_SERVER_H
#define BERTH_PG_SERVER_H
/* Which PostgreSQL server programs to use, who runs them and where their files lie. */
#include <sys/types.h>

struct pg_server {
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
int pg_server_find(struct pg_server *ret_server, char **ret_reason);
/** The same for servers that are no PostgreSQL: who runs them and where their files lie. */
int pg_server_place(struct pg_server *ret_server, char **ret_reason);
/** Every directory that has server programs: a strv, the caller's to free. */
char **pg_server_list(void);
void pg_server_free(struct pg_server *server);

/** True if the server's user may pass through every directory above @path and write in @path. */
int pg_server_reaches(const struct pg_server *server, const char *path);

/** A directory for unix sockets that the server can write to and every process of a worker can reach. */
int pg_server_socket_dir(const struct pg_server *server, const char *run_dir, char **ret_path);

/** Remove those of a run that lie elsewhere than in @run_dir; before that directory itself is removed. */
void pg_server_remove_socket_dirs(const char *run_dir);

#endif
