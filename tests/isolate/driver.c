/* SPDX-License-Identifier: MIT */
/*
 * driver [OPTION]... -- COMMAND: start N copies of COMMAND under one backend, with nothing of
 * `berth run` around them. It serves tests that want to look at a backend alone: what it notes,
 * what it costs, how it ends.
 *
 *	--backend NAME	auto, preload, seccomp, bpf, none
 *	-n N		copies; the largest exit status is the driver's
 *	--port P	declared; may be repeated	--share P	left to the host
 *	--strict	refuse foreign connects		--declared-only	leave undeclared ports alone
 *	--block N	real ports per worker		--udp	seccomp: look at datagram addresses
 *								too
 *	--notes		print the workers' notes on stderr at the end, one line each
 *	--blocks	print the workers' real ports on stderr at the start: `block w1 20000 32`
 *	--outlive	a copy lives on when the driver is killed; it has lost the lease of its
 *			ports
 *	--probe		only say whether the backend can work here
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/loop.h"
#include "tools/base/str.h"
#include "tools/isolate/isolate.h"
#include "tools/ports/ports.h"

extern char **environ;

enum { COPIES_MAX = 256, NAMED_MAX = 64, USAGE = 125, END_MS = 10000 };

static struct options {
	enum isolate_backend backend;
	unsigned int copies, block, named, shared;
	uint16_t port[NAMED_MAX], share[NAMED_MAX];
	uint32_t flags;
	bool notes, blocks, probe, datagrams, outlive;
	char **command;
} options = { .copies = 1 };

struct copy {
	struct isolate_worker worker;
	struct ports_block block;
	char *map_path;
	pid_t pid;
	int pidfd, status;
};

static struct driver {
	struct loop *loop;
	struct isolate *isolate;
	struct ports *ports;
	struct copy copies[COPIES_MAX];
	char *dir, *install, *cgroup_path;
	int cgroup;
	unsigned int running;
} driver = { .cgroup = -1 };

static void __attribute__((noreturn)) die(const char *what, int error)
{
	fprintf(stderr, "driver: %s: %s\n", what, strerror(error < 0 ? -error : error));
	exit(USAGE);
}

#define TRY(expr) \
	({ \
		long try_ret = (long)(expr); \
		if (try_ret < 0) \
			die(#expr, (int)try_ret); \
		try_ret; \
	})
#define SYS(expr) \
	({ \
		long sys_ret = (long)(expr); \
		if (sys_ret < 0) \
			die(#expr, errno); \
		sys_ret; \
	})

/* Where cgroup v2 is mounted, also as the second half of a hybrid host. Return: NULL if nowhere. */
static char *cgroup_mount(void)
{
	cleanup_file FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096], at[PATH_MAX];

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %*s %4095s", at) == 1)
			return str_copy(at);
	return NULL;
}

static char *cgroup_self(void)
{
	cleanup_free char *text = NULL;
	char *at;

	if (file_read("/proc/self/cgroup", &text, NULL) || !(at = strstr(text, "0::/")))
		return str_copy("");
	at += 3;
	at[strcspn(at, "\n")] = 0;
	return str_copy(str_equal(at, "/") ? "" : at);
}

static void cgroup_make(void)
{
	cleanup_free char *mount = cgroup_mount(), *self = cgroup_self();

	if (!mount)
		return;
	driver.cgroup_path = str_print("%s%s/berth-driver-%d", mount, self, getpid());
	if (mkdir(driver.cgroup_path, 0755)) {
		free(steal(&driver.cgroup_path));
		return;
	}
	driver.cgroup = (int)SYS(open(driver.cgroup_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int cgroup_worker(unsigned int number)
{
	char name[16];

	if (driver.cgroup < 0)
		return -1;
	snprintf(name, sizeof(name), "w%u", number);
	SYS(mkdirat(driver.cgroup, name, 0755));
	return (int)SYS(openat(driver.cgroup, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* Kill what is left in the cgroup and wait until it is empty. */
static void cgroup_empty(int cgroup)
{
	int64_t end = clock_ms() + END_MS;

	if (cgroup < 0)
		return;
	file_put_at(cgroup, "cgroup.kill", "1");
	while (clock_ms() < end) {
		cleanup_free char *text = NULL;

		if (file_read_at(cgroup, "cgroup.events", &text, NULL) ||
		    strstr(text, "populated 0"))
			return;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		loop_step(driver.loop, 5);
	}
	fprintf(stderr, "driver: processes are left in '%s'\n", driver.cgroup_path);
}

static void cgroup_remove(void)
{
	char name[16];

	for (unsigned int i = 1; driver.cgroup >= 0 && i <= options.copies; i++) {
		snprintf(name, sizeof(name), "w%u", i);
		unlinkat(driver.cgroup, name, AT_REMOVEDIR);
	}
	if (driver.cgroup_path)
		rmdir(driver.cgroup_path);
}

static void copy_prepare(struct copy *copy, unsigned int number)
{
	cleanup_free char *error = NULL, *task = str_print("driver-%d-%u", getpid(), number);
	int ret = ports_claim(driver.ports, task, &copy->block, &error);

	if (ret)
		die(error, ret);
	copy->map_path = str_print("%s/w%u.map", driver.dir, number);
	TRY(ports_map_create(driver.ports, copy->map_path, 0666, number, &copy->block,
	                     &copy->worker.map));
	copy->worker.map->flags |= options.flags;
	for (unsigned int i = 0; i < options.named; i++)
		berth_portmap_declare(copy->worker.map, options.port[i]);
	for (unsigned int i = 0; i < options.shared; i++)
		berth_portmap_share(copy->worker.map, options.share[i]);
	copy->worker.number = number;
	copy->worker.map_path = copy->map_path;
	copy->worker.cgroup = cgroup_worker(number);
	TRY(isolate_worker_begin(driver.isolate, &copy->worker));
	if (options.blocks)
		fprintf(stderr, "block w%u %u %u\n", number, copy->block.base, copy->block.len);
}

static void __attribute__((noreturn)) copy_exec(struct copy *copy)
{
	char **envp = strv_copy(environ), number[16];
	sigset_t none;
	int ret;

	if (!options.outlive)
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* with us goes the lease of its ports */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(number, sizeof(number), "%u", copy->worker.number);
	environ_set(&envp, "BERTH_RUN", "test");
	environ_set(&envp, "BERTH_WORKER", number);
	if (copy->worker.cgroup >= 0 && file_put_at(copy->worker.cgroup, "cgroup.procs", "0"))
		_exit(USAGE);
	isolate_worker_environ(driver.isolate, copy->worker.number, &envp);
	ret = isolate_worker_enter(driver.isolate, copy->worker.number);
	if (ret) {
		fprintf(stderr, "driver: worker %u cannot enter: %s\n", copy->worker.number,
		        strerror(-ret));
		_exit(USAGE);
	}
	environ = envp;
	ret = isolate_worker_exec(driver.isolate, options.command);
	fprintf(stderr, "driver: '%s': %s\n", options.command[0], strerror(-ret));
	_exit(ret == -ENOENT ? 127 : 126);
}

static void on_exit_of(void *arg, int fd, uint32_t events)
{
	struct copy *copy = arg;
	int status = 0;

	(void)events;
	loop_remove(driver.loop, fd);
	waitpid(copy->pid, &status, 0);
	copy->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	driver.running--;
}

static void copy_start(struct copy *copy)
{
	copy->pid = (pid_t)SYS(fork());
	if (!copy->pid)
		copy_exec(copy);
	copy->pidfd = (int)SYS(syscall(SYS_pidfd_open, copy->pid, 0));
	driver.running++;
	TRY(isolate_worker_started(driver.isolate, copy->worker.number, copy->pid));
	TRY(loop_add(driver.loop, copy->pidfd, EPOLLIN, on_exit_of, copy));
}

static void copy_notes(const struct copy *copy)
{
	static const char *const kinds[] = { "none",      "learned",  "foreign",  "refused",
		                             "exhausted", "outsider", "conflict", "escape",
		                             "deepbind",  "left",     "io_uring", "blind" };
	const struct berth_portmap *map = copy->worker.map;
	struct berth_note note;

	for (uint32_t i = 0; i < map->note_next; i++)
		if (berth_portmap_read_note(map, i, &note) && note.kind < ARRAY_LEN(kinds))
			fprintf(stderr, "note w%u %s %s %u %s%s\n", copy->worker.number,
			        kinds[note.kind], note.proto == BERTH_TCP ? "tcp" : "udp",
			        note.virtual_port, note.text,
			        note.kind == BERTH_NOTE_ESCAPE ? " escapes" : "");
}

static void on_signal(int signal)
{
	/*
	 * the loop's wait ends with it; a second one ends us, and the cgroup is left to whoever
	 * looks
	 */
	(void)signal;
	for (unsigned int i = 0; i < options.copies; i++)
		if (driver.copies[i].pid > 0)
			kill(driver.copies[i].pid, SIGTERM);
}

static void setup(void)
{
	struct ports_setup ports = { .workers = options.copies,
		                     .project = "driver",
		                     .block_len = options.block };
	struct isolate_setup isolate = { .requested = options.backend, .workers = options.copies };
	cleanup_free char *error = NULL, *reason = NULL, *self = realpath("/proc/self/exe", NULL);
	const char *scratch = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
	char *dir = str_print("%s/berth-driver-XXXXXX", scratch);
	int ret;

	for (int i = 0; i < 3 && self; i++)
		*strrchr(self, '/') = 0; /* .out/tests/isolate/driver */
	driver.install = steal(&self);
	if (!mkdtemp(dir))
		die("mkdtemp", errno);
	chmod(dir, 0755);
	driver.dir = dir;
	cgroup_make();
	TRY(loop_open(&driver.loop));
	isolate.install_dir = driver.install;
	isolate.run_dir = driver.dir;
	isolate.cgroup = driver.cgroup;
	isolate.loop = driver.loop;
	isolate.datagrams = options.datagrams;
	ret = options.probe ? isolate_probe(&isolate, &reason)
	                    : isolate_open(&isolate, &driver.isolate, &reason);
	if (ret)
		fprintf(stderr, "driver: backend '%s': %s\n",
		        isolate_backend_names[options.backend], reason ? reason : strerror(-ret));
	else if (options.probe)
		printf("%s: %s\n", isolate_backend_names[options.backend], reason);
	if (ret || options.probe) {
		cgroup_remove();
		dir_remove(driver.dir);
		exit(ret ? USAGE : 0);
	}
	ret = ports_open(&ports, &driver.ports, &error);
	if (ret)
		die(error ? error : "ports_open", ret);
}

static int teardown(void)
{
	int worst = 0;

	for (unsigned int i = 0; i < options.copies; i++) {
		struct copy *copy = &driver.copies[i];

		cgroup_empty(copy->worker.cgroup);
		isolate_worker_end(driver.isolate, copy->worker.number);
		if (options.notes)
			copy_notes(copy);
		if (copy->status > worst)
			worst = copy->status;
		if (copy->worker.cgroup >= 0)
			close(copy->worker.cgroup);
		ports_map_close(copy->worker.map);
		ports_block_release(&copy->block);
		close(copy->pidfd);
		free(copy->map_path);
	}
	if (isolate_lost(driver.isolate))
		fprintf(stderr, "driver: %llu notes were lost\n",
		        (unsigned long long)isolate_lost(driver.isolate));
	isolate_close(driver.isolate);
	ports_close(driver.ports);
	loop_close(driver.loop);
	cgroup_remove();
	dir_remove(driver.dir);
	free(driver.dir);
	free(driver.install);
	free(driver.cgroup_path);
	return worst;
}

enum {
	OPT_BACKEND = 256,
	OPT_PORT,
	OPT_SHARE,
	OPT_STRICT,
	OPT_BLOCK,
	OPT_NOTES,
	OPT_PROBE,
	OPT_UDP,
	OPT_BLOCKS,
	OPT_OUTLIVE
};

static const struct option names[] = {
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "share", required_argument, NULL, OPT_SHARE },
	{ "strict", no_argument, NULL, OPT_STRICT },
	{ "block", required_argument, NULL, OPT_BLOCK },
	{ "notes", no_argument, NULL, OPT_NOTES },
	{ "probe", no_argument, NULL, OPT_PROBE },
	{ "udp", no_argument, NULL, OPT_UDP },
	{ "blocks", no_argument, NULL, OPT_BLOCKS },
	{ "outlive", no_argument, NULL, OPT_OUTLIVE },
	{ 0 },
};

static void option(int opt)
{
	long number = 0;

	if (opt != OPT_BACKEND && optarg)
		TRY(str_number(optarg, 1, 65535, &number));
	for (int i = 0; opt == OPT_BACKEND && i < ISOLATE_BACKENDS; i++)
		if (str_equal(isolate_backend_names[i], optarg))
			options.backend = (enum isolate_backend)i;
	if (opt == 'n')
		options.copies = (unsigned int)number <= COPIES_MAX ? (unsigned int)number
		                                                    : COPIES_MAX;
	if (opt == OPT_PORT && options.named < NAMED_MAX)
		options.port[options.named++] = (uint16_t)number;
	if (opt == OPT_SHARE && options.shared < NAMED_MAX)
		options.share[options.shared++] = (uint16_t)number;
	if (opt == OPT_BLOCK)
		options.block = (unsigned int)number;
	options.flags |= opt == OPT_STRICT ? BERTH_MAP_STRICT : 0;
	options.notes |= opt == OPT_NOTES;
	options.probe |= opt == OPT_PROBE;
	options.blocks |= opt == OPT_BLOCKS;
	options.datagrams |= opt == OPT_UDP;
	options.outlive |= opt == OPT_OUTLIVE;
	if (opt == '?')
		exit(USAGE);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
	int opt;

	while ((opt = getopt_long(argc, argv, "+n:", names, NULL)) >= 0)
		option(opt);
	options.command = argv + optind;
	if (!options.probe && !*options.command)
		die("usage: driver [OPTION]... -- COMMAND", EINVAL);
	setup();
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (unsigned int i = 0; i < options.copies; i++)
		copy_prepare(&driver.copies[i], i + 1);
	for (unsigned int i = 0; i < options.copies; i++)
		copy_start(&driver.copies[i]);
	while (driver.running)
		TRY(loop_step(driver.loop, -1));
	return teardown();
}
