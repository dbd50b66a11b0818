/* SPDX-License-Identifier: MIT */
/*
 * A supervisor in small, to try the monitor alone: runs N workers of a command in cgroups of their own, watched, and prints
 * what was found as JSON.
 *
 *	driver [-n N] [-s ebpf|sampling] [-e FILE] [-v] [-x COMMAND -t SOCKETS] [-a PROGRAM] [-g GRACE_MS] -- COMMAND [ARG]...
 *
 * -x: when SOCKETS are open, freeze worker 1, take a snapshot, run COMMAND with its cgroup's folder as CGROUP, end the worker;
 * the result has `snapshot` and COMMAND's output as `look`.
 *
 * The limits are those of tests/bpf/findings.sh, small so that it does not take minutes. -e: print each event
 * there: the workers have stderr.
 * Each worker has BERTH_RUN and BERTH_WORKER. Exit status: 0 if the driver itself had no trouble; 77 without cgroup v2.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/proc.h"
#include "tools/watch/watch.h"

enum { WORKERS_MOST = 64 };

static struct watch *watch;
static struct loop *loop;
static char *run_cgroup, *run_id;
static FILE *event_file;
static unsigned int worker_count = 1;
static struct one {
	pid_t pid;
	int cgroup, status;
	char *path;
	bool judged;
} ones[WORKERS_MOST + 1];

static char *cgroup_mount(void)
{
	cleanup_free char *text = NULL;
	cleanup_strv char **lines = NULL;

	if (file_read("/proc/self/mounts", &text, NULL))
		return NULL;
	lines = strv_split(text, "\n");
	for (char **line = lines; line && *line; line++) {
		cleanup_strv char **words = strv_split(*line, " ");

		if (strv_len(words) > 2 && str_equal(words[2], "cgroup2"))
			return str_copy(words[1]);
	}
	return NULL;
}

static void kill_worker(struct one *one)
{
	cleanup_free char *text = NULL;

	if (one->cgroup < 0)
		return;
	if (file_put_at(one->cgroup, "cgroup.kill", "1") &&
	    !file_read_at(one->cgroup, "cgroup.procs", &text, NULL))
		for (char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
			kill(atoi(at), SIGKILL);
}

/* ---- -x: one look, while worker 1 is frozen, by the monitor and by whatever COMMAND is ---- */

static json_t *snapshot;
static const char *look_command;
static size_t look_at;
static char *look_text;

static void on_socket(void *arg, const struct berth_socket *socket)
{
	(void)arg;
	if (!socket->closed)
		json_array_append_new(snapshot,
		                      json_pack("{s:s, s:i, s:i, s:i}", "protocol",
		                                socket->proto ? "udp" : "tcp", "state",
		                                socket->state, "local", socket->local_port,
		                                "remote", socket->remote_port));
}

static bool freeze(const struct one *one)
{
	if (file_put_at(one->cgroup, "cgroup.freeze", "1"))
		return false;
	for (int turn = 0; turn < 200; turn++) {
		cleanup_free char *text = NULL;

		if (!file_read_at(one->cgroup, "cgroup.events", &text, NULL) &&
		    strstr(text, "frozen 1"))
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

static void on_look(void *arg)
{
	struct str text = { 0 };
	char line[512];
	FILE *others;

	(void)arg;
	snapshot = json_array();
	watch_snapshot(watch, on_socket, NULL);
	if (json_array_size(snapshot) < look_at) {
		json_decref(snapshot);
		snapshot = NULL;
		loop_after(loop, 100, on_look, NULL);
		return;
	}
	setenv("CGROUP", ones[1].path, 1);
	json_array_clear(snapshot);
	if (freeze(&ones[1])) {
		watch_snapshot(watch, on_socket, NULL);
		others = popen(look_command, "r");
		while (others && fgets(line, sizeof(line), others))
			str_add(&text, line);
		if (others)
			pclose(others);
	}
	look_text = str_take(&text);
	kill_worker(&ones[1]);
	file_put_at(ones[1].cgroup, "cgroup.freeze", "0");
}

static void on_event(void *arg, const struct berth_event *event)
{
	(void)arg;
	if (event_file)
		fprintf(event_file,
		        "event %u worker %u pid %u %.16s local %u remote %u error %d how %u frames "
		        "%u\n",
		        event->tag, event->worker, event->pid, event->comm, event->local_port,
		        event->remote_port, event->error, event->how, event->stack_len);
}

/* Without a cgroup: what lost its parent is a child of this process now, and so on. Call it until nobody is left. */
static bool kill_child(void *arg, pid_t pid)
{
	struct proc_stat stat;

	if (!proc_read_stat(pid, &stat) && stat.ppid == getpid() && stat.state != 'Z') {
		kill(pid, SIGKILL);
		*(bool *)arg = true;
	}
	return true;
}

static bool has_children(void)
{
	bool found = false;

	for (unsigned int i = 1; i <= worker_count; i++)
		if (!ones[i].judged)
			return true;
	proc_each(kill_child, &found);
	return found;
}

static void on_judged(void *arg, unsigned int number)
{
	(void)arg;
	ones[number].judged = true;
	kill_worker(&ones[number]);
}

static bool is_empty(const struct one *one)
{
	cleanup_free char *text = NULL;

	return one->cgroup < 0 || file_read_at(one->cgroup, "cgroup.events", &text, NULL) ||
	       strstr(text, "populated 0");
}

static void on_child(void *arg, int fd, uint32_t events)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	(void)arg;
	(void)events;
	if (read(fd, &info, sizeof(info)) < 0)
		return;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (unsigned int i = 1; i <= worker_count; i++)
			if (ones[i].pid == pid) {
				ones[i].status = status;
				watch_worker_exited(watch, i, status, on_judged, NULL);
			}
}

static int start(unsigned int number, bool with_cgroup, char **command)
{
	struct watch_worker_setup worker = { .number = number, .task = "oracle", .cgroup = -1 };
	struct one *one = &ones[number];
	char text[16];
	int ret;

	one->cgroup = -1;
	if (with_cgroup) {
		one->path = str_print("%s/w%u", run_cgroup, number);
		if (mkdir(one->path, 0755))
			return -errno;
		one->cgroup = open(one->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	worker.cgroup = one->cgroup;
	ret = watch_worker_begin(watch, &worker);
	if (ret)
		return ret;
	one->pid = fork();
	if (!one->pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		snprintf(text, sizeof(text), "%u", number);
		setenv("BERTH_RUN", run_id, 1);
		setenv("BERTH_WORKER", text, 1);
		if (one->cgroup >= 0 && file_put_at(one->cgroup, "cgroup.procs", "0"))
			_exit(126);
		execvp(command[0], command);
		_exit(127);
	}
	watch_worker_started(watch, number, one->pid);
	return 0;
}

static bool all_over(void)
{
	for (unsigned int i = 1; i <= worker_count; i++)
		if (!ones[i].judged || !is_empty(&ones[i]))
			return false;
	return run_cgroup || !has_children();
}

static json_t *json_counts(unsigned int number)
{
	static const char *const names[] = {
#define COUNT(name, help) #name,
#include "core/counts.def"
	};
	struct watch_summary summary;
	json_t *object = json_object();

	watch_worker_summary(watch, number, &summary);
	for (size_t i = 0; i < BERTH_COUNTS; i++)
		json_object_set_new(object, names[i],
		                    json_integer((json_int_t)summary.counts.of[i]));
	json_object_set_new(object, "alive", json_integer((json_int_t)summary.alive));
	json_object_set_new(object, "unaccounted", json_integer(summary.unaccounted));
	json_object_set_new(object, "processes", json_integer(summary.processes));
	json_object_set_new(object, "memory_peak_kib",
	                    json_integer((json_int_t)summary.memory_peak_kib));
	json_object_set_new(object, "descriptors_peak", json_integer(summary.descriptors_peak));
	json_object_set_new(object, "status", json_integer(ones[number].status));
	return object;
}

static void print(const char *reason)
{
	json_t *root = json_object(), *findings = json_array(), *workers = json_array(),
	       *losses = json_array();

	for (size_t i = 0; i < watch_finding_count(watch); i++)
		json_array_append_new(findings, finding_json(watch_finding(watch, i)));
	for (unsigned int i = 1; i <= worker_count; i++)
		json_array_append_new(workers, json_counts(i));
	for (const char *const *loss = watch_losses(watch); *loss; loss++)
		json_array_append_new(losses, json_string(*loss));
	json_object_set_new(root, "source", json_string(reason));
	json_object_set_new(root, "missed", json_integer((json_int_t)watch_missed(watch)));
	json_object_set_new(root, "losses", losses);
	json_object_set_new(root, "findings", findings);
	json_object_set_new(root, "workers", workers);
	if (snapshot) {
		json_object_set_new(root, "snapshot", snapshot);
		json_object_set_new(root, "look", json_string(look_text));
	}
	json_dumpf(root, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(root);
}

static int run(char **command, bool with_cgroup)
{
	sigset_t child;
	int signals;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signals = signalfd(-1, &child, SFD_CLOEXEC);
	loop_add(loop, signals, EPOLLIN, on_child, NULL);
	for (unsigned int i = 1; i <= worker_count; i++)
		if (start(i, with_cgroup, command))
			return 1;
	while (!all_over())
		loop_step(loop, 50);
	for (unsigned int i = 1; i <= worker_count; i++)
		watch_worker_end(watch, i);
	watch_finish(watch);
	return 0;
}

static void clean_up(void)
{
	for (unsigned int i = 1; i <= worker_count; i++)
		if (ones[i].path)
			rmdir(ones[i].path);
	if (run_cgroup)
		rmdir(run_cgroup);
}

int main(int argc, char **argv)
{
	struct finding_rule allow = { 0 };
	struct watch_policy policy = {
		.grace_ms = 400, .sample_ms = 100, .close_wait_ms = 300, .allow = &allow
	};
	struct watch_setup setup = { .run_id = run_id = str_print("test-%d", getpid()),
		                     .cgroup = -1,
		                     .policy = &policy,
		                     .on_event = on_event };
	cleanup_free char *mount = cgroup_mount(), *reason = NULL;
	int option, ret;

	while ((option = getopt(argc, argv, "+n:s:e:a:g:vx:t:")) != -1) {
		if (option == 'n')
			worker_count = (unsigned int)atoi(optarg);
		else if (option == 's')
			setup.requested_source = str_equal(optarg, "ebpf") ? WATCH_BPF
			                                                   : WATCH_SAMPLE;
		else if (option == 'e')
			event_file = fopen(optarg, "we");
		else if (option == 'x')
			look_command = optarg;
		else if (option == 't')
			look_at = (size_t)atoi(optarg);
		else if (option == 'v')
			setup.everything = true;
		else if (option == 'a')
			allow.program = optarg, policy.allow_count = 1;
		else if (option == 'g')
			policy.grace_ms = atoi(optarg);
	}
	if (setup.requested_source != WATCH_SAMPLE) {
		run_cgroup = mount ? str_print("%s/berth-test-%d", mount, getpid()) : NULL;
		if (!run_cgroup || mkdir(run_cgroup, 0755)) {
			fprintf(stderr, "driver: no cgroup v2 that can be written to\n");
			return 77;
		}
		setup.cgroup = open(run_cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	loop_open(&loop);
	setup.loop = loop;
	ret = watch_open(&setup, &watch, &reason);
	if (ret) {
		fprintf(stderr, "driver: unable to watch: %s\n", reason ? reason : strerror(-ret));
		clean_up();
		return 1;
	}
	if (look_command && setup.cgroup >= 0)
		loop_after(loop, 100, on_look, NULL);
	ret = run(argv + optind, setup.cgroup >= 0);
	print(reason);
	if (event_file)
		fclose(event_file);
	watch_close(watch);
	loop_close(loop);
	clean_up();
	return ret;
}
