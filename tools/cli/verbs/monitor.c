/* SPDX-License-Identifier: MIT */
/*
 * `berth monitor` prints socket events as they happen: of one run, of one process and its
 * descendants, or of the whole machine. It needs eBPF, because sampling sees no events. It ends
 * with Ctrl-C or with the last process, and then prints how many events it lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/process/confine.h"
#include "tools/base/diag.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/common/live.h"
#include "tools/cli/common/maps.h"
#include "tools/limits/cgroup.h"
#include "tools/process/family.h"
#include "tools/state/state.h"
#include "tools/process/proc.h"
#include "tools/watch/watch.h"

static struct live {
	struct loop *loop;
	bool json, over;
	struct pids tree;  /* --pid: the processes that have not ended */
	int64_t offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
	/* by worker; NULL: none, and all ports are shown as the kernel has them */
	const struct berth_portmap *maps[BERTH_WORKERS_MAX + 1];
} live;

static const char *const tags[BERTH_EVENT_TAGS] = {
	[BERTH_EVENT_OPENED] = "opened",
	[BERTH_EVENT_BOUND] = "bound",
	[BERTH_EVENT_BIND_FAILED] = "bind failed",
	[BERTH_EVENT_LISTENING] = "listening",
	[BERTH_EVENT_UNLISTENED] = "unlistened",
	[BERTH_EVENT_CONNECTED] = "connected",
	[BERTH_EVENT_CONNECT_FAILED] = "connect failed",
	[BERTH_EVENT_ACCEPTED] = "accepted",
	[BERTH_EVENT_CLOSED] = "closed",
	[BERTH_EVENT_CALL_FAILED] = "call failed",
	[BERTH_EVENT_FORKED] = "forked",
	[BERTH_EVENT_EXECUTED] = "executed",
	[BERTH_EVENT_EXITED] = "exited",
	[BERTH_EVENT_SENT] = "sent to",
	[BERTH_EVENT_ADOPTED] = "open already",
};
static const char *const hows[] = { "by the program", "by exit", "by exec" };

struct port_pair {
	uint16_t virtual, real;
};

/* An event has the real port, except where the kernel refused what the suite had asked for. */
static struct port_pair ports_of(const struct berth_event *event, uint16_t port)
{
	const struct berth_portmap *map = event->worker <= BERTH_WORKERS_MAX
	                                          ? live.maps[event->worker]
	                                          : NULL;
	struct port_pair pair = { port, port };

	if (!map)
		return pair;
	pair.virtual = berth_portmap_virtual(map, port);
	if (pair.virtual == port)
		pair.real = berth_portmap_real(map, (enum berth_proto)event->proto, port);
	pair.real = pair.real ? pair.real : port;
	return pair;
}

static void add_address(struct str *text, const struct berth_event *event,
                        const struct berth_ip *ip, uint16_t port)
{
	struct port_pair pair = ports_of(event, port);
	char address[DIAG_ADDRESS];

	str_add(text, diag_address(ip, event->family, pair.virtual, address));
	if (pair.real != pair.virtual)
		str_addf(text, " (real %u)", pair.real);
}

static void add_addresses(struct str *text, const struct berth_event *event)
{
	if (event->local_port) {
		str_add(text, " ");
		add_address(text, event, &event->local, event->local_port);
	}
	if (event->remote_port) {
		str_add(text, " -> ");
		add_address(text, event, &event->remote, event->remote_port);
	}
}

/* Escape the process's name: any process can put terminal control sequences into it. */
static char *name_of(const struct berth_event *event)
{
	return proc_parse_command(event->comm, strnlen(event->comm, BERTH_COMM), BERTH_COMM);
}

static void print_line(const struct berth_event *event)
{
	cleanup_str struct str text = { 0 };
	int64_t wall_ns = (int64_t)event->time_ns + live.offset_ns;
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm parts;
	cleanup_free char *name = name_of(event);
	char clock[16];

	localtime_r(&seconds, &parts);
	strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
	str_addf(&text, "%s.%03d  ", clock, (int)(wall_ns / 1000000 % 1000));
	if (event->worker)
		str_addf(&text, "w%-3u ", event->worker);
	str_addf(&text, "%-15s %7u  %s", name, event->pid, tags[event->tag]);
	add_addresses(&text, event);
	if (event->tag == BERTH_EVENT_CLOSED)
		str_addf(&text, " %s", event->how <= BERTH_CLOSED_EXEC ? hows[event->how] : "");
	else if (event->tag == BERTH_EVENT_EXITED)
		str_addf(&text, " %s %d", event->error & 0x7f ? "by signal" : "with status",
		         event->error & 0x7f ? event->error & 0x7f : event->error >> 8 & 0xff);
	else if (event->tag == BERTH_EVENT_ADOPTED && event->count)
		str_add(&text, ", listens");
	else if (event->error)
		str_addf(&text, ": %s", strerror(event->error));
	puts(text.text);
}

static void add_json_address(json_t *object, const char *end, const struct berth_event *event,
                             const struct berth_ip *ip, uint16_t port)
{
	struct port_pair pair = ports_of(event, port);
	cleanup_free char *real = str_print("%s_real_port", end);
	char address[DIAG_ADDRESS];

	json_object_set_new(object, end,
	                    json_string(diag_address(ip, event->family, pair.virtual, address)));
	json_object_set_new(object, real, json_integer(pair.real));
}

static void print_json(const struct berth_event *event)
{
	cleanup_free char *name = name_of(event), *line = NULL;
	json_t *object = json_pack(
		"{s:s, s:I, s:i, s:i, s:o}", "event", tags[event->tag], "time_ms",
		(json_int_t)(((int64_t)event->time_ns + live.offset_ns) / 1000000), "worker",
		(int)event->worker, "pid", (int)event->pid, "name", json_text(name));

	if (event->local_port)
		add_json_address(object, "local", event, &event->local, event->local_port);
	if (event->remote_port)
		add_json_address(object, "remote", event, &event->remote, event->remote_port);
	if (event->error)
		json_object_set_new(object, "error", json_integer(event->error));
	line = json_dumps(object, JSON_COMPACT);
	puts(line);
	json_decref(object);
}

static bool has_process(pid_t pid)
{
	for (size_t i = 0; i < live.tree.count; i++)
		if (live.tree.list[i] == pid)
			return true;
	return false;
}

static void follow(const struct berth_event *event)
{
	for (size_t i = 0; event->tag == BERTH_EVENT_EXITED && i < live.tree.count; i++)
		if (live.tree.list[i] == (pid_t)event->pid) {
			live.tree.list[i] = live.tree.list[--live.tree.count];
			live.over = !live.tree.count;
			return;
		}
	if (event->tag == BERTH_EVENT_FORKED && !has_process((pid_t)event->pid))
		pids_add(&live.tree, (pid_t)event->pid);
}

static void on_event(void *arg, const struct berth_event *event)
{
	(void)arg;
	if (live.tree.count)
		follow(event);
	if (event->tag >= BERTH_EVENT_TAGS || !tags[event->tag])
		return;
	(live.json ? print_json : print_line)(event);
	fflush(stdout);
}

static void on_signal(void *arg, int fd, uint32_t events)
{
	(void)arg;
	(void)fd;
	(void)events;
	live.over = true;
}

/* The cgroups of a run's workers lie in the run's cgroup and are named w1, w2 ... */
static void add_workers(struct watch *watch, const struct run_state *run)
{
	for (size_t i = 0; i < run->worker_count; i++) {
		cleanup_free char *path = str_print("%s/w%u", run->cgroup_dir,
		                                    run->workers[i].number);
		struct watch_worker_setup worker = { .number = run->workers[i].number,
			                             .task = run->workers[i].task };

		if (worker.number <= BERTH_WORKERS_MAX)
			(void)maps_open(&run->workers[i], &live.maps[worker.number]);
		worker.cgroup = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (worker.cgroup >= 0)
			(void)watch_worker_begin(watch, &worker);
	}
}

/*
 * Repeat until a pass finds no new process. The monitor reports what is forked after the last pass.
 * Return: -ESRCH if the process does not exist.
 */
static int add_tree(struct watch *watch, pid_t root)
{
	int ret = watch_process_add(watch, 1, root);

	if (ret)
		return ret;
	pids_add(&live.tree, root);
	for (size_t before = 0; before != live.tree.count;) {
		cleanup_pids struct pids found = { 0 };

		before = live.tree.count;
		process_descendants(root, &found);
		for (size_t i = 0; i < found.count; i++)
			if (!has_process(found.list[i]) &&
			    !watch_process_add(watch, 1, found.list[i]))
				pids_add(&live.tree, found.list[i]);
	}
	return 0;
}

static void print_end(struct watch *watch, bool every)
{
	struct watch_summary summary;
	uint64_t lost = 0;

	for (unsigned int i = every ? 0 : 1; i <= BERTH_WORKERS_MAX; i++)
		if (!watch_worker_summary(watch, i, &summary))
			lost += summary.counts.of[BERTH_COUNT_lost_events];
	log_line("%llu events lost, %llu calls missed", (unsigned long long)lost,
	         (unsigned long long)watch_missed(watch));
}

/* The processes to watch; a run's workers are watched by their cgroups. */
static int add_what(struct watch *watch, const struct cli *cli, const struct run_state *run)
{
	int ret = cli->pid ? add_tree(watch, (pid_t)cli->pid) : 0;

	if (run)
		add_workers(watch, run);
	if (ret)
		log_line("unable to watch process %u: %s", cli->pid, strerror(-ret));
	return ret;
}

static int watch_live(struct cli *cli, const struct run_state *run)
{
	cleanup_close int cgroup = run ? open(run->cgroup_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
	                               : cgroup_open_root();
	cleanup_close int signals = -1;
	struct watch_setup setup = { .requested_source = WATCH_BPF,
		                     .cgroup = cgroup,
		                     .everything = true,
		                     .every_cgroup = cli->all,
		                     .by_process = cli->pid != 0,
		                     .on_event = on_event };
	cleanup_free char *reason = NULL;
	struct watch *watch;
	sigset_t ending;
	int ret;

	sigemptyset(&ending);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &ending, NULL);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	ret = loop_open(&live.loop);
	if (ret)
		return 1;
	setup.loop = live.loop;
	ret = watch_open(&setup, &watch, &reason);
	if (ret) {
		log_line("unable to watch: %s",
		         ret == -ENOTSUP && reason ? reason : strerror(-ret));
		log_hint("sudo berth monitor");
		loop_close(live.loop);
		return 1;
	}
	live.json = cli->json;
	live.offset_ns = clock_wall_ns() - clock_ns();
	live.over = add_what(watch, cli, run) != 0;
	ret = live.over ? 1 : 0;
	loop_add(live.loop, signals, EPOLLIN, on_signal, NULL);
	(void)confine(CONFINE_MONITOR, CONFINE_FOR_BPF);
	while (!live.over && !ferror(stdout) && !loop_step(live.loop, -1))
		;
	if (!ret)
		print_end(watch, cli->all);
	watch_close(watch);
	loop_close(live.loop);
	pids_free(&live.tree);
	return ret;
}

int verb_monitor(struct cli *cli)
{
	struct run_state run;
	int ret;

	if (cli->all + (cli->pid != 0) + (cli->run_id != NULL) > 1)
		return cli_usage(cli, "choose one of --run, --pid and --all");
	if (cli->all || cli->pid)
		return watch_live(cli, NULL);
	ret = live_find(cli->run_id, &run);
	if (ret)
		(void)live_missing(cli->run_id, ret);
	else if (!run.cgroup_dir)
		log_line("unable to monitor run %s: it has no cgroup v2 that marks its processes",
		         run.id);
	if (ret || !run.cgroup_dir) {
		log_hint("berth monitor --all shows the whole machine");
		return 1;
	}
	ret = watch_live(cli, &run);
	state_free(&run);
	return ret;
}
