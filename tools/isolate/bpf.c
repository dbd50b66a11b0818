/* SPDX-License-Identifier: MIT */
/*
 * The bpf backend in the supervisor: loads the programs of bpf/remap.bpf.c, attaches them to the
 * run's cgroup, and gives each worker a port map.
 *
 * Theory of operation. A worker's port map exists twice: the kernel's copy, which decides, and the
 * file, which `berth env`, `berth ps` and the records read. The kernel's copy is mapped here
 * (BPF_F_MMAPABLE), so both are plain memory with the same layout. It starts as a copy of the file.
 * What the kernel claims is copied back when its event arrives.
 *
 * The kernel does not see how bind(2) ends. Success shows (post_bind -> BOUND). A first try that
 * shows nothing within SETTLE_MS is checked here. If a socket has the real port, it is an
 * outsider's, because post_bind misses no bind of the worker; then the virtual port moves. The
 * suite has seen one EADDRINUSE by then, and the note names the cause.
 *
 * The kernel has no hook for Unix socket paths and /proc/net: the shim is preloaded for these
 * alone.
 *
 * Programs are attached as links, which end with this process. Nothing is attached outside the
 * run's cgroup, and nothing of others is detached.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bpf/remap.h"
#include "core/policy.h"
#include "remap.skel.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/isolate/backend.h"
#include "tools/isolate/bpf_selftest.h"
#include "tools/process/procfs.h"

enum { SETTLE_MS = 50, UNSETTLED_MAX = 32, LINKS_MAX = 16 };

#define SELFTEST_CGROUP "berth-selftest"

/* the first bind of a real port, whose result is not known yet */
struct unsettled_bind {
	struct berth_note note;
	bool used;
};

struct bpf_worker {
	struct berth_portmap *kernel; /* NULL = there is no such worker */
	struct berth_portmap *file;
	int cgroup; /* borrowed */
	struct unsettled_bind unsettled[UNSETTLED_MAX];
};

struct bpf_backend {
	struct remap_bpf *skel;
	struct bpf_link *links[LINKS_MAX];
	struct ring_buffer *ring;
	struct loop *loop;
	struct loop_timer *timer;
	struct bpf_worker *workers; /* by number - 1 */
	unsigned int count;
	struct berth_portmap *maps; /* of the kernel, by number; 0: of the self-test */
};

/* --- the two copies --------------------------------------------------------------------------- */

/* Let the programs find map @index by @cgroup. */
static int publish(struct bpf_backend *backend, int cgroup, uint32_t index)
{
	uint64_t id;
	int ret = file_cgroup_id(cgroup, &id);

	return ret ? ret
	           : bpf_map__update_elem(backend->skel->maps.workers, &id, sizeof(id), &index,
	                                  sizeof(index), BPF_ANY);
}

static void unpublish(struct bpf_backend *backend, int cgroup)
{
	uint64_t id;

	if (!file_cgroup_id(cgroup, &id))
		bpf_map__delete_elem(backend->skel->maps.workers, &id, sizeof(id), 0);
}

static int map_kernel_side(struct bpf_backend *backend)
{
	size_t size = (backend->count + 1) * sizeof(struct berth_portmap);
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
	                bpf_map__fd(backend->skel->maps.maps), 0);

	if (at == MAP_FAILED)
		return -errno;
	backend->maps = at;
	return 0;
}

/* Copy what the kernel has claimed into the file, where no one else writes these fields. */
static void mirror(const struct bpf_worker *worker)
{
	const struct berth_portmap *from = worker->kernel;
	struct berth_portmap *to = worker->file;

	for (uint32_t i = 0, slots = berth_portmap_slots(from); i < slots; i++) {
		uint32_t port = __atomic_load_n(&from->slots[i].virtual_port, __ATOMIC_ACQUIRE) %
		                BERTH_PORTS;

		__atomic_store_n(&to->slots[i].state, from->slots[i].state, __ATOMIC_RELAXED);
		__atomic_store_n(&to->slots[i].virtual_port, port, __ATOMIC_RELEASE);
		for (int proto = 0; port && proto < BERTH_PROTOS; proto++)
			__atomic_store_n(&to->forward[proto][port], from->forward[proto][port],
			                 __ATOMIC_RELEASE);
	}
}

/* --- events of the kernel --------------------------------------------------------------------- */

/* Add the name of the process, if it still exists: the programs have no access to it. */
static void name_process(struct berth_note *note)
{
	cleanup_free char *name = NULL;

	if (proc_read_file((pid_t)note->pid, "comm", &name, NULL))
		return;
	name[strcspn(name, "\n")] = 0;
	snprintf(note->text, sizeof(note->text), "%s", name);
}

/* True if a socket has @note's real port, at the address of the bind or at all addresses. */
static bool is_port_taken(const struct berth_note *note)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
		                        .sin6_port = htons(note->real_port) };
	cleanup_close int fd = socket(
		AF_INET6, (note->proto == BERTH_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return false;
	memcpy(&address.sin6_addr, note->ip.word_be, sizeof(address.sin6_addr));
	/* with it on both sockets, this check cannot make a bind of the worker fail */
	if (note->proto == BERTH_TCP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) && errno == EADDRINUSE;
}

static void settle(struct bpf_worker *worker, struct berth_note *note)
{
	struct berth_portmap *map = worker->kernel;
	struct berth_decision decision = { .proto = (uint8_t)note->proto,
		                           .port = note->virtual_port,
		                           .real_port = note->real_port };
	uint32_t slot = berth_portmap_slot(map, note->real_port);
	uint32_t contended = BERTH_SLOT_CONTENDED;

	if (slot >= BERTH_SLOTS_MAX || map->slots[slot].state == BERTH_SLOT_BOUND)
		return;
	/* several tries, none of which reached post_bind, count as one */
	__atomic_compare_exchange_n(&map->slots[slot].state, &contended, BERTH_SLOT_TRYING, false,
	                            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
	/* without a holder, bind(2) has failed for another reason */
	berth_bind_failed(map, is_port_taken(note) ? EADDRINUSE : EINVAL, &decision);
	if (decision.verdict == BERTH_USE)
		berth_portmap_untry(map, decision.real_port); /* no one binds it now */
	note->kind = decision.note;
	note->error = decision.error;
	if (note->kind)
		berth_portmap_note(worker->file, note);
}

static void on_settle(void *arg)
{
	struct bpf_backend *backend = arg;

	backend->timer = NULL;
	for (unsigned int i = 0; i < backend->count; i++) {
		struct bpf_worker *worker = &backend->workers[i];

		for (unsigned int j = 0; worker->kernel && j < UNSETTLED_MAX; j++) {
			if (worker->unsettled[j].used)
				settle(worker, &worker->unsettled[j].note);
			worker->unsettled[j].used = false;
		}
		if (worker->kernel)
			mirror(worker);
	}
}

/*
 * If the list is full the try stays unsettled: then a later EADDRINUSE counts as the worker's own.
 */
static void settle_later(struct bpf_backend *backend, struct bpf_worker *worker,
                         const struct berth_note *note)
{
	for (unsigned int i = 0; i < UNSETTLED_MAX; i++) {
		if (worker->unsettled[i].used)
			continue;
		worker->unsettled[i] = (struct unsettled_bind){ .note = *note, .used = true };
		break;
	}
	if (!backend->timer)
		backend->timer = loop_after(backend->loop, SETTLE_MS, on_settle, backend);
}

static int on_event(void *arg, void *data, size_t size)
{
	struct bpf_backend *backend = arg;
	struct remap_event event;
	struct bpf_worker *worker;

	if (size < sizeof(event))
		return 0;
	memcpy(&event, data, sizeof(event));
	if (!event.worker || event.worker > backend->count ||
	    !backend->workers[event.worker - 1].kernel)
		return 0; /* the self-test, or a worker that has ended */
	worker = &backend->workers[event.worker - 1];
	if (event.kind == REMAP_FIRST_TRY) {
		settle_later(backend, worker, &event.note);
	} else {
		name_process(&event.note);
		berth_portmap_note(worker->file, &event.note);
	}
	mirror(worker);
	return 0;
}

static void on_ring(void *arg, int fd, uint32_t events)
{
	struct bpf_backend *backend = arg;

	(void)fd;
	(void)events;
	ring_buffer__consume(backend->ring);
}

/* --- life ------------------------------------------------------------------------------------- */

static void close_backend(void *arg)
{
	struct bpf_backend *backend = arg;

	if (!backend)
		return;
	if (backend->ring && backend->loop)
		loop_remove(backend->loop, ring_buffer__epoll_fd(backend->ring));
	loop_cancel(backend->loop, backend->timer);
	if (backend->maps)
		munmap(backend->maps, (backend->count + 1) * sizeof(*backend->maps));
	for (unsigned int i = 0; i < LINKS_MAX; i++)
		bpf_link__destroy(backend->links[i]);
	ring_buffer__free(backend->ring);
	remap_bpf__destroy(backend->skel);
	free(backend->workers);
	free(backend);
}

/* libbpf prints to stderr, which belongs to the user's command. */
static int keep_quiet(enum libbpf_print_level level, const char *format, va_list list)
{
	(void)level;
	(void)format;
	(void)list;
	return 0;
}

/* bpf_loop() came with Linux 5.17, bpf_set_retval() with 5.18. */
static bool is_too_old(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL) ==
	       0;
}

static int load(struct bpf_backend *backend, char **ret_reason)
{
	int ret = -ENOMEM;

	backend->skel = remap_bpf__open();
	if (backend->skel)
		ret = bpf_map__set_max_entries(backend->skel->maps.maps, backend->count + 1);
	if (!ret)
		ret = remap_bpf__load(backend->skel);
	if (!ret)
		ret = map_kernel_side(backend);
	if (!ret)
		return 0;
	errno = -ret;
	if (errno == EPERM || errno == EACCES)
		*ret_reason = str_copy(
			"no privilege to load BPF programs (CAP_BPF, CAP_PERFMON and "
			"CAP_NET_ADMIN)");
	else
		*ret_reason = str_print("the kernel refuses the BPF programs: %s%s",
		                        strerror(errno),
		                        is_too_old() ? " (they need Linux 5.18)" : "");
	return -ENOTSUP;
}

static int attach(struct bpf_backend *backend, int cgroup, char **ret_reason)
{
	struct bpf_program *program;
	unsigned int i = 0;

	bpf_object__for_each_program(program, backend->skel->obj)
	{
		backend->links[i] = bpf_program__attach_cgroup(program, cgroup);
		if (!backend->links[i++]) {
			*ret_reason = str_print(
				"BPF program '%s' cannot be attached to the run's cgroup: %s%s",
				bpf_program__name(program), strerror(errno),
				errno == EPERM ? ", a program above it allows no other" : "");
			return -ENOTSUP;
		}
	}
	return 0;
}

static int selftest_in(struct bpf_backend *backend, int cgroup, char **ret_reason)
{
	const char *reason = NULL;
	int ret = bpf_selftest_prepare(&backend->maps[0]);

	if (!ret)
		ret = publish(backend, cgroup, 0);
	if (!ret)
		ret = bpf_selftest_run(cgroup, &backend->maps[0], &reason);
	unpublish(backend, cgroup);
	if (!ret)
		return 0;
	*ret_reason = str_print("attached, but the self-test failed: %s",
	                        reason ? reason : strerror(-ret));
	return -ENOTSUP;
}

static int selftest(struct bpf_backend *backend, int parent, char **ret_reason)
{
	cleanup_close int cgroup = -1;
	int ret;

	if (mkdirat(parent, SELFTEST_CGROUP, 0755) && errno != EEXIST) {
		*ret_reason = str_print("no cgroup can be made below the run's: %s",
		                        strerror(errno));
		return -ENOTSUP;
	}
	cgroup = openat(parent, SELFTEST_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ret = cgroup < 0 ? -errno : selftest_in(backend, cgroup, ret_reason);
	unlinkat(parent, SELFTEST_CGROUP, AT_REMOVEDIR);
	return ret;
}

static int prepare(struct bpf_backend *backend, int cgroup, char **ret_reason)
{
	int ret;

	/*
	 * an outer run's programs run after ours, but on the way out they would have to run first
	 */
	if (getenv("BERTH_RUN")) {
		*ret_reason = str_copy(
			"this is a worker of another run, which rewrites addresses as well");
		return -ENOTSUP;
	}
	if (cgroup < 0) {
		*ret_reason = str_copy("no cgroup v2 directory can be made here");
		return -ENOTSUP;
	}
	ret = load(backend, ret_reason);
	if (!ret)
		ret = attach(backend, cgroup, ret_reason);
	if (!ret)
		ret = selftest(backend, cgroup, ret_reason);
	return ret;
}

static int open_backend(const struct isolate_setup *setup, void **ret_backend, char **ret_reason)
{
	struct bpf_backend *backend = mem_alloc(sizeof(*backend));
	libbpf_print_fn_t print = libbpf_set_print(keep_quiet);
	int ret;

	backend->loop = setup->loop;
	backend->count = setup->workers;
	backend->workers = mem_alloc((setup->workers ? setup->workers : 1) *
	                             sizeof(*backend->workers));
	ret = prepare(backend, setup->cgroup, ret_reason);
	if (!ret) {
		backend->ring = ring_buffer__new(bpf_map__fd(backend->skel->maps.events), on_event,
		                                 backend, NULL);
		ret = backend->ring ? 0 : -errno;
	}
	if (!ret && setup->loop)
		ret = loop_add(setup->loop, ring_buffer__epoll_fd(backend->ring), EPOLLIN, on_ring,
		               backend);
	libbpf_set_print(print);
	if (ret) {
		close_backend(backend);
		return ret;
	}
	*ret_reason = str_copy("loaded, attached and tested in the run's cgroup");
	*ret_backend = backend;
	return 0;
}

static int worker_begin(void *arg, const struct isolate_worker *given)
{
	struct bpf_backend *backend = arg;
	struct bpf_worker *worker;
	int ret;

	if (given->cgroup < 0)
		return -EINVAL;
	worker = &backend->workers[given->number - 1];
	memcpy(&backend->maps[given->number], given->map, sizeof(*given->map));
	ret = publish(backend, given->cgroup, given->number);
	if (!ret)
		*worker = (struct bpf_worker){ .kernel = &backend->maps[given->number],
			                       .file = given->map,
			                       .cgroup = given->cgroup };
	return ret;
}

static void worker_end(void *arg, unsigned int number)
{
	struct bpf_backend *backend = arg;
	struct bpf_worker *worker = &backend->workers[number - 1];

	if (!worker->kernel)
		return;
	ring_buffer__consume(backend->ring);
	mirror(worker);
	unpublish(backend, worker->cgroup);
	memset(worker, 0, sizeof(*worker));
}

static uint64_t lost(void *arg)
{
	const struct bpf_backend *backend = arg;

	/* NULL if libbpf could not map it */
	return backend->skel->bss ? backend->skel->bss->lost : 0;
}

const struct isolate_ops isolate_bpf = {
	.name = "bpf",
	.kernel_rewrites = true,
	.open = open_backend,
	.worker_begin = worker_begin,
	.end = worker_end,
	.lost = lost,
	.close = close_backend,
};
