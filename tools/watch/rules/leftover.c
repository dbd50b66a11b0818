/* SPDX-License-Identifier: MIT */
/*
 * leaked_listener and leaked_process: what still exists when the grace period after a worker's
 * command is over.
 *
 * A process that holds a leftover listener is not reported a second time, nor is its parent, nor a
 * child of a leftover process: they end with the one that is named.
 */
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/diag.h"
#include "tools/base/str.h"
#include "tools/watch/rules/rules.h"

struct inode_search {
	uint64_t cookie; /* 0 = any listener */
	uint64_t inode;
};

static void on_diag(void *arg, const struct diag_socket *socket)
{
	struct inode_search *search = arg;

	if (search->cookie ? socket->cookie == search->cookie : socket->state == DIAG_LISTEN)
		search->inode = socket->inode;
}

/*
 * Which of @pids has the endpoint open; -1 = none. The process that created it may have passed it
 * on and ended.
 */
static ssize_t find_holder(const struct watch_endpoint *endpoint, const pid_t *pids, size_t count)
{
	const struct diag_filter filter = { .first = endpoint->port,
		                            .last = endpoint->port,
		                            .no_udp = endpoint->proto == BERTH_TCP,
		                            .no_tcp = endpoint->proto == BERTH_UDP };
	struct inode_search search = { .cookie = endpoint->cookie };

	(void)diag_each(-1, &filter, on_diag, &search);
	for (size_t i = 0; search.inode && i < count; i++)
		if (proc_has_socket(pids[i], &search.inode, 1))
			return (ssize_t)i;
	return -1;
}

static void report_listener(struct watch_rules *rules, const struct watch_endpoint *endpoint,
                            const pid_t *holder)
{
	const char *what = endpoint->proto == BERTH_UDP ? "UDP port" : "listener on port";
	uint64_t since_ns = endpoint->listen_ns ? endpoint->listen_ns : endpoint->bound_ns;
	const struct watch_process *creator = endpoint->process;
	struct watch_finding *finding = rule_finding(rules, FINDING_leaked_listener,
	                                             endpoint->worker);

	rule_set_endpoint(finding, endpoint);
	finding->since_ns = (int64_t)since_ns;
	finding->age_ms = rule_age_ms(since_ns);
	if (holder && *holder != endpoint->pid) {
		struct watch_process *heir = model_process_get(rules->model, *holder,
		                                               endpoint->worker);

		model_process_describe(heir);
		rule_set_process(finding, heir);
		finding->detail = str_print(
			"%s %u is still open in process %d, which has it from process %d (%s)",
			what, endpoint->virtual_port, *holder, endpoint->pid,
			creator->command ? creator->command : "ended");
	} else {
		rule_set_process(finding, creator);
		finding->detail = str_print("%s %u is still open after the command ended", what,
		                            endpoint->virtual_port);
	}
	finding_list_add(rules->findings, finding);
}

static void check_listeners(struct watch_rules *rules, const struct watch_worker *worker,
                            const pid_t *pids, size_t count, bool *named)
{
	for (const struct watch_endpoint *at = model_endpoint_newest(rules->model); at;
	     at = at->next) {
		ssize_t holder;

		if (at->worker != worker->number || at->closed_ns ||
		    (at->proto == BERTH_TCP && !at->listening))
			continue;
		holder = find_holder(at, pids, count);
		report_listener(rules, at, holder < 0 ? NULL : &pids[holder]);
		if (holder >= 0)
			named[holder] = true;
	}
}

/* ---- Unix sockets: the kernel's list shows what is open, under any source ---- */

struct path_check {
	struct watch_rules *rules;
	struct table *reported; /* by inode, of all processes */
	struct table open;      /* by inode: the sockets that this process has open */
	unsigned int worker;
	pid_t pid;
	bool named;
};

static void on_open(void *arg, pid_t pid, int fd, uint64_t inode)
{
	struct path_check *check = arg;

	(void)pid;
	(void)fd;
	table_set(&check->open, inode, check);
}

static bool on_listed(void *arg, const struct proc_unix *entry)
{
	struct path_check *check = arg;
	struct watch_rules *rules = check->rules;
	const struct path_listener *listener = model_path_listener_find(rules->model, entry->inode);
	const struct watch_process *process = model_process_get(rules->model, check->pid,
	                                                        check->worker);
	struct watch_finding *finding;

	if (!entry->listening || !table_get(&check->open, entry->inode))
		return true;
	check->named = true;
	if (table_get(check->reported, entry->inode))
		return true;
	table_set(check->reported, entry->inode, rules);
	finding = rule_finding(rules, FINDING_leaked_listener, check->worker);
	rule_set_process(finding, process);
	finding->protocol = str_copy("unix");
	finding->path = str_copy(entry->path);
	finding->since_ns = (int64_t)(listener ? listener->since_ns : process->began_ns);
	finding->age_ms = rule_age_ms((uint64_t)finding->since_ns);
	if (listener)
		finding->stack = symbol_names(&listener->stack);
	finding->detail = str_print(
		"listener on unix socket %s is still open after the command ended", entry->path);
	finding_list_add(rules->findings, finding);
	return true;
}

static void check_paths(struct watch_rules *rules, const struct watch_worker *worker,
                        const pid_t *pids, size_t count, bool *named)
{
	struct table reported = { 0 };

	for (size_t i = 0; i < count; i++) {
		struct path_check check = { .rules = rules,
			                    .reported = &reported,
			                    .worker = worker->number,
			                    .pid = pids[i] };

		(void)proc_each_socket(pids[i], on_open, &check);
		if (check.open.count)
			(void)proc_each_unix(pids[i], on_listed, &check);
		table_free(&check.open, NULL);
		named[i] |= check.named;
	}
	table_free(&reported, NULL);
}

/* ---- processes ---- */

static bool is_child(struct watch_model *model, pid_t pid, pid_t parent)
{
	const struct watch_process *process = model_process_find(model, pid);

	return process && process->parent == parent;
}

static bool has_parent(struct watch_model *model, pid_t pid, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_child(model, pid, pids[i]))
			return true;
	return false;
}

static void report_process(struct watch_rules *rules, const struct watch_worker *worker, pid_t pid)
{
	struct watch_process *process = model_process_get(rules->model, pid, worker->number);
	struct watch_finding *finding;

	process->described = false; /* its parent may have ended since: read it again */
	model_process_describe(process);
	finding = rule_finding(rules, FINDING_leaked_process, worker->number);
	rule_set_process(finding, process);
	finding->since_ns = process->began_ns ? (int64_t)process->began_ns : finding->since_ns;
	finding->detail = str_print("process %d (%s) still runs after the command ended", pid,
	                            process->command ? process->command : "unknown");
	finding_list_add(rules->findings, finding);
}

void rule_leftovers(struct watch_rules *rules, const struct watch_worker *worker, const pid_t *pids,
                    size_t count)
{
	cleanup_free bool *named = mem_alloc(count + 1);

	for (size_t i = 0; i < count; i++)
		model_process_describe(model_process_get(rules->model, pids[i], worker->number));
	check_listeners(rules, worker, pids, count, named);
	check_paths(rules, worker, pids, count, named);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++)
			named[i] |= named[k] && is_child(rules->model, pids[k], pids[i]);
	for (size_t i = 0; i < count; i++)
		if (!named[i] && !has_parent(rules->model, pids[i], pids, count))
			report_process(rules, worker, pids[i]);
}
