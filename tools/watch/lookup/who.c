/* SPDX-License-Identifier: MIT */
/*
 * Who has a port, in two passes. The first asks every network namespace that has a process for its
 * sockets on the port (sock_diag). The second walks over /proc: it describes the processes that
 * have those inodes open, and reads the port maps of workers, where the port may be a virtual one.
 *
 * A socket can have several owners (fork, SCM_RIGHTS) or none (TIME_WAIT, orphans in FIN_WAIT, a
 * connection that no process has accepted). Both are normal, and the result shows them.
 */
#include "tools/watch/lookup/who.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/abstract.h"
#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/base/table.h"

enum { ANCESTORS_MAX = 32 };

struct who_search {
	struct who *who;
	uint64_t netns;          /* being listed now */
	uint64_t home;           /* our own */
	struct table namespaces; /* by inode: those that were listed */
	char **maps;             /* strv of paths: those that were read */
};

/* ---- sockets, in every namespace ---- */

static void on_socket(void *arg, const struct diag_socket *socket)
{
	struct who_search *search = arg;
	struct who *who = search->who;

	if (!diag_state_holds(socket))
		return;
	who->sockets = mem_grow(who->sockets, who->socket_count + 1, sizeof(*who->sockets));
	who->sockets[who->socket_count++] = (struct who_socket){
		.socket = *socket, .netns = search->netns, .here = search->netns == search->home
	};
}

static bool on_path(void *arg, const struct proc_unix *entry)
{
	struct who_search *search = arg;
	struct diag_socket socket = { .family = AF_UNIX,
		                      .local_port = 1, /* it is bound */
		                      .state = entry->listening ? DIAG_LISTEN : DIAG_ESTABLISHED,
		                      .inode = (uint32_t)entry->inode };

	if (!strcmp(entry->path, search->who->name) ||
	    !strcmp(berth_abstract_plain(entry->path), search->who->name))
		on_socket(search, &socket);
	return true;
}

static int dump_namespace(struct who_search *search, int netns)
{
	const struct diag_filter filter = { .first = search->who->port, .last = search->who->port };

	return diag_each(netns, &filter, on_socket, search);
}

static bool visit_namespace(void *arg, pid_t pid)
{
	struct who_search *search = arg;
	uint64_t netns = proc_namespace(pid, "net");
	cleanup_free char *path = str_print("/proc/%d/ns/net", pid);
	cleanup_close int fd = -1;

	if (!netns || table_get(&search->namespaces, netns))
		return true;
	table_set(&search->namespaces, netns, search);
	search->netns = netns;
	if (!search->who->port) {
		search->who->hidden_namespaces += !!proc_each_unix(pid, on_path, search);
		return true;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if ((fd < 0 || dump_namespace(search, fd)) &&
	    diag_read_proc(pid, search->who->port, on_socket, search))
		search->who->hidden_namespaces++;
	return true;
}

/* ---- virtual ports ---- */

static void add_virtual(struct who_search *search, const struct berth_portmap *map,
                        const struct who_map *from)
{
	uint16_t port = search->who->port, real = berth_portmap_real(map, BERTH_TCP, port);
	struct who *who = search->who;

	if (!real)
		real = berth_portmap_real(map, BERTH_UDP, port);
	if (!real || real == port)
		return;
	who->virtuals = mem_grow(who->virtuals, who->virtual_count + 1, sizeof(*who->virtuals));
	who->virtuals[who->virtual_count++] = (struct who_virtual){ .run = str_copy(from->run),
		                                                    .task = str_copy(from->task),
		                                                    .worker = map->worker,
		                                                    .real_port = real };
}

/* The map file may belong to another user: check its size and header before use. */
static const struct berth_portmap *open_map(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const struct berth_portmap *map;
	struct stat info;

	if (fd < 0 || fstat(fd, &info) || !S_ISREG(info.st_mode) ||
	    info.st_size < (off_t)sizeof(*map))
		return NULL;
	map = mmap(NULL, sizeof(*map), PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return NULL;
	if (berth_portmap_valid(map))
		return map;
	munmap((void *)(uintptr_t)map, sizeof(*map));
	return NULL;
}

static void visit_map(struct who_search *search, const struct who_map *from)
{
	const struct berth_portmap *map;

	if (strv_has(search->maps, from->path))
		return;
	strv_add(&search->maps, from->path);
	map = open_map(from->path);
	if (!map)
		return;
	add_virtual(search, map, from);
	munmap((void *)(uintptr_t)map, sizeof(*map));
}

static uint16_t find_virtual_port(const struct proc_info *info, uint16_t port)
{
	const struct berth_portmap *map = info->owner.map_path ? open_map(info->owner.map_path)
	                                                       : NULL;
	uint16_t virtual_port;

	if (!map)
		return 0;
	virtual_port = berth_portmap_virtual(map, port);
	munmap((void *)(uintptr_t)map, sizeof(*map));
	return virtual_port == port ? 0 : virtual_port;
}

/* ---- processes ---- */

static void add_ancestors(struct who_holder *holder)
{
	pid_t pid = holder->info.stat.ppid;

	while (pid > 0 && holder->ancestor_count < ANCESTORS_MAX) {
		struct who_ancestor *one;
		struct proc_stat stat;

		if (proc_read_stat(pid, &stat))
			return;
		holder->ancestors = mem_grow(holder->ancestors, holder->ancestor_count + 1,
		                             sizeof(*holder->ancestors));
		one = &holder->ancestors[holder->ancestor_count++];
		one->pid = pid;
		memcpy(one->comm, stat.comm, sizeof(one->comm));
		pid = stat.ppid;
	}
}

/* The systemd unit: the last part of the cgroup that is a service, "postgresql@15-main.service". */
static char *read_unit(pid_t pid)
{
	cleanup_free char *text = NULL;
	cleanup_strv char **parts = NULL;
	char *unit = NULL;

	if (proc_read_file(pid, "cgroup", &text, NULL))
		return NULL;
	parts = strv_split(text, "/\n");
	for (char **part = parts; part && *part; part++)
		if (str_ends(*part, ".service") && !str_starts(*part, "user@")) {
			free(unit);
			unit = str_copy(*part);
		}
	return unit;
}

static struct who_holder *holder_for(struct who *who, pid_t pid)
{
	struct who_holder holder = { 0 };

	/* the walk visits the descriptors of a process one after another */
	if (who->holder_count && who->holders[who->holder_count - 1].info.stat.pid == pid)
		return &who->holders[who->holder_count - 1];
	if (proc_read(pid, &holder.info))
		return NULL;
	add_ancestors(&holder);
	holder.virtual_port = find_virtual_port(&holder.info, who->port);
	holder.unit = read_unit(pid);
	who->holders = mem_grow(who->holders, who->holder_count + 1, sizeof(*who->holders));
	who->holders[who->holder_count] = holder;
	return &who->holders[who->holder_count++];
}

static void on_descriptor(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct who *who = arg;
	struct who_holder *holder;

	(void)fd;
	for (size_t i = 0; i < who->socket_count; i++) {
		if (!inode || who->sockets[i].socket.inode != inode)
			continue;
		holder = holder_for(who, pid);
		if (!holder)
			return;
		for (size_t k = 0; k < holder->socket_count; k++)
			if (holder->sockets[k] == i)
				return; /* a second descriptor of the same socket */
		holder->sockets = mem_grow(holder->sockets, holder->socket_count + 1,
		                           sizeof(*holder->sockets));
		holder->sockets[holder->socket_count++] = i;
		who->sockets[i].holders++;
		return;
	}
}

static bool visit_process(void *arg, pid_t pid)
{
	struct who_search *search = arg;
	cleanup_owner struct proc_owner owner = { 0 };

	if (proc_each_socket(pid, on_descriptor, search->who) == -EACCES)
		search->who->hidden_processes++;
	if (!owner_read(pid, &owner) && owner.map_path && owner.run)
		visit_map(search, &(struct who_map){ .path = owner.map_path,
		                                     .run = owner.run,
		                                     .task = owner.task });
	return true;
}

static enum who_verdict find_verdict(const struct who *who)
{
	/* a port in another network namespace is another port */
	enum who_verdict verdict = WHO_FREE;

	for (size_t i = 0; i < who->socket_count; i++) {
		if (who->sockets[i].here && who->sockets[i].holders)
			return WHO_OWNED;
		if (who->sockets[i].here)
			verdict = WHO_INVISIBLE;
	}
	return verdict;
}

static void on_real(void *arg, const struct diag_socket *socket)
{
	*(bool *)arg |= diag_state_holds(socket);
}

static void check_virtuals(struct who *who)
{
	struct diag *diag;

	if (!who->virtual_count || diag_open(-1, &diag))
		return;
	for (size_t i = 0; i < who->virtual_count; i++) {
		const struct diag_filter filter = { .first = who->virtuals[i].real_port,
			                            .last = who->virtuals[i].real_port };

		(void)diag_dump(diag, &filter, on_real, &who->virtuals[i].held);
	}
	diag_close(diag);
}

/* @who has what is asked for. */
static int find(struct who *who, const struct who_map *maps, size_t map_count, struct who **ret_who)
{
	struct who_search search = { .who = who, .home = proc_namespace(getpid(), "net") };
	int ret;

	search.netns = search.home;
	table_set(&search.namespaces, search.home, &search);
	ret = who->port ? dump_namespace(&search, -1) : proc_each_unix(getpid(), on_path, &search);
	if (!ret)
		ret = proc_each(visit_namespace, &search);
	for (size_t i = 0; !ret && i < map_count; i++)
		visit_map(&search, &maps[i]);
	if (!ret)
		ret = proc_each(visit_process, &search);
	check_virtuals(who);
	who->verdict = find_verdict(who);
	table_free(&search.namespaces, NULL);
	strv_free(search.maps);
	if (ret)
		who_free(who);
	else
		*ret_who = who;
	return ret;
}

int who_find(uint16_t port, const struct who_map *maps, size_t map_count, struct who **ret_who)
{
	struct who *who = mem_alloc(sizeof(*who));

	who->port = port;
	who->name = str_print("%u", port);
	return find(who, maps, map_count, ret_who);
}

int who_find_path(const char *path, struct who **ret_who)
{
	struct who *who = mem_alloc(sizeof(*who));

	who->name = str_copy(path);
	return find(who, NULL, 0, ret_who);
}

void who_free(struct who *who)
{
	if (!who)
		return;
	for (size_t i = 0; i < who->holder_count; i++) {
		proc_info_free(&who->holders[i].info);
		free(who->holders[i].ancestors);
		free(who->holders[i].sockets);
		free(who->holders[i].unit);
	}
	for (size_t i = 0; i < who->virtual_count; i++) {
		free(who->virtuals[i].run);
		free(who->virtuals[i].task);
	}
	free(who->name);
	free(who->holders);
	free(who->sockets);
	free(who->virtuals);
	free(who);
}

/* ---- advice ---- */

static bool only_time_wait(const struct who *who, uint32_t *ret_ms)
{
	*ret_ms = 0;
	for (size_t i = 0; i < who->socket_count; i++) {
		const struct diag_socket *socket = &who->sockets[i].socket;

		if (socket->proto != BERTH_TCP || socket->state != DIAG_TIME_WAIT)
			return false;
		if (socket->expires_ms > *ret_ms)
			*ret_ms = socket->expires_ms;
	}
	return who->socket_count > 0;
}

/* The holder to advise about: a server, else the first. */
static const struct who_holder *find_main_holder(const struct who *who)
{
	for (size_t i = 0; i < who->holder_count; i++)
		for (size_t k = 0; k < who->holders[i].socket_count; k++) {
			const struct diag_socket *socket =
				&who->sockets[who->holders[i].sockets[k]].socket;

			if (diag_state_listens(socket))
				return &who->holders[i];
		}
	return who->holder_count ? &who->holders[0] : NULL;
}

static char *advise_holder(const struct who *who, const struct who_holder *holder)
{
	const struct proc_info *info = &holder->info;

	if (info->owner.run)
		return str_print("it is a worker of run %s and ends with it; if that run is dead: "
		                 "berth reap",
		                 info->owner.run);
	if (info->container &&
	    (str_starts(info->container, "docker ") || str_starts(info->container, "podman ")))
		return str_print("stop its container: %.6s stop %s", info->container,
		                 info->container + 7);
	if (holder->unit)
		return str_print("stop the service: systemctl stop %s", holder->unit);
	if (!who->port)
		return str_print("end it: kill %d", info->stat.pid);
	if (info->stat.ppid == 1)
		return str_print("its parent is gone, so it may be left over: kill %d; under berth "
		                 "run the port need not be free",
		                 info->stat.pid);
	return str_print("end it (kill %d), or run your suite under `berth run`, which does not "
	                 "need the port to be free",
	                 info->stat.pid);
}

char *who_advice(const struct who *who)
{
	const struct who_holder *holder = find_main_holder(who);
	uint32_t wait_ms;

	if (who->verdict == WHO_FREE && who->socket_count)
		return str_copy(
			"nothing: the port is free here, only other network namespaces use it");
	if (holder)
		return advise_holder(who, holder);
	if (who->verdict == WHO_FREE && who->virtual_count)
		return str_copy(
			"nothing: workers use it as a virtual port, the port itself is free");
	if (who->verdict == WHO_FREE)
		return str_copy(who->port ? "nothing: the port is free"
		                          : "nothing: no process has the socket");
	if (only_time_wait(who, &wait_ms))
		return str_print("wait %u s, or let the server set SO_REUSEADDR before bind",
		                 (wait_ms + 999) / 1000);
	if (who->hidden_processes)
		return str_print("look again with privilege: sudo berth who %s", who->name);
	return str_copy("the kernel itself or a socket without a process holds it; it ends with "
	                "its connection");
}
