/* SPDX-License-Identifier: MIT */
/*
 * leaked_listener and leaked_process: what still exists when the grace period after a worker's
 * command is over.
 *
 * A process that holds a leftover listener is not reported a second time, nor is its parent, nor a
 * child of a leftover process: they end with the one that is named.
 */
#include "core/abstract.h"
#include "tools/base/diag.h"
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

/* Which of @pids has the endpoint open; 0 = none. Its creator may have passed it on and ended. */
static pid_t find_holder(const struct watch_endpoint *endpoint, const struct pids *pids)
{
	const struct diag_filter filter = { .first = endpoint->port,
		                            .last = endpoint->port,
		                            .no_udp = endpoint->proto == BERTH_TCP,
		                            .no_tcp = endpoint->proto == BERTH_UDP };
	struct inode_search search = { .cookie = endpoint->cookie };

	(void)diag_each(-1, &filter, on_diag, &search);
	for (size_t i = 0; search.inode && i < pids->count; i++)
		if (proc_has_socket(pids->list[i], &search.inode, 1))
			return pids->list[i];
	return 0;
}

/* @holder: the process that has it open; 0 = unknown. */
static void report_listener(struct watch_rules *rules, const struct watch_endpoint *endpoint,
                            pid_t holder)
{
	const char *what = endpoint->proto == BERTH_UDP ? "UDP port" : "listener on port";
	const struct watch_process *creator = endpoint->process;
	struct watch_process *heir;
	struct rule_report report = {
		.kind = FINDING_leaked_listener,
		.worker = endpoint->worker,
		.process = creator,
		.protocol = rule_protocols[endpoint->proto],
		.port = endpoint->virtual_port,
		.real_port = endpoint->port,
		.since_ns = endpoint->listen_ns ? endpoint->listen_ns : endpoint->bound_ns,
		.stack = &endpoint->stack,
		.is_leftover = true,
	};

	if (!holder || holder == endpoint->pid) {
		rule_report(rules, &report, "%s %u is still open after the command ended", what,
		            endpoint->virtual_port);
		return;
	}
	heir = model_process_get(rules->model, holder, endpoint->worker);
	model_process_describe(heir);
	report.process = heir;
	rule_report(rules, &report,
	            "%s %u is still open in process %d, which has it from process %d (%s)", what,
	            endpoint->virtual_port, holder, endpoint->pid,
	            creator->command ? creator->command : "ended");
}

static void check_listeners(struct watch_rules *rules, const struct watch_worker *worker,
                            const struct pids *pids, struct pids *named)
{
	for (const struct watch_endpoint *at = model_endpoint_newest(rules->model); at;
	     at = at->next) {
		pid_t holder;

		if (at->worker != worker->number || at->closed_ns ||
		    (at->proto == BERTH_TCP && !at->listening))
			continue;
		holder = find_holder(at, pids);
		report_listener(rules, at, holder);
		if (holder)
			pids_add(named, holder);
	}
}

/* ---- Unix sockets: the kernel's list shows what is open, under any source ---- */

struct path_check {
	struct watch_rules *rules;
	struct table reported; /* by inode, of all processes */
	struct table open;     /* by inode: the sockets that this process has open */
	unsigned int worker;
	pid_t pid;
	struct pids *named;
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
	struct watch_model *model = check->rules->model;
	const struct path_listener *listener = model_path_listener_find(model, entry->inode);
	const struct watch_process *process = model_process_get(model, check->pid, check->worker);
	const struct rule_report report = {
		.kind = FINDING_leaked_listener,
		.worker = check->worker,
		.process = process,
		.protocol = "unix",
		.path = berth_abstract_plain(entry->path),
		.since_ns = listener ? listener->since_ns : process->began_ns,
		.stack = listener ? &listener->stack : NULL,
		.is_leftover = true,
	};

	if (!entry->listening || !table_get(&check->open, entry->inode))
		return true;
	pids_add(check->named, check->pid);
	if (table_get(&check->reported, entry->inode))
		return true;
	table_set(&check->reported, entry->inode, check);
	rule_report(check->rules, &report,
	            "listener on unix socket %s is still open after the command ended",
	            report.path);
	return true;
}

static void check_paths(struct watch_rules *rules, const struct watch_worker *worker,
                        const struct pids *pids, struct pids *named)
{
	struct path_check check = { .rules = rules, .worker = worker->number, .named = named };

	for (size_t i = 0; i < pids->count; i++) {
		check.pid = pids->list[i];
		(void)proc_each_socket(check.pid, on_open, &check);
		if (check.open.count)
			(void)proc_each_unix(check.pid, on_listed, &check);
		table_free(&check.open, NULL);
	}
	table_free(&check.reported, NULL);
}

/* ---- processes ---- */

/*
 * Whether a process is named, is the parent of a named one, or is a child of any leftover process.
 */
static bool is_explained(struct watch_model *model, pid_t pid, const struct pids *pids,
                         const struct pids *named)
{
	const struct watch_process *process = model_process_find(model, pid);

	if (pids_has(named, pid) || (process && pids_has(pids, process->parent)))
		return true;
	for (size_t i = 0; i < named->count; i++) {
		process = model_process_find(model, named->list[i]);
		if (process && process->parent == pid)
			return true;
	}
	return false;
}

static void report_process(struct watch_rules *rules, const struct watch_worker *worker, pid_t pid)
{
	struct watch_process *process = model_process_get(rules->model, pid, worker->number);

	process->described = false; /* its parent may have ended since: read it again */
	model_process_describe(process);
	rule_report(rules,
	            &(struct rule_report){ .kind = FINDING_leaked_process,
	                                   .worker = worker->number,
	                                   .process = process,
	                                   .since_ns = process->began_ns },
	            "process %d (%s) still runs after the command ended", pid,
	            process->command ? process->command : "unknown");
}

void rule_leftovers(struct watch_rules *rules, const struct watch_worker *worker,
                    const struct pids *pids)
{
	cleanup_pids struct pids named = { 0 };

	for (size_t i = 0; i < pids->count; i++)
		model_process_describe(
			model_process_get(rules->model, pids->list[i], worker->number));
	check_listeners(rules, worker, pids, &named);
	check_paths(rules, worker, pids, &named);
	for (size_t i = 0; i < pids->count; i++)
		if (!is_explained(rules->model, pids->list[i], pids, &named))
			report_process(rules, worker, pids->list[i]);
}
