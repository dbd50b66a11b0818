/* SPDX-License-Identifier: MIT */
/*
 * Loading and reading the eBPF monitor (bpf/monitor.bpf.c). libbpf loads an object whole or not at
 * all. When that fails, each optional program is tried alone, and the object is loaded again
 * without those that this kernel refuses.
 *
 * Programs are attached by links, which the kernel drops with our descriptors: when this process
 * dies, the monitor ends. Links imply BPF_F_ALLOW_MULTI, so other programs on the cgroup go on.
 */
#include "tools/watch/source/monitor.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <monitor.skel.h> /* -isystem: generated code has warnings */
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

/* The programs, and what is lost without each; NULL = the monitor does not work without it. */
static const struct monitor_row {
	const char *name, *loss;
	enum monitor_place { ON_CGROUP, ON_KERNEL, ON_DEMAND } place;
} rows[] = {
	{ "monitor_sock_create", NULL, ON_CGROUP },
	{ "monitor_sock_release", NULL, ON_CGROUP },
	{ "monitor_post_bind4", NULL, ON_CGROUP },
	{ "monitor_post_bind6", NULL, ON_CGROUP },
	{ "monitor_sendmsg4", "no datagrams to servers outside the run", ON_CGROUP },
	{ "monitor_sendmsg6", "no datagrams to servers outside the run, over IPv6", ON_CGROUP },
	{ "monitor_state", "no listeners, connections or CLOSE_WAIT", ON_KERNEL },
	{ "monitor_sys_exit",
	  "no failed binds, no errors of calls, no stacks of clients, no Unix sockets", ON_KERNEL },
	{ "monitor_uring", "what fails through io_uring is not seen", ON_KERNEL },
	{ "monitor_send_reset", "resets that are sent are not counted", ON_KERNEL },
	{ "monitor_receive_reset", "resets that arrive are not counted", ON_KERNEL },
	{ "monitor_destroy", "no byte counts", ON_KERNEL },
	{ "monitor_fork", "processes are seen only when they execute a program", ON_KERNEL },
	{ "monitor_exec", "no command lines of short processes", ON_KERNEL },
	{ "monitor_exit", "no exit status and peak memory of processes", ON_KERNEL },
	{ "monitor_snapshot", "no snapshot: CLOSE_WAIT and open sockets are not listed",
	  ON_DEMAND },
	/* in place of the one before */
	{ "monitor_snapshot_files", "", ON_DEMAND },
};
enum { FILES = ARRAY_LEN(rows) - 1, SNAPSHOT = FILES - 1 };

struct monitor {
	struct monitor_setup setup;
	struct monitor_bpf *bpf;
	struct ring_buffer *ring;
	struct bpf_link *links[ARRAY_LEN(rows)];
	bool refused[ARRAY_LEN(rows)];
	const char *losses[ARRAY_LEN(rows) + 1];
	int cpus;
};

enum { PROCESSES_MAX = 32768, SNAPSHOT_SOCKETS = 1024 };

static int print_nothing(enum libbpf_print_level level, const char *format, va_list list)
{
	(void)level;
	(void)format;
	(void)list;
	return 0;
}

static const struct monitor_calls own_calls = {
#define CALL(name) .name = SYS_##name,
	MONITOR_CALLS(CALL)
#undef CALL
};

/* Our PID namespace; 0 = the initial one, whose inode is fixed (linux/proc_ns.h). */
static uint32_t read_pid_namespace(void)
{
	struct stat info;

	return stat("/proc/self/ns/pid", &info) || info.st_ino == 0xEFFFFFFC
	               ? 0
	               : (uint32_t)info.st_ino;
}

static struct monitor_bpf *open_object(const struct monitor *monitor)
{
	struct monitor_bpf *bpf = monitor_bpf__open();
	unsigned int low, high;

	if (!bpf)
		return NULL;
	bpf->rodata->everything = monitor->setup.everything;
	bpf->rodata->every_cgroup = monitor->setup.every_cgroup;
	bpf->rodata->by_process = monitor->setup.by_process;
	if (monitor->setup.by_process)
		(void)bpf_map__set_max_entries(bpf->maps.workers, PROCESSES_MAX);
	bpf->rodata->stacks_on_open = monitor->setup.stacks;
	bpf->rodata->calls = own_calls;
	bpf->rodata->page_kib = (uint32_t)(sysconf(_SC_PAGESIZE) / 1024);
	bpf->rodata->pid_namespace = read_pid_namespace();
	file_read_ephemeral(&low, &high);
	bpf->rodata->given_low = (uint16_t)low;
	bpf->rodata->given_high = (uint16_t)high;
#if !defined(__x86_64__) && !defined(__aarch64__)
	/* the program knows the system call numbers of these two only */
	bpf_program__set_autoload(bpf->progs.monitor_sys_exit, false);
#endif
	return bpf;
}

/* Load program @only; all programs that were not refused if @only is -1. */
static int try_load(struct monitor *monitor, int only, struct monitor_bpf **ret_bpf)
{
	struct monitor_bpf *bpf = open_object(monitor);
	int ret;

	if (!bpf)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(bpf->obj,
		                                                               rows[i].name);

		if (only >= 0 ? (size_t)only != i
		              : monitor->refused[i] || (i == FILES && !monitor->refused[SNAPSHOT]))
			bpf_program__set_autoload(program, false);
	}
	ret = monitor_bpf__load(bpf);
	if (ret || !ret_bpf)
		monitor_bpf__destroy(bpf);
	else
		*ret_bpf = bpf;
	return ret;
}

static int load(struct monitor *monitor)
{
	int ret = try_load(monitor, -1, &monitor->bpf);

	if (!ret)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!try_load(monitor, (int)i, NULL))
			continue;
		if (!rows[i].loss)
			return ret == -EPERM ? -EPERM : -ENOTSUP;
		monitor->refused[i] = true;
	}
	return try_load(monitor, -1, &monitor->bpf);
}

static int attach(struct monitor *monitor)
{
	size_t losses = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bpf_program *program = bpf_object__find_program_by_name(monitor->bpf->obj,
		                                                               rows[i].name);

		if (!monitor->refused[i] && rows[i].place != ON_DEMAND) {
			monitor->links[i] = rows[i].place == ON_CGROUP
			                            ? bpf_program__attach_cgroup(
							      program, monitor->setup.cgroup)
			                            : bpf_program__attach(program);
			monitor->refused[i] = !monitor->links[i];
		}
		if (monitor->refused[i] && !rows[i].loss)
			return errno ? -errno : -ENOTSUP;
		if (monitor->refused[i] && i != FILES && (i != SNAPSHOT || monitor->refused[FILES]))
			monitor->losses[losses++] = rows[i].loss;
	}
	return 0;
}

static int on_record(void *arg, void *data, size_t len)
{
	struct monitor *monitor = arg;
	const struct berth_event *event = data;

	if (len >= BERTH_EVENT_HEAD && event->version == BERTH_EVENT_VERSION && event->size <= len)
		monitor->setup.on_event(monitor->setup.arg, event);
	return 0;
}

static void on_readable(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	monitor_drain(arg);
}

static int start(struct monitor *monitor)
{
	int ret = load(monitor);

	if (ret)
		return ret;
	/* an old kernel has no global data, and libbpf then loads the object without */
	if (!monitor->bpf->bss)
		return -ENOTSUP;
	monitor->cpus = libbpf_num_possible_cpus();
	monitor->ring = ring_buffer__new(bpf_map__fd(monitor->bpf->maps.events), on_record, monitor,
	                                 NULL);
	if (!monitor->ring)
		return -errno;
	ret = attach(monitor);
	if (!ret && monitor->setup.loop)
		ret = loop_add(monitor->setup.loop, ring_buffer__epoll_fd(monitor->ring), EPOLLIN,
		               on_readable, monitor);
	return ret;
}

int monitor_open(const struct monitor_setup *setup, struct monitor **ret_monitor)
{
	struct monitor *monitor = mem_alloc(sizeof(*monitor));
	libbpf_print_fn_t before = libbpf_set_print(print_nothing);
	int ret;

	monitor->setup = *setup;
	ret = start(monitor);
	libbpf_set_print(before);
	if (ret)
		monitor_close(monitor);
	else
		*ret_monitor = monitor;
	return ret;
}

void monitor_close(struct monitor *monitor)
{
	if (!monitor)
		return;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		bpf_link__destroy(monitor->links[i]);
	if (monitor->ring && monitor->setup.loop)
		loop_remove(monitor->setup.loop, ring_buffer__epoll_fd(monitor->ring));
	ring_buffer__free(monitor->ring);
	monitor_bpf__destroy(monitor->bpf);
	free(monitor);
}

const char *const *monitor_losses(const struct monitor *monitor)
{
	return monitor->losses;
}

int monitor_worker_add(struct monitor *monitor, unsigned int number, int cgroup)
{
	uint32_t worker = number;
	uint64_t id;
	int ret = file_cgroup_id(cgroup, &id);

	if (ret)
		return ret;
	if (bpf_map_update_elem(bpf_map__fd(monitor->bpf->maps.workers), &id, &worker, BPF_ANY))
		return -errno;
	monitor->bpf->bss->worker_count++;
	return 0;
}

void monitor_worker_remove(struct monitor *monitor, int cgroup)
{
	uint64_t id;

	if (!file_cgroup_id(cgroup, &id) &&
	    !bpf_map_delete_elem(bpf_map__fd(monitor->bpf->maps.workers), &id))
		monitor->bpf->bss->worker_count--;
}

int monitor_process_add(struct monitor *monitor, unsigned int number, pid_t pid)
{
	uint32_t worker = number;
	uint64_t id = (uint64_t)pid;

	return bpf_map_update_elem(bpf_map__fd(monitor->bpf->maps.workers), &id, &worker, BPF_ANY)
	               ? -errno
	               : 0;
}

int monitor_adopt(struct monitor *monitor, int socket, const struct monitor_note *note)
{
	return bpf_map_update_elem(bpf_map__fd(monitor->bpf->maps.notes), &socket, note,
	                           BPF_NOEXIST)
	               ? -errno
	               : 0;
}

void monitor_drain(struct monitor *monitor)
{
	(void)ring_buffer__consume(monitor->ring);
}

int monitor_counts(struct monitor *monitor, unsigned int number, struct berth_counts *ret_counts)
{
	cleanup_free struct berth_counts *each = mem_alloc((size_t)monitor->cpus * sizeof(*each));
	uint32_t key = number;

	*ret_counts = (struct berth_counts){ 0 };
	if (bpf_map_lookup_elem(bpf_map__fd(monitor->bpf->maps.counts), &key, each))
		return -errno;
	for (int cpu = 0; cpu < monitor->cpus; cpu++)
		for (int i = 0; i < BERTH_COUNTS; i++)
			ret_counts->of[i] += each[cpu].of[i];
	return 0;
}

static struct bpf_link *open_iterator(struct monitor *monitor)
{
	union bpf_iter_link_info info = { .map.map_fd = (uint32_t)bpf_map__fd(
						  monitor->bpf->maps.notes) };
	struct bpf_iter_attach_opts options;

	/* libbpf checks that the padding is 0, which an initializer does not set */
	memset(&options, 0, sizeof(options));
	options.sz = sizeof(options);
	options.link_info = &info;
	options.link_info_len = sizeof(info);
	if (!monitor->refused[SNAPSHOT])
		return bpf_program__attach_iter(monitor->bpf->progs.monitor_snapshot, &options);
	monitor->bpf->bss->snapshots++;
	return bpf_program__attach_iter(monitor->bpf->progs.monitor_snapshot_files, NULL);
}

static int read_snapshot(int fd, monitor_socket_fn fn, void *arg)
{
	const size_t size = SNAPSHOT_SOCKETS * sizeof(struct berth_socket);
	cleanup_free struct berth_socket *sockets = mem_alloc(size);
	size_t len = 0;

	for (;;) {
		ssize_t got = read(fd, (char *)sockets + len, size - len);
		size_t whole;

		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return got ? -errno : 0;
		len += (size_t)got;
		whole = len / sizeof(*sockets);
		for (size_t i = 0; i < whole; i++)
			fn(arg, &sockets[i]);
		len -= whole * sizeof(*sockets);
		memmove(sockets, sockets + whole, len);
	}
}

int monitor_snapshot(struct monitor *monitor, monitor_socket_fn fn, void *arg)
{
	struct bpf_link *link;
	cleanup_close int fd = -1;
	int ret;

	link = monitor->refused[SNAPSHOT] && monitor->refused[FILES] ? NULL
	                                                             : open_iterator(monitor);
	if (!link)
		return -ENOTSUP;
	fd = bpf_iter_create(bpf_link__fd(link));
	ret = fd < 0 ? -errno : read_snapshot(fd, fn, arg);
	bpf_link__destroy(link);
	return ret;
}

bool monitor_stack(struct monitor *monitor, uint64_t cookie, bool forget,
                   struct monitor_stack *ret_stack)
{
	int map = bpf_map__fd(monitor->bpf->maps.stacks);
	bool found = !bpf_map_lookup_elem(map, &cookie, ret_stack);

	if (found && forget)
		bpf_map_delete_elem(map, &cookie);
	return found;
}

uint64_t monitor_missed(const struct monitor *monitor)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, monitor->bpf->obj)
	{
		struct bpf_prog_info info = { 0 };
		uint32_t len = sizeof(info);

		if (!bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}
