/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets: listeners that are left, paths that are taken, servers that are missing. No hook of eBPF runs for them, so the
 * monitor tells of three calls only (bind and connect that fail, listen that succeeds), and what is open is looked up in the
 * kernel's list when it matters. A listener that is left is found there by any source; the monitor adds who made it, and where.
 *
 * Laws: programs look for sockets that need not exist (the name service cache, a display, a message bus), so a refused connect
 * is told only where its worker has failed, and a missing path only where one process has insisted. Browsers insist on the
 * system's message bus, and whoever looks up names again and again on their cache; most machines have neither.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/watch/model/model.h"

enum { INSISTS = 5 };
static const char *const optional[] = { "/dbus/system_bus_socket", "/nscd/socket" };

/* As the kernel's list writes it. */
static char *path_of(const struct berth_event *event)
{
	cleanup_free char *path = mem_alloc(BERTH_PATH_MAX + 1);

	memcpy(path, event->path,
	       event->text_len < BERTH_PATH_MAX ? event->text_len : BERTH_PATH_MAX);
	if (!*path && event->text_len)
		*path = '@';
	return steal(&path);
}

static bool is_optional(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(optional); i++)
		if (str_ends(path, optional[i]))
			return true;
	return false;
}

static uint64_t key_of(unsigned int worker, enum berth_event_tag tag, const char *path)
{
	uint64_t key = table_hash(TABLE_HASH, &worker, sizeof(worker));

	return table_hash_text(table_hash(key, &tag, sizeof(tag)), path);
}

static void locate(const struct berth_event *event, struct symbol_stack *ret_stack)
{
	symbol_locate((pid_t)event->pid, event->path_stack, event->stack_len, &event->caller,
	              ret_stack);
}

/* ---- in: from the monitor ---- */

static void clear_failures(struct watch *watch, const struct path_failure *as)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->path_failures, cell));) {
		struct path_failure *failure = cell->value;

		if (failure->worker != as->worker)
			continue;
		/* it was bound after all; who connects again will succeed */
		if (str_equal(failure->path, as->path))
			failure->over = true;
		else if (failure->bind && failure->process && failure->process == as->process)
			failure->elsewhere = true;
	}
}

void socket_path_listening(struct watch *watch, const struct berth_event *event)
{
	cleanup_free char *path = path_of(event);
	struct path_listener *listener = table_get(&watch->path_listeners, event->cookie);

	if (!listener) {
		listener = mem_alloc(sizeof(*listener));
		table_set(&watch->path_listeners, event->cookie, listener);
	}
	free(listener->path);
	listener->path = str_copy(path);
	listener->process = model_process_of_event(watch, event);
	listener->since_ns = event->time_ns;
	symbol_stack_free(&listener->stack);
	locate(event, &listener->stack);
	clear_failures(watch, &(struct path_failure){ .worker = event->worker,
	                                              .path = path,
	                                              .process = listener->process });
}

/* Who has a path, among those who see the same files. */
struct path_holder_search {
	const char *path;
	uint64_t inodes[8], mounts; /* 0: not known */
	size_t count;
	pid_t pid;
};

static bool on_taken(void *arg, const struct proc_unix *entry)
{
	struct path_holder_search *holder = arg;

	if (!strcmp(entry->path, holder->path))
		holder->inodes[holder->count++] = entry->inode;
	return holder->count < ARRAY_LEN(holder->inodes);
}

static bool visit(void *arg, pid_t pid)
{
	struct path_holder_search *holder = arg;

	if ((!holder->mounts || proc_namespace(pid, "mnt") == holder->mounts) &&
	    proc_has_socket(pid, holder->inodes, holder->count))
		holder->pid = pid;
	return !holder->pid;
}

/* A server of the run had the path, which is all that is known when whoever asked for it is gone with its list. */
static char *former_holder(const struct watch *watch, const char *path)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->path_listeners, cell));) {
		const struct path_listener *listener = cell->value;

		if (str_equal(listener->path, path))
			return str_print("%s (pid %d), when it was last seen",
			                 listener->process->command ? listener->process->command
			                                            : "a process",
			                 listener->process->pid);
	}
	return str_copy("somebody who was gone when we looked");
}

static char *find_holder(struct watch *watch, const char *path, pid_t asker)
{
	struct path_holder_search holder = { .path = path, .mounts = proc_namespace(asker, "mnt") };
	struct proc_info info;
	char *text;

	if (proc_each_unix(asker, on_taken, &holder))
		return former_holder(watch, path);
	if (!holder.count && *path != '@')
		return str_copy("nobody: a server that has ended left the file behind");
	if (holder.count)
		(void)proc_each(visit, &holder);
	if (!holder.pid || proc_read(holder.pid, &info))
		return former_holder(watch, path);
	text = str_print("%s (pid %d)", info.command, holder.pid);
	proc_info_free(&info);
	return text;
}

void socket_path_failed(struct watch *watch, const struct berth_event *event)
{
	bool bind = event->tag == BERTH_EVENT_BIND_FAILED;
	cleanup_free char *path = path_of(event);
	uint64_t key = key_of(event->worker, event->tag, path);
	struct path_failure *failure = table_get(&watch->path_failures, key);

	if (!*path || (bind ? event->error != EADDRINUSE
	                    : event->error != ECONNREFUSED && event->error != ENOENT))
		return;
	if (!failure) {
		failure = mem_alloc(sizeof(*failure));
		*failure = (struct path_failure){ .worker = event->worker,
			                          .bind = bind,
			                          .first_ns = event->time_ns,
			                          .path = steal(&path),
			                          .process = model_process_of_event(watch, event) };
		locate(event, &failure->stack);
		if (bind)
			failure->holder = find_holder(watch, failure->path, (pid_t)event->pid);
		table_set(&watch->path_failures, key, failure);
	}
	failure->error = event->error;
	failure->count++;
	failure->in_a_row = failure->last == (pid_t)event->pid ? failure->in_a_row + 1 : 1;
	failure->last = (pid_t)event->pid;
	failure->insisted |= event->error == ECONNREFUSED ||
	                     (failure->in_a_row >= INSISTS && !is_optional(failure->path));
}

static void free_listener(void *value)
{
	struct path_listener *listener = value;

	symbol_stack_free(&listener->stack);
	free(listener->path);
	free(listener);
}

static void free_failure(void *value)
{
	struct path_failure *failure = value;

	symbol_stack_free(&failure->stack);
	free(failure->path);
	free(failure->holder);
	free(failure);
}

void socket_path_free(struct watch *watch)
{
	table_free(&watch->path_listeners, free_listener);
	table_free(&watch->path_failures, free_failure);
}

/* ---- out: findings ---- */

struct path_leftovers {
	struct watch *watch;
	struct table *told; /* by inode */
	struct table open;  /* by inode: the descriptors of one process that are sockets */
	unsigned int worker;
	pid_t pid;
	bool named;
};

static void on_open(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct path_leftovers *left = arg;

	(void)pid;
	(void)fd;
	table_set(&left->open, inode, left);
}

static bool on_listed(void *arg, const struct proc_unix *entry)
{
	struct path_leftovers *left = arg;
	const struct path_listener *listener = table_get(&left->watch->path_listeners,
	                                                 entry->inode);
	const struct watch_process *process = model_process(left->watch, left->pid, left->worker);
	struct watch_finding *finding;

	if (!entry->listening || !table_get(&left->open, entry->inode))
		return true;
	left->named = true;
	if (table_get(left->told, entry->inode))
		return true;
	table_set(left->told, entry->inode, left->watch);
	finding = rule_finding_new(left->watch, FINDING_leaked_listener, left->worker);
	rule_set_process(finding, process);
	finding->protocol = str_copy("unix");
	finding->path = str_copy(entry->path);
	finding->since_ns = (int64_t)(listener            ? listener->since_ns
	                              : process->began_ns ? process->began_ns
	                                                  : 0);
	finding->age_ms = rule_age_ms((uint64_t)finding->since_ns);
	if (listener)
		finding->stack = symbol_names(&listener->stack);
	finding->detail = str_print(
		"listener on unix socket %s is still open after the command ended", entry->path);
	finding_list_add(left->watch, finding);
	return true;
}

void rule_path_leftovers(struct watch *watch, const struct watch_worker *worker, const pid_t *pids,
                         size_t count, bool *named)
{
	struct table told = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct path_leftovers left = {
			.watch = watch, .told = &told, .worker = worker->number, .pid = pids[i]
		};

		(void)proc_each_socket(pids[i], on_open, &left);
		if (left.open.count)
			(void)proc_each_unix(pids[i], on_listed, &left);
		table_free(&left.open, NULL);
		named[i] |= left.named;
	}
	table_free(&told, NULL);
}

static void tell(struct watch *watch, const struct path_failure *failure)
{
	struct watch_finding *finding = rule_finding_new(
		watch, failure->bind ? FINDING_path_conflict : FINDING_no_server, failure->worker);

	rule_set_process(finding, failure->process);
	finding->protocol = str_copy("unix");
	finding->path = str_copy(failure->path);
	finding->since_ns = (int64_t)failure->first_ns;
	finding->count = failure->count;
	finding->stack = symbol_names(&failure->stack);
	if (failure->bind)
		finding->detail = str_print("%s is held by %s%s", failure->path, failure->holder,
		                            failure->elsewhere ? "; the program took another path"
		                                               : "");
	else if (failure->error == ECONNREFUSED)
		finding->detail = str_print(
			"nobody listens on %s: the file is there, its server is not",
			failure->path);
	else
		finding->detail = str_print("there is no %s: %llu connects failed", failure->path,
		                            (unsigned long long)failure->count);
	if (failure->bind && (failure->elsewhere || rule_process_succeeded(failure->process) ||
	                      watch->workers[failure->worker].passed))
		finding->severity = FINDING_NOTE;
	finding_list_add(watch, finding);
}

void rule_path_failures(struct watch *watch, const struct watch_worker *worker)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->path_failures, cell));) {
		const struct path_failure *failure = cell->value;

		if (failure->worker != worker->number || failure->over)
			continue;
		if (failure->bind || (failure->insisted && !worker->passed))
			tell(watch, failure);
	}
}
