/* SPDX-License-Identifier: MIT */
/*
 * Looks for server programs where distributions put them (one directory per major version, the
 * newest counts), then on PATH, then beside pg_config. PostgreSQL refuses to run as root: then user
 * `postgres`, or else `nobody`, runs it. All its files must be where that user can reach them, so
 * root's cache is not in a home directory of mode 0700.
 */
#include "tools/db/engine/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

static const char *const bin_globs[] = {
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/local/pgsql/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
};

void db_programs_free(struct db_programs *programs)
{
	free(programs->bin);
	free(programs->cache);
	free(programs->user);
	free(programs->owner);
	*programs = (struct db_programs){ 0 };
}

static bool has_programs(const char *dir)
{
	cleanup_free char *postgres = str_print("%s/postgres", dir);
	cleanup_free char *initdb = str_print("%s/initdb", dir);

	return !access(postgres, X_OK) && !access(initdb, X_OK);
}

/* The first number in the path is the major version, by every distribution's convention. */
static unsigned int major_of(const char *dir)
{
	const char *digit = strpbrk(dir, "0123456789");

	return digit ? (unsigned int)strtoul(digit, NULL, 10) : 0;
}

static void consider(struct db_programs *programs, const char *dir)
{
	unsigned int major = major_of(dir);

	if (!has_programs(dir) || (programs->bin && major <= programs->major))
		return;
	free(programs->bin);
	programs->bin = str_copy(dir);
	programs->major = major;
}

static void search(struct db_programs *programs)
{
	const char *given = getenv("BERTH_PG_BIN");
	cleanup_strv char **path = strv_split(getenv("PATH"), ":");

	if (given && has_programs(given)) {
		programs->bin = str_copy(given);
		programs->major = major_of(given);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(bin_globs); i++) {
		glob_t found;

		if (!glob(bin_globs[i], 0, NULL, &found))
			for (size_t j = 0; j < found.gl_pathc; j++)
				consider(programs, found.gl_pathv[j]);
		globfree(&found);
	}
	for (char **dir = path; !programs->bin && dir && *dir; dir++) {
		cleanup_free char *link = str_print("%s/pg_config", *dir);
		char real[PATH_MAX];

		consider(programs, *dir);
		if (!programs->bin && realpath(link, real)) {
			*strrchr(real, '/') = 0;
			consider(programs, real);
		}
	}
}

char **db_programs_list(void)
{
	const char *given = getenv("BERTH_PG_BIN");
	cleanup_strv char **path = strv_split(getenv("PATH"), ":");
	char **found = NULL;

	if (given && has_programs(given))
		strv_add(&found, given);
	for (size_t i = 0; i < ARRAY_LEN(bin_globs); i++) {
		glob_t dirs;

		if (!glob(bin_globs[i], 0, NULL, &dirs))
			for (size_t j = 0; j < dirs.gl_pathc; j++)
				if (has_programs(dirs.gl_pathv[j]) &&
				    !strv_has(found, dirs.gl_pathv[j]))
					strv_add(&found, dirs.gl_pathv[j]);
		globfree(&dirs);
	}
	for (char **dir = path; dir && *dir; dir++)
		if (has_programs(*dir) && !strv_has(found, *dir))
			strv_add(&found, *dir);
	return found;
}

char *db_programs_of_major(unsigned int major)
{
	cleanup_strv char **dirs = db_programs_list();

	for (char **dir = dirs; dir && *dir; dir++)
		if (major_of(*dir) == major)
			return str_copy(*dir);
	return NULL;
}

/*
 * Return: 0; -EMFILE, -ENFILE, -ENOMEM: it is not known whether user postgres exists, and another
 * user would have another cache.
 */
static int choose_user(struct db_programs *programs)
{
	struct passwd *own = getpwuid(geteuid()), *user;

	programs->owner = own ? str_copy(own->pw_name) : str_print("%u", (unsigned int)geteuid());
	if (geteuid()) {
		programs->user = str_copy(programs->owner);
		return 0;
	}
	errno = 0;
	user = getpwnam("postgres");
	if (!user && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		return -errno;
	user = user ? user : getpwnam("nobody");
	programs->uid = user ? user->pw_uid : 65534;
	programs->gid = user ? user->pw_gid : 65534;
	programs->user = str_copy(user ? user->pw_name : "nobody");
	return 0;
}

static bool may(const struct db_programs *programs, const struct stat *info, mode_t bit)
{
	if (info->st_uid == (programs->uid ? programs->uid : geteuid()))
		return info->st_mode & (bit << 6);
	if (info->st_gid == (programs->uid ? programs->gid : getegid()))
		return info->st_mode & (bit << 3);
	return info->st_mode & bit;
}

/* Return: the server's user may pass through every directory above @path and write in @path. */
static bool reaches(const struct db_programs *programs, const char *path)
{
	cleanup_free char *part = str_copy(path);
	struct stat info;

	if (stat(part, &info) || !may(programs, &info, 3))
		return false;
	for (char *slash = strrchr(part, '/'); slash && slash != part; slash = strrchr(part, '/')) {
		*slash = 0;
		if (stat(part, &info) || !may(programs, &info, 1))
			return false;
	}
	return true;
}

/*
 * Make directory @path for the server's user. Return: it is that user's, no other user writes
 * there, he reaches it.
 */
static bool own_dir(const struct db_programs *programs, const char *path, mode_t mode)
{
	uid_t uid = programs->uid ? programs->uid : geteuid();
	struct stat info;

	if (!mkdir(path, mode) && programs->uid && lchown(path, programs->uid, programs->gid))
		return false;
	return !lstat(path, &info) && S_ISDIR(info.st_mode) && info.st_uid == uid &&
	       !(info.st_mode & 022) && reaches(programs, path);
}

/*
 * Root does not use another user's home directory, which `sudo -E` and su leave in HOME. That user
 * could put a symbolic link where root acts, and would be left with directories that he cannot
 * write to.
 */
static bool try_cache(struct db_programs *programs, const char *base, const char *below)
{
	cleanup_free char *dir = NULL, *path = NULL;
	struct stat info;

	if (!base || *base != '/' || (!geteuid() && !stat(base, &info) && info.st_uid))
		return false;
	dir = str_print("%s%s", base, below);
	if (dir_make(dir, 0755))
		return false;
	path = str_print("%s/pg", dir);
	if (!own_dir(programs, path, 0700))
		return false;
	programs->cache = steal(&path);
	return true;
}

static int choose_cache(struct db_programs *programs)
{
	cleanup_free char *runtime = NULL;

	if (try_cache(programs, getenv("XDG_CACHE_HOME"), "/berth") ||
	    try_cache(programs, getenv("HOME"), "/.cache/berth"))
		return 0;
	if (!geteuid() && try_cache(programs, "/var/cache", "/berth"))
		return 0;
	if (!dir_runtime(&runtime) && try_cache(programs, runtime, "/cache"))
		return 0;
	return -EACCES;
}

int db_programs_place(struct db_programs *ret_programs, char **ret_reason)
{
	struct db_programs programs = { 0 };
	int ret = choose_user(&programs);

	if (!ret)
		ret = choose_cache(&programs);
	if (ret == -EACCES)
		*ret_reason = str_print("no directory for templates that user '%s' can reach",
		                        programs.user);
	if (ret)
		db_programs_free(&programs);
	else
		*ret_programs = programs;
	return ret;
}

int db_programs_find(struct db_programs *ret_programs, char **ret_reason)
{
	struct db_programs programs = { 0 };
	int ret;

	search(&programs);
	if (!programs.bin) {
		*ret_reason = str_copy("no PostgreSQL server programs");
		return -ENOENT;
	}
	if (geteuid() && !getpwuid(geteuid())) { /* initdb looks up the name of its user */
		db_programs_free(&programs);
		*ret_reason = str_print("user %u has no name, which PostgreSQL needs\nhint: add "
		                        "a line for it to /etc/passwd",
		                        (unsigned int)geteuid());
		return -ENOENT;
	}
	ret = db_programs_place(ret_programs, ret_reason);
	if (ret) {
		db_programs_free(&programs);
		return ret;
	}
	ret_programs->bin = programs.bin;
	ret_programs->major = programs.major;
	return 0;
}

#define SOCKET_DIR "berth-pg-"
enum { SOCKET_NAME = sizeof("/.s.PGSQL.65535.lock") };

static char *fresh_dir(const struct db_programs *programs, const char *base)
{
	char *path = str_print("%s/" SOCKET_DIR "XXXXXX", base);

	if (strlen(path) + SOCKET_NAME <= sizeof(((struct sockaddr_un *)NULL)->sun_path) &&
	    mkdtemp(path)) {
		if (!chmod(path, 0711) &&
		    (!programs->uid || !chown(path, programs->uid, programs->gid)) &&
		    reaches(programs, path))
			return path;
		rmdir(path);
	}
	free(path);
	return NULL;
}

/* db_programs_remove_socket_dirs() follows the link. */
static void leave_link(const char *run_dir, const char *path)
{
	cleanup_free char *link = str_print("%s%s", run_dir, strrchr(path, '/'));

	if (strcmp(link, path))
		(void)!symlink(path, link);
}

int db_programs_socket_dir(const struct db_programs *programs, const char *run_dir, char **ret_path)
{
	*ret_path = fresh_dir(programs, run_dir);
	if (!*ret_path && !geteuid())
		*ret_path = fresh_dir(programs, "/run");
	if (!*ret_path)
		*ret_path = fresh_dir(programs, "/tmp");
	if (!*ret_path)
		return -EACCES;
	leave_link(run_dir, *ret_path);
	return 0;
}

void db_programs_remove_socket_dirs(const char *run_dir)
{
	cleanup_strv char **names = dir_list(run_dir);

	for (char **name = names; name && *name; name++) {
		cleanup_free char *path = str_print("%s/%s", run_dir, *name);
		char target[PATH_MAX];
		ssize_t len = readlink(path, target, sizeof(target) - 1);

		if (len <= 0 || !str_starts(*name, SOCKET_DIR))
			continue;
		target[len] = 0;
		if (str_ends(target, *name))
			(void)dir_remove(target);
	}
}
