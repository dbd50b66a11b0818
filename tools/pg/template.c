/* SPDX-License-Identifier: MIT */
/*
 * A template is keyed by the hash of all it is made from, so it is never updated, only made anew under another name, and
 * two runs that need the same one at the same time elect its maker by a file lock; the other waits and finds it.
 *
 * Roles and databases are made by PostgreSQL's single-user mode: no port, no socket, no password on a command line.
 *
 * Passwords: SCRAM verifiers in the data directory (mode 0700), and the password itself only on the stdin of that
 * process. What PostgreSQL says in an error is cut down to its ERROR line, and statements are not logged.
 */
#include "tools/pg/template.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/pg/clone.h"
#include "tools/pg/job.h"
#include "tools/pg/openssl.h"
#include "tools/pg/tls.h"

enum { KEEP_TEMPLATE_DAYS = 14, KEEP_CLONE_DAYS = 7, HASH_FILES_MOST = 20000 };

/*
 * Nothing here survives a crash of the machine, so nothing is synced. What a suite can notice (max_connections, isolation,
 * time zone) stays at PostgreSQL's own default.
 */
static const char settings[] = "\n"
	"# Berth: a throw-away server for one worker of one run\n"
	"listen_addresses = '127.0.0.1,::1'\n"
	"ssl_cert_file = 'server.crt'\n"
	"ssl_key_file = 'server.key'\n"
	"fsync = off\n"
	"synchronous_commit = off\n"
	"full_page_writes = off\n"
	"wal_level = minimal\n"
	"max_wal_senders = 0\n"
	"max_logical_replication_workers = 0\n"
	"shared_buffers = 16MB\n"
	"min_wal_size = 4MB\n"
	"max_wal_size = 256MB\n"
	"checkpoint_timeout = 1h\n"
	"autovacuum = off\n"
	"jit = off\n"
	"lc_messages = 'C'\n"
	"log_destination = 'stderr'\n"
	"logging_collector = off\n"
	"log_checkpoints = off\n"
	"log_min_error_statement = panic\n"
	"password_encryption = 'scram-sha-256'\n";

static char *const plain_env[] = { (char *)"PATH=/usr/bin:/bin", (char *)"LC_ALL=C", NULL };

/* --- hashing --- */

static void hash_text(EVP_MD_CTX *hash, const char *text)
{
	text = text ? text : "";
	libcrypto.EVP_DigestUpdate(hash, text, strlen(text) + 1); /* with the NUL: "ab" "c" is not "a" "bc" */
}

static void hash_file(EVP_MD_CTX *hash, const char *path, unsigned int *files);

static void hash_dir(EVP_MD_CTX *hash, const char *path, unsigned int *files)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);

	for (int i = 0; i < count; i++) {
		cleanup_free struct dirent *entry = entries[i];
		cleanup_free char *below = str_print("%s/%s", path, entry->d_name);

		if (*entry->d_name != '.' && strcmp(entry->d_name, "node_modules"))
			hash_file(hash, below, files);
	}
	if (count >= 0)
		free(entries);
}

static void hash_file(EVP_MD_CTX *hash, const char *path, unsigned int *files)
{
	cleanup_free char *text = NULL;
	struct stat info;
	size_t len;

	if (stat(path, &info) || ++*files > HASH_FILES_MOST)
		return;
	hash_text(hash, path);
	if (S_ISDIR(info.st_mode))
		hash_dir(hash, path, files);
	else if (S_ISREG(info.st_mode) && !file_read(path, &text, &len))
		libcrypto.EVP_DigestUpdate(hash, text, len);
}

/* The files that the command names: `psql -f seed.sql` changes its meaning with seed.sql. The project itself is no input. */
static void hash_named_files(EVP_MD_CTX *hash, const struct template_plan *plan, unsigned int *files)
{
	cleanup_strv char **words = strv_split(plan->command, " \t\n\"'`;&|<>()=");

	for (char **word = words; word && *word; word++) {
		cleanup_free char *path = **word == '/' ? str_copy(*word) : str_print("%s/%s", plan->project_dir, *word);
		struct stat info;

		if (stat(path, &info) || strspn(*word, "./") == strlen(*word))
			continue;
		if (S_ISREG(info.st_mode) || str_starts(path, plan->project_dir))
			hash_file(hash, path, files);
	}
}

static void hash_inputs(EVP_MD_CTX *hash, const struct template_plan *plan, unsigned int *files)
{
	for (char *const *input = plan->inputs; input && *input; input++) {
		cleanup_free char *pattern = str_print("%s/%s", plan->project_dir, *input);
		glob_t found;

		hash_text(hash, *input);
		if (!glob(pattern, GLOB_BRACE, NULL, &found))
			for (size_t i = 0; i < found.gl_pathc; i++)
				hash_file(hash, found.gl_pathv[i], files);
		globfree(&found);
	}
}

static const char *wanted_locale(void)
{
	const char *locale = getenv("LC_ALL");

	if (!locale || !*locale)
		locale = getenv("LANG");
	return locale && strcasestr(locale, "utf") ? locale : "C.UTF-8";
}

static void hash_server(EVP_MD_CTX *hash, const struct pg_server *server)
{
	cleanup_free char *program = str_print("%s/postgres", server->bin);
	cleanup_free char *stamp = NULL;
	struct stat info = { 0 };

	(void)stat(program, &info); /* cheaper than asking it for its version, and as good */
	stamp = str_print("%s %lld %lld", program, (long long)info.st_size, (long long)info.st_mtime);
	hash_text(hash, stamp);
	hash_text(hash, wanted_locale());
	hash_text(hash, settings);
}

static char *hash_end(EVP_MD_CTX *hash)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct str hex = { 0 };

	libcrypto.EVP_DigestFinal_ex(hash, digest, NULL);
	libcrypto.EVP_MD_CTX_free(hash);
	for (int i = 0; i < 16; i++)
		str_addf(&hex, "%02x", digest[i]);
	return str_take(&hex);
}

static EVP_MD_CTX *hash_begin(const struct pg_server *server)
{
	EVP_MD_CTX *hash = libcrypto.EVP_MD_CTX_new();

	libcrypto.EVP_DigestInit_ex(hash, libcrypto.EVP_sha256(), NULL);
	if (server)
		hash_server(hash, server);
	return hash;
}

int template_hash(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *hex = NULL;
	unsigned int files = 0;
	EVP_MD_CTX *hash;

	if (openssl_load(NULL))
		return -ELIBACC;
	hash = hash_begin(plan->server);
	for (unsigned int i = 0; i < plan->url_count; i++) {
		cleanup_free char *port = str_print("%u", plan->urls[i].port);

		hash_text(hash, port);
		hash_text(hash, plan->urls[i].role);
		hash_text(hash, plan->urls[i].password ? plan->urls[i].password : "\1");
		hash_text(hash, plan->urls[i].name);
	}
	hash_text(hash, plan->server ? plan->server->owner : ""); /* who may administrate by peer */
	hash_text(hash, plan->command);
	if (plan->command) {
		hash_named_files(hash, plan, &files);
		hash_inputs(hash, plan, &files);
	}
	hex = hash_end(hash);
	str_add(ret_text, hex);
	return files > HASH_FILES_MOST ? -E2BIG : 0;
}

/* --- base --- */

static int initdb(const struct pg_server *server, const char *data, const char *locale, struct str *ret_text)
{
	cleanup_free char *program = str_print("%s/initdb", server->bin);
	char *argv[] = { program, (char *)"-D", (char *)data, (char *)"-U", (char *)"postgres", (char *)"-E",
			 (char *)"UTF8", (char *)"--locale", (char *)locale, (char *)"-A", (char *)"trust",
			 (char *)"--no-sync", (char *)"--wal-segsize=1", NULL };

	return job_exec(argv, plain_env, NULL, ret_text);
}

static int append(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	return fd < 0 ? -errno : file_write_all(fd, text, strlen(text));
}

static int base_build(const struct pg_server *server, const char *base, struct str *ret_text)
{
	static const char *const fall_back[] = { NULL, "C.UTF-8", "C" };
	cleanup_free char *building = str_print("%s.building", base);
	cleanup_free char *data = str_print("%s/data", building);
	cleanup_free char *conf = str_print("%s/postgresql.conf", data);
	int ret = -1;

	for (size_t i = 0; i < ARRAY_LEN(fall_back) && ret; i++) {
		str_free(ret_text);
		(void)dir_remove(building);
		if (mkdir(building, 0700))
			return -errno;
		ret = initdb(server, data, fall_back[i] ? fall_back[i] : wanted_locale(), ret_text);
	}
	if (ret)
		return -EIO;
	str_free(ret_text);
	ret = append(conf, settings);
	if (!ret)
		ret = tls_write_certificate(data); /* for a URL with sslmode=require; the server has it ready at no cost */
	if (!ret && rename(building, base))
		ret = -errno;
	return ret;
}

/* @ret_base the directory of a fresh cluster for this server, made if this is the first time. */
static int base_find(const struct pg_server *server, char **ret_base, struct str *ret_text)
{
	cleanup_free char *key = openssl_load(NULL) ? NULL : hash_end(hash_begin(server));
	cleanup_free char *base = key ? str_print("%s/base-%s", server->cache, key) : NULL;
	cleanup_free char *lock_path = str_print("%s/base.lock", server->cache);
	cleanup_close int lock = -1;
	int ret = 0;

	if (!key)
		return -ELIBACC;
	if (access(base, F_OK)) {
		lock = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (lock < 0 || flock(lock, LOCK_EX))
			return -errno;
		if (access(base, F_OK))
			ret = base_build(server, base, ret_text);
	}
	if (!ret)
		*ret_base = steal(&base);
	return ret;
}

/* --- template --- */

static void add_quoted(struct str *sql, const char *text, char quote)
{
	if (quote == '\'')
		str_add(sql, "E");
	str_add_len(sql, &quote, 1);
	for (; *text; text++) {
		if (*text == '\n') { /* ends a statement in single-user mode */
			str_add(sql, quote == '\'' ? "\\n" : " ");
			continue;
		}
		if (*text == quote || (*text == '\\' && quote == '\''))
			str_add_len(sql, text, 1);
		str_add_len(sql, text, 1);
	}
	str_add_len(sql, &quote, 1);
}

static bool seen_before(const struct template_plan *plan, unsigned int i, bool same_name)
{
	const struct pg_url *url = &plan->urls[i];

	for (unsigned int j = 0; j < i; j++)
		if (plan->urls[j].port == url->port &&
		    !strcmp(same_name ? plan->urls[j].name : plan->urls[j].role, same_name ? url->name : url->role))
			return true;
	return false;
}

/*
 * The role is a superuser, as in the official container image and on most developers' machines: suites create extensions
 * and set session_replication_role. The server is theirs alone.
 */
static void add_role(struct str *sql, const struct pg_url *url)
{
	str_add(sql, strcmp(url->role, "postgres") ? "CREATE ROLE " : "ALTER ROLE ");
	add_quoted(sql, url->role, '"');
	str_add(sql, " LOGIN SUPERUSER");
	if (url->password) {
		str_add(sql, " PASSWORD ");
		add_quoted(sql, url->password, '\'');
	}
	str_add(sql, "\n");
}

static void add_database(struct str *sql, const struct pg_url *url)
{
	static const char *const given[] = { "postgres", "template0", "template1" };

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (!strcmp(url->name, given[i]))
			return;
	str_add(sql, "CREATE DATABASE ");
	add_quoted(sql, url->name, '"');
	str_add(sql, " OWNER ");
	add_quoted(sql, url->role, '"');
	str_add(sql, "\n");
}

static int run_single(const struct pg_server *server, const char *data, const char *sql, struct str *ret_text)
{
	cleanup_free char *program = str_print("%s/postgres", server->bin);
	char *argv[] = { program, (char *)"--single", (char *)"-F", (char *)"-D", (char *)data, (char *)"postgres", NULL };
	cleanup_str struct str output = { 0 };
	int status = job_exec(argv, plain_env, sql, &output);
	char *error = output.text ? strstr(output.text, "ERROR:") : NULL;

	error = error || !output.text ? error : strstr(output.text, "FATAL:");
	if (!status && !error)
		return 0;
	error = error ? error : (char *)"the server ended unexpectedly";
	str_add_len(ret_text, error, strcspn(error, "\n"));
	return -EIO;
}

/* Who gets in: roles of the URLs by password (or without, if their URL has none), and we ourselves through the socket. */
static int write_access(const struct template_plan *plan, uint16_t port, const char *data)
{
	cleanup_free char *hba_path = str_print("%s/pg_hba.conf", data), *ident_path = str_print("%s/pg_ident.conf", data);
	cleanup_str struct str hba = { 0 }, ident = { 0 };
	bool postgres_is_theirs = false;
	int ret;

	for (unsigned int i = 0; i < plan->url_count; i++) {
		if (plan->urls[i].port != port || seen_before(plan, i, false))
			continue;
		postgres_is_theirs |= !strcmp(plan->urls[i].role, "postgres");
		for (int host = 0; host < 3 && !plan->urls[i].password; host++) {
			str_add(&hba, host ? "host all " : "local all ");
			add_quoted(&hba, plan->urls[i].role, '"');
			str_add(&hba, host == 2 ? " ::1/128 trust\n" : host ? " 127.0.0.1/32 trust\n" : " trust\n");
		}
	}
	if (!postgres_is_theirs)
		str_add(&hba, "local all postgres peer map=berth\n");
	str_add(&hba, "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n"
		      "host all all ::1/128 scram-sha-256\n");
	str_addf(&ident, "berth %s postgres\n", plan->server->user);
	if (strcmp(plan->server->user, plan->server->owner))
		str_addf(&ident, "berth %s postgres\n", plan->server->owner);
	ret = file_replace(hba_path, hba.text, hba.len, 0600);
	return ret ? ret : file_replace(ident_path, ident.text, ident.len, 0600);
}

static int build_port(const struct template_plan *plan, const char *base, const char *building, uint16_t port,
		      struct str *ret_text)
{
	cleanup_free char *from = str_print("%s/data", base), *dir = str_print("%s/%u", building, port);
	cleanup_free char *data = str_print("%s/data", dir);
	cleanup_str struct str sql = { 0 };
	int ret;

	if (mkdir(dir, 0700))
		return -errno;
	ret = pg_clone_tree(from, data, PG_CLONE_REFLINK);
	if (ret)
		ret = pg_clone_tree(from, data, PG_CLONE_COPY);
	for (unsigned int i = 0; i < plan->url_count; i++)
		if (plan->urls[i].port == port && !seen_before(plan, i, false))
			add_role(&sql, &plan->urls[i]);
	for (unsigned int i = 0; i < plan->url_count; i++)
		if (plan->urls[i].port == port && !seen_before(plan, i, true))
			add_database(&sql, &plan->urls[i]);
	ret = ret ? ret : write_access(plan, port, data);
	ret = ret ? ret : run_single(plan->server, data, sql.text, ret_text);
	if (sql.text)
		explicit_bzero(sql.text, sql.len);
	return ret;
}

static int build(const struct template_plan *plan, const char *building, struct str *ret_text)
{
	cleanup_free char *base = NULL;
	int ret = base_find(plan->server, &base, ret_text);

	if (ret)
		return ret;
	(void)template_remove(building);
	if (mkdir(building, 0700))
		return -errno;
	for (unsigned int i = 0; i < plan->url_count && !ret; i++) {
		bool first = true;

		for (unsigned int j = 0; j < i; j++)
			first &= plan->urls[j].port != plan->urls[i].port;
		if (first)
			ret = build_port(plan, base, building, plan->urls[i].port, ret_text);
	}
	return ret;
}

int template_commit(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *path = str_print("%s/tpl-%s", plan->server->cache, plan->hash);
	cleanup_free char *building = str_print("%s.building", path);

	if (rename(building, path))
		return -errno;
	str_add(ret_text, "ready");
	return flock(plan->lock, LOCK_SH) ? -errno : 0;
}

int template_make(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *path = str_print("%s/tpl-%s", plan->server->cache, plan->hash);
	cleanup_free char *building = str_print("%s.building", path);
	int ret;

	if (flock(plan->lock, LOCK_SH))
		return -errno;
	if (access(path, F_OK)) { /* not atomic: somebody may make it before we have the exclusive lock */
		if (flock(plan->lock, LOCK_EX))
			return -errno;
		if (access(path, F_OK)) {
			ret = build(plan, building, ret_text);
			if (ret || !plan->command)
				return ret ? ret : template_commit(arg, ret_text);
			str_add(ret_text, "setup");
			return 0;
		}
		(void)flock(plan->lock, LOCK_SH);
	}
	(void)utimensat(AT_FDCWD, path, NULL, 0); /* last use, for the sweep */
	str_add(ret_text, "cached");
	return 0;
}

/* --- sweep --- */

int template_remove(const char *path)
{
	DIR *entries = opendir(path);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		cleanup_free char *trap = str_print("%s/%s/work/work", path, entry->d_name);

		(void)chmod(trap, 0700); /* made by overlayfs, mode 0: even its owner could not empty it */
	}
	if (entries)
		closedir(entries);
	return dir_remove(path);
}

static bool old(const char *path, int days)
{
	struct stat info;

	return !stat(path, &info) && time(NULL) - info.st_mtime > (time_t)days * 86400;
}

/* Remove every entry of @dir that begins with @prefix. */
static void remove_matching(const char *dir, const char *prefix)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries))) {
		cleanup_free char *path = str_print("%s/%s", dir, entry->d_name);

		if (str_starts(entry->d_name, prefix))
			(void)template_remove(path);
	}
	if (entries)
		closedir(entries);
}

/* A run's lock can be taken: the run is dead. Its lock file names the socket directory. */
static void sweep_run(const char *clones, const char *lock_name)
{
	cleanup_free char *path = str_print("%s/%s", clones, lock_name), *sockets = NULL;
	cleanup_free char *prefix = str_copy_len(lock_name, strlen(lock_name) - strlen("lock"));
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return;
	prefix[strlen(prefix) - 1] = '-';
	remove_matching(clones, prefix);
	if (!file_read(path, &sockets, NULL) && strstr(sockets, "/berth-pg-"))
		(void)dir_remove(sockets);
	(void)unlink(path);
}

static void sweep_template(const char *cache, const char *lock_name)
{
	cleanup_free char *path = str_print("%s/%s", cache, lock_name);
	cleanup_free char *name = str_copy_len(lock_name, strlen(lock_name) - strlen(".lock"));
	cleanup_free char *building = str_print("%s.building", name), *dir = str_print("%s/%s", cache, name);
	cleanup_close int lock = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB))
		return;
	remove_matching(cache, building); /* its maker has died */
	if (old(dir, KEEP_TEMPLATE_DAYS)) /* the lock file stays: somebody may have it open and be about to lock it */
		(void)template_remove(dir);
}

static void sweep_dir(const char *dir, const char *suffix, void (*each)(const char *dir, const char *name))
{
	DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (str_ends(entry->d_name, suffix) && *entry->d_name != '.')
			each(dir, entry->d_name);
	if (entries)
		closedir(entries);
}

static void sweep_kept(const char *dir, const char *name)
{
	cleanup_free char *path = str_print("%s/%s", dir, name);

	if (old(path, KEEP_CLONE_DAYS))
		(void)template_remove(path);
}

int template_sweep(void *arg, struct str *ret_text)
{
	const struct template_plan *plan = arg;
	cleanup_free char *clones = str_print("%s/clones", plan->server->cache);
	cleanup_free char *kept = str_print("%s/kept", plan->server->cache);

	(void)ret_text;
	sweep_dir(clones, ".lock", sweep_run);
	sweep_dir(plan->server->cache, ".lock", sweep_template);
	sweep_dir(kept, "", sweep_kept);
	return 0;
}
