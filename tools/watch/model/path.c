/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets. No hook of eBPF runs for them, so the monitor reports three calls only: a bind or
 * connect that fails, and a listen that succeeds. Which of them are open is looked up in the
 * kernel's list when it matters.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/watch/model/private.h"

enum { NEEDED_ATTEMPTS = 5 };

/*
 * Programs try these sockets again and again, although many machines have neither a message bus nor
 * a name service cache.
 */
static const char *const optional_paths[] = { "/dbus/system_bus_socket", "/nscd/socket" };

struct path_listener *model_path_listener_find(struct watch_model *model, uint64_t inode)
{
	return table_get(&model->path_listeners, inode);
}

struct path_failure *model_path_failure_next(struct watch_model *model, struct table_cell **cell)
{
	*cell = table_next(&model->path_failures, *cell);
	return *cell ? (*cell)->value : NULL;
}

char *model_path_of_event(const struct berth_event *event)
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
	for (size_t i = 0; i < ARRAY_LEN(optional_paths); i++)
		if (str_ends(path, optional_paths[i]))
			return true;
	return false;
}

static void locate(const struct berth_event *event, struct symbol_stack *ret_stack)
{
	symbol_locate((pid_t)event->pid, event->path_stack, event->stack_len, &event->caller,
	              ret_stack);
}

/*
 * The path has a server now, so earlier failures on it are resolved. A program that failed
 * elsewhere took this path instead.
 */
static void resolve_failures(struct watch_model *model, unsigned int worker,
                             const struct path_listener *listener)
{
	struct path_failure *failure;

	for (struct table_cell *cell = NULL; (failure = model_path_failure_next(model, &cell));) {
		if (failure->worker != worker)
			continue;
		if (str_equal(failure->path, listener->path))
			failure->resolved = true;
		else if (failure->is_bind && failure->process == listener->process)
			failure->elsewhere = true;
	}
}

void path_listening(struct watch_model *model, const struct berth_event *event)
{
	struct path_listener *listener = table_get(&model->path_listeners, event->cookie);

	if (!listener) {
		listener = mem_alloc(sizeof(*listener));
		table_set(&model->path_listeners, event->cookie, listener);
	}
	free(listener->path);
	listener->path = model_path_of_event(event);
	listener->process = model_process_of_event(model, event);
	listener->since_ns = event->time_ns;
	symbol_stack_free(&listener->stack);
	locate(event, &listener->stack);
	resolve_failures(model, event->worker, listener);
}

/* ---- who has a path ---- */

struct path_holder_search {
	const char *path;
	uint64_t inodes[8], mounts; /* mount namespace of who asks; 0 = unknown */
	size_t count;
	pid_t pid;
};

static bool on_listed(void *arg, const struct proc_unix *entry)
{
	struct path_holder_search *search = arg;

	if (!strcmp(entry->path, search->path))
		search->inodes[search->count++] = entry->inode;
	return search->count < ARRAY_LEN(search->inodes);
}

static bool visit(void *arg, pid_t pid)
{
	struct path_holder_search *search = arg;

	if ((!search->mounts || proc_namespace(pid, "mnt") == search->mounts) &&
	    proc_has_socket(pid, search->inodes, search->count))
		search->pid = pid;
	return !search->pid;
}

/*
 * What the model itself remembers, for when the process that asked has ended and its list with it.
 */
static char *find_former_holder(struct watch_model *model, const char *path)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&model->path_listeners, cell));) {
		const struct path_listener *listener = cell->value;

		if (str_equal(listener->path, path))
			return str_print("%s (pid %d), when it was last seen",
			                 listener->process->command ? listener->process->command
			                                            : "a process",
			                 listener->process->pid);
	}
	return str_copy("a process that has ended since");
}

static char *find_holder(struct watch_model *model, const char *path, pid_t asker)
{
	struct path_holder_search search = { .path = path, .mounts = proc_namespace(asker, "mnt") };
	struct proc_info info;
	char *text;

	if (proc_each_unix(asker, on_listed, &search))
		return find_former_holder(model, path);
	if (!search.count && *path != '@')
		return str_copy("no process: a server that has ended left the file behind");
	if (search.count)
		(void)proc_each(visit, &search);
	if (!search.pid || proc_read(search.pid, &info))
		return find_former_holder(model, path);
	text = str_print("%s (pid %d)", info.command, search.pid);
	proc_info_free(&info);
	return text;
}

/* ---- failures ---- */

static struct path_failure *add_failure(struct watch_model *model, const struct berth_event *event,
                                        const char *path)
{
	struct path_failure *failure = mem_alloc(sizeof(*failure));

	*failure = (struct path_failure){ .worker = event->worker,
		                          .is_bind = event->tag == BERTH_EVENT_BIND_FAILED,
		                          .first_ns = event->time_ns,
		                          .path = str_copy(path),
		                          .process = model_process_of_event(model, event) };
	locate(event, &failure->stack);
	if (failure->is_bind)
		failure->holder = find_holder(model, path, (pid_t)event->pid);
	return failure;
}

/*
 * Programs look for sockets that need not exist. A refused connect is more than such a look,
 * because the file exists. A missing file counts only after several attempts of one process.
 */
void path_failed(struct watch_model *model, const struct berth_event *event)
{
	bool is_bind = event->tag == BERTH_EVENT_BIND_FAILED;
	cleanup_free char *path = model_path_of_event(event);
	uint64_t key = table_hash(TABLE_HASH, &event->worker, sizeof(event->worker));
	struct path_failure *failure;

	if (!*path || (is_bind ? event->error != EADDRINUSE
	                       : event->error != ECONNREFUSED && event->error != ENOENT))
		return;
	key = table_hash_text(table_hash(key, &event->tag, sizeof(event->tag)), path);
	failure = table_get(&model->path_failures, key);
	if (!failure) {
		failure = add_failure(model, event, path);
		table_set(&model->path_failures, key, failure);
	}
	failure->error = event->error;
	failure->count++;
	failure->attempts = failure->last_pid == (pid_t)event->pid ? failure->attempts + 1 : 1;
	failure->last_pid = (pid_t)event->pid;
	failure->needed |= event->error == ECONNREFUSED ||
	                   (failure->attempts >= NEEDED_ATTEMPTS && !is_optional(path));
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

void path_close_all(struct watch_model *model)
{
	table_free(&model->path_listeners, free_listener);
	table_free(&model->path_failures, free_failure);
}
