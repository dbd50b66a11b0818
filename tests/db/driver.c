/* SPDX-License-Identifier: MIT */
/*
 * A minimal run for the tests of tools/db, which must not depend on tools/run: port maps, a loop,
 * the database module, and one command for each worker under the shim.
 *
 *	driver [-n N] [-m private|rename|auto] [-R] [-d DATABASE]... [-s SETUP] [-i INPUT]...
 *	       [-k] [-K] [-r] [-w MS] [-t IDLE_MS] [-p POOL_PERCENT] DIR COMMAND
 *
 * DIR gets allocated-databases.json, logs and maps. COMMAND runs by sh -c in each worker, with
 * BERTH_WORKER set. -R makes the roles of later databases superusers, -k keeps all databases, -K
 * those of failed workers, -r resets each worker's databases once and runs COMMAND again, -w waits
 * before it ends the workers. Records go to stderr as `record w1 KIND PORT MS DETAIL`. The exit
 * status is that of the first command that failed; 99 if a worker never got its database.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/db/common/url.h"
#include "tools/db/db.h"

enum { WORKERS_MAX = 64, ENTRIES_MAX = 16, BLOCK = 32 };

struct place {
	struct berth_portmap *map;
	char *map_path, *task;
	int pidfd;
	pid_t pid;
	bool was_reset;
};

static struct loop *loop;
static struct db *db;
static struct place places[WORKERS_MAX + 1];
static const char *dir, *command;
static unsigned int workers = 1, finished;
static int verdict, wait_ms;
static bool resets, closed;

static void make_map(unsigned int number)
{
	struct place *place = &places[number];
	uint32_t base = 24000 + (uint32_t)(getpid() % 40) * 128;
	int fd;

	place->map_path = str_print("%s/w%u.map", dir, number);
	place->task = number ? str_print("task-%u", number) : str_copy("setup");
	fd = open(place->map_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || fchmod(fd, 0666) || ftruncate(fd, sizeof(*place->map)))
		abort();
	place->map = mmap(NULL, sizeof(*place->map), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (place->map == MAP_FAILED)
		abort();
	if (getenv("DRIVER_BASE"))
		base = (uint32_t)atoi(getenv("DRIVER_BASE"));
	berth_portmap_init(place->map, number, base + number * BLOCK, BLOCK);
}

static void on_done(void *arg, int fd, uint32_t events);

/* For the processes of a worker, and for its servers. */
static void add_shim(void *arg, unsigned int number, char ***envp)
{
	cleanup_free char *shim = str_print("%s/lib/berth/libberth.so", getenv("BERTH_OUT"));

	(void)arg;
	environ_set(envp, "LD_PRELOAD", shim);
	environ_set(envp, "BERTH_SHIM", shim);
	environ_set(envp, "BERTH_MAP", places[number].map_path);
}

static void start(unsigned int number, const char *text)
{
	struct place *place = &places[number];

	fflush(NULL);
	place->pid = fork();
	if (!place->pid) {
		cleanup_free char *install = NULL, *worker = str_print("%u", number);
		char **envp = strv_copy(environ);

		if (dir_install(&install))
			_exit(125);
		add_shim(NULL, number, &envp);
		environ_set(&envp, "BERTH_WORKER", worker);
		environ_set(&envp, "BERTH_TASK", place->task);
		db_worker_environ(db, &envp);
		environ = envp;
		execl("/bin/sh", "sh", "-c", text, NULL);
		_exit(127);
	}
	place->pidfd = (int)syscall(SYS_pidfd_open, place->pid, 0);
	loop_add(loop, place->pidfd, EPOLLIN, on_done, (void *)(uintptr_t)number);
}

static void on_ready(void *arg, unsigned int number, int error, const char *text)
{
	const char *what = number ? command : arg;

	if (!error) {
		start(number, what);
		return;
	}
	fprintf(stderr, "driver: w%u: %s (%s)\n", number, text, strerror(-error));
	verdict = verdict ? verdict : 99;
	db_worker_end(db, number, true);
	finished += number > 0;
}

static void end_later(void *arg)
{
	unsigned int number = (unsigned int)(uintptr_t)arg;

	db_worker_end(db, number, verdict != 0);
	finished += number > 0;
}

static void on_done(void *arg, int fd, uint32_t events)
{
	unsigned int number = (unsigned int)(uintptr_t)arg;
	struct place *place = &places[number];
	int status = 0;

	(void)events;
	loop_remove(loop, fd);
	close(fd);
	waitpid(place->pid, &status, 0);
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (number && status && !verdict)
		verdict = status;
	if (number && resets && !place->was_reset) {
		place->was_reset = true;
		if (db_worker_reset(db, number, NULL, on_ready, NULL))
			abort();
		return;
	}
	if (number && wait_ms) {
		loop_after(loop, wait_ms, end_later, arg);
		return;
	}
	db_worker_end(db, number, status != 0);
	finished += number > 0;
}

static int run_setup(void *arg, const char *text)
{
	(void)arg;
	make_map(0);
	return db_worker_prepare(db, 0, places[0].task, places[0].map, on_ready,
	                         (void *)(uintptr_t)text);
}

static void record(void *arg, const struct db_record *what)
{
	(void)arg;
	fprintf(stderr, "record w%u %s %u %lld %s\n", what->worker, db_record_names[what->kind],
	        what->port, (long long)what->ms, what->detail);
}

static void on_closed(void *arg)
{
	(void)arg;
	closed = true;
}

static int mode_of(const char *name)
{
	for (int i = 0; i < DB_MODES; i++)
		if (!strcmp(db_mode_names[i], name))
			return i;
	return DB_AUTO;
}

static void read_options(int argc, char **argv, struct db_config *setup)
{
	static struct db_entry entries[ENTRIES_MAX];
	char **inputs = NULL;
	bool superuser = false;
	int option;

	while ((option = getopt(argc, argv, "+n:m:Rd:s:i:kKrw:t:p:")) > 0) {
		if (option == 'n')
			workers = (unsigned int)atoi(optarg);
		else if (option == 'm')
			setup->mode = (enum db_mode)mode_of(optarg);
		else if (option == 'd')
			entries[setup->entry_count++] = (struct db_entry){ .text = optarg,
				                                           .superuser = superuser };
		else if (option == 'R')
			superuser = true;
		else if (option == 's')
			setup->command = optarg;
		else if (option == 'i')
			strv_add(&inputs, optarg);
		else if (option == 'k')
			setup->keep = true;
		else if (option == 'K')
			setup->keep_failed = true;
		else if (option == 'r')
			resets = true;
		else if (option == 'w')
			wait_ms = atoi(optarg);
		else if (option == 't')
			setup->idle_alarm_ms = atoi(optarg);
		else if (option == 'p')
			setup->pool_alarm_percent = (unsigned int)atoi(optarg);
		else
			exit(125);
	}
	if (optind + 2 != argc || workers > WORKERS_MAX)
		exit(125);
	dir = argv[optind];
	command = argv[optind + 1];
	setup->entries = entries;
	setup->inputs = inputs;
}

int main(int argc, char **argv)
{
	cleanup_free char *id = str_print("t%d", (int)getpid());
	struct db_config setup = { .mode = DB_PRIVATE,
		                   .run_id = id,
		                   .run_setup = run_setup,
		                   .record = record,
		                   .server_environ = add_shim };
	cleanup_free char *reason = NULL;
	int ret;

	read_options(argc, argv, &setup);
	setup.workers = workers;
	setup.project_dir = setup.results_dir = setup.run_dir = dir;
	if (loop_open(&loop))
		return 125;
	setup.loop = loop;
	ret = db_open(&setup, &db, &reason);
	fprintf(stderr, "driver: %s\n", reason ? reason : "");
	if (ret) {
		fprintf(stderr, "driver: db_open: %s\n", strerror(-ret));
		return 98;
	}
	for (unsigned int i = 1; i <= workers; i++) {
		make_map(i);
		ret = db_worker_prepare(db, i, places[i].task, places[i].map, on_ready, NULL);
		if (ret)
			return 97;
	}
	while (finished < workers && !loop_step(loop, -1))
		;
	db_close(db, on_closed, NULL);
	while (!closed && !loop_step(loop, -1))
		;
	strv_free((char **)setup.inputs);
	return verdict;
}
