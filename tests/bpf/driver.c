/* SPDX-License-Identifier: MIT */
/*
 * A small supervisor to test the monitor alone. It runs N workers of a command, each in its own
 * cgroup, and prints what the monitor found as JSON.
 *
 *	driver [-n N] [-s ebpf|sampling] [-e FILE] [-v] [-x COMMAND -t SOCKETS] [-a PROGRAM]
 *	       [-g GRACE_MS] -- COMMAND [ARG]...
 *
 * -e: print each event into FILE, because the workers have stderr. -x: when SOCKETS are open,
 * freeze worker 1, take a snapshot, run COMMAND with the worker's cgroup directory in CGROUP, and
 * end the worker; the result has `snapshot`, and COMMAND's output as `look`.
 *
 * The time limits are small, so that tests/bpf/findings.sh does not take minutes. Each worker has
 * BERTH_RUN and BERTH_WORKER. Exit status: 0; 1 if the driver failed; 77 without cgroup v2.
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

enum { WORKERS_MAX = 64 };

static struct watch *watch;
static struct loop *loop;
static char *run_cgroup, *run_id;
static FILE *event_file;
static unsigned int worker_count = 1;
static struct test_worker {
	pid_t pid;
	int cgroup, status;
	char *path;
	bool checked;
} workers[WORKERS_MAX + 1];

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

static void kill_worker(struct test_worker *worker)
{
	cleanup_free char *text = NULL;

	if (worker->cgroup < 0)
		return;
	if (file_put_at(worker->cgroup, "cgroup.kill", "1") &&
	    !file_read_at(worker->cgroup, "cgroup.procs", &text, NULL))
		for (char *at = text; *at; at += strcspn(at, "\n"), at += *at == '\n')
			kill(atoi(at), SIGKILL);
}

/* ---- -x: the sockets of frozen worker 1, by the monitor and by COMMAND ---- */

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

static bool freeze(const struct test_worker *worker)
{
	if (file_put_at(worker->cgroup, "cgroup.freeze", "1"))
		return false;
	for (int turn = 0; turn < 200; turn++) {
		cleanup_free char *text = NULL;

		if (!file_read_at(worker->cgroup, "cgroup.events", &text, NULL) &&
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
	setenv("CGROUP", workers[1].path, 1);
	json_array_clear(snapshot);
	if (freeze(&workers[1])) {
		watch_snapshot(watch, on_socket, NULL);
		others = popen(look_command, "r");
		while (others && fgets(line, sizeof(line), others))
			str_add(&text, line);
		if (others)
			pclose(others);
	}
	look_text = str_take(&text);
	kill_worker(&workers[1]);
	file_put_at(workers[1].cgroup, "cgroup.freeze", "0");
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

/* Without a cgroup: an orphan becomes a child of this process. Call it until none is left. */
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
		if (!workers[i].checked)
			return true;
	proc_each(kill_child, &found);
	return found;
}

static void on_checked(void *arg, unsigned int number)
{
	(void)arg;
	workers[number].checked = true;
	kill_worker(&workers[number]);
}

static bool is_empty(const struct test_worker *worker)
{
	cleanup_free char *text = NULL;

	return worker->cgroup < 0 || file_read_at(worker->cgroup, "cgroup.events", &text, NULL) ||
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
			if (workers[i].pid == pid) {
				workers[i].status = status;
				watch_worker_exited(watch, i, status, on_checked, NULL);
			}
}

static int start(unsigned int number, bool with_cgroup, char **command)
{
	struct watch_worker_setup setup = { .number = number, .task = "oracle", .cgroup = -1 };
	struct test_worker *worker = &workers[number];
	char text[16];
	int ret;

	worker->cgroup = -1;
	if (with_cgroup) {
		worker->path = str_print("%s/w%u", run_cgroup, number);
		if (mkdir(worker->path, 0755))
			return -errno;
		worker->cgroup = open(worker->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	setup.cgroup = worker->cgroup;
	ret = watch_worker_begin(watch, &setup);
	if (ret)
		return ret;
	worker->pid = fork();
	if (!worker->pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		snprintf(text, sizeof(text), "%u", number);
		setenv("BERTH_RUN", run_id, 1);
		setenv("BERTH_WORKER", text, 1);
		if (worker->cgroup >= 0 && file_put_at(worker->cgroup, "cgroup.procs", "0"))
			_exit(126);
		execvp(command[0], command);
		_exit(127);
	}
	watch_worker_started(watch, number, worker->pid);
	return 0;
}

static bool all_over(void)
{
	for (unsigned int i = 1; i <= worker_count; i++)
		if (!workers[i].checked || !is_empty(&workers[i]))
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
	json_object_set_new(object, "status", json_integer(workers[number].status));
	return object;
}

static void print(const char *reason)
{
	json_t *root = json_object(), *findings = json_array(), *totals = json_array(),
	       *losses = json_array();

	for (size_t i = 0; i < watch_finding_count(watch); i++)
		json_array_append_new(findings, finding_json(watch_finding(watch, i)));
	for (unsigned int i = 1; i <= worker_count; i++)
		json_array_append_new(totals, json_counts(i));
	for (const char *const *loss = watch_losses(watch); *loss; loss++)
		json_array_append_new(losses, json_string(*loss));
	json_object_set_new(root, "source", json_string(reason));
	json_object_set_new(root, "missed", json_integer((json_int_t)watch_missed(watch)));
	json_object_set_new(root, "losses", losses);
	json_object_set_new(root, "findings", findings);
	json_object_set_new(root, "workers", totals);
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
		if (workers[i].path)
			rmdir(workers[i].path);
	if (run_cgroup)
		rmdir(run_cgroup);
}

int main(int argc, char **argv)
{
	struct finding_rule allow = { 0 };
	struct watch_policy policy = { .grace_ms = 400,
		                       .sample_ms = 100,
		                       .close_wait_ms = 300,
		                       .growth_ms = 1000,
		                       .allow = &allow };
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
