/* SPDX-License-Identifier: MIT */
/*
 * Findings out. Each function judges one kind; what it needs was kept by model.c when it happened. A leftover is reported only
 * after the grace period (watch.c), and everything that programs do in good order passes: a port that was in use and then
 * was not, a pool of a few connections that the end of the process closes, a listener on another port instead.
 */
#include "tools/watch/model/model.h"

#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/diag.h"
#include "tools/base/file.h"
#include "tools/base/str.h"

enum { MARKS_LATE_NS = 1000000000 };

const char *const rule_proto_names[BERTH_PROTOS] = { "tcp", "udp" };

/* ---- telling ---- */

void finding_list_add(struct watch *watch, struct watch_finding *finding)
{
	uint64_t key;
	struct watch_finding *before;

	finding_seal(finding);
	key = table_hash_text(table_hash(TABLE_HASH, &finding->worker, sizeof(finding->worker)),
	                      finding->fingerprint);
	before = table_get(&watch->told, key);
	if (before) { /* the same thing once more in the same worker */
		before->count += finding->count;
		finding_free(finding);
		return;
	}
	finding->known = strv_has(watch->baseline, finding->fingerprint);
	table_set(&watch->told, key, finding);
	watch->findings = mem_grow(watch->findings, watch->finding_count + 1,
	                           sizeof(struct watch_finding *));
	watch->findings[watch->finding_count++] = finding;
}

static void publish(struct watch *watch, struct watch_finding *finding)
{
	if (!finding->test && finding->worker)
		finding->test = str_copy(
			mark_at(&watch->workers[finding->worker], finding->since_ns));
	/* a server may be ready when its test is over */
	if (!finding->test && finding->worker && finding->began_ns)
		finding->test = str_copy(
			mark_at(&watch->workers[finding->worker], finding->began_ns));
	finding->allowed = finding_allowed(finding, watch->policy.allow, watch->policy.allow_count);
	if (!finding->allowed && watch->setup.on_finding)
		watch->setup.on_finding(watch->setup.arg, finding);
}

/*
 * Not before the worker's end: marks come late, and counts grow. What was found afterwards, or concerns the whole run,
 * is told at the end of that.
 */
void finding_list_publish(struct watch *watch, unsigned int worker)
{
	mark_drain(watch);
	for (size_t i = 0; i < watch->finding_count; i++) {
		struct watch_finding *finding = watch->findings[i];

		if (finding->told || (worker && finding->worker != worker))
			continue;
		finding->told = true;
		publish(watch, finding);
	}
}

/* Marks of tests may come a second late. */
void finding_list_publish_urgent(struct watch *watch)
{
	int64_t before_ns = clock_wall_ns() - MARKS_LATE_NS;

	for (size_t i = 0; i < watch->finding_count; i++) {
		struct watch_finding *finding = watch->findings[i];

		if (finding->told || finding->time_ns > before_ns ||
		    (finding->kind != FINDING_error_rate &&
		     finding->kind != FINDING_resource_limit))
			continue;
		finding->told = true;
		publish(watch, finding);
	}
}

struct watch_finding *rule_finding_new(struct watch *watch, enum finding_kind kind,
                                       unsigned int worker)
{
	struct watch_finding *finding = finding_new(kind);

	finding->worker = worker;
	finding->task = str_copy(watch->workers[worker].task);
	return finding;
}

void rule_set_process(struct watch_finding *finding, const struct watch_process *process)
{
	if (!process)
		return;
	finding->pid = process->pid;
	finding->pid_inside = process->inside;
	finding->command = process->command ? str_copy(process->command)
	                                    : proc_parse_command(process->comm,
	                                                         strnlen(process->comm, BERTH_COMM),
	                                                         BERTH_COMM);
	finding->directory = str_copy(process->directory);
	finding->ancestry = strv_copy(process->ancestry);
	finding->began_ns = (int64_t)process->began_ns;
}

int64_t rule_age_ms(uint64_t since_ns)
{
	return since_ns ? (clock_ns() - (int64_t)since_ns) / 1000000 : -1;
}

/* ---- what is left when a worker's command has ended ---- */

struct inode_lookup {
	uint64_t inode;
	uint64_t cookie;
};

static void on_diag(void *arg, const struct diag_socket *socket)
{
	struct inode_lookup *search = arg;

	if (search->cookie ? socket->cookie == search->cookie : socket->state == DIAG_LISTEN)
		search->inode = socket->inode;
}

/* Which of @pids has the endpoint open; -1 if none. The creator may have handed it on and ended. */
static ssize_t holder_of(const struct watch_endpoint *endpoint, const pid_t *pids, size_t count)
{
	const struct diag_filter filter = { .first = endpoint->port,
		                            .last = endpoint->port,
		                            .no_udp = endpoint->proto == BERTH_TCP,
		                            .no_tcp = endpoint->proto == BERTH_UDP };
	struct inode_lookup search = { .cookie = endpoint->cookie };

	(void)diag_each(-1, &filter, on_diag, &search);
	for (size_t i = 0; search.inode && i < count; i++)
		if (proc_has_socket(pids[i], &search.inode, 1))
			return (ssize_t)i;
	return -1;
}

static void report_listener(struct watch *watch, const struct watch_endpoint *endpoint,
                            const pid_t *holder)
{
	struct watch_finding *finding = rule_finding_new(watch, FINDING_leaked_listener,
	                                                 endpoint->worker);
	struct watch_process *creator = endpoint->process;

	if (holder && *holder != endpoint->pid) {
		struct watch_process *heir = model_process(watch, *holder, endpoint->worker);

		model_describe(heir);
		rule_set_process(finding, heir);
	} else {
		rule_set_process(finding, creator);
	}
	finding->protocol = str_copy(rule_proto_names[endpoint->proto]);
	finding->port = endpoint->virtual_port;
	finding->real_port = endpoint->port;
	finding->since_ns = (int64_t)(endpoint->listen_ns ? endpoint->listen_ns
	                                                  : endpoint->bound_ns);
	finding->age_ms = rule_age_ms(endpoint->listen_ns ? endpoint->listen_ns
	                                                  : endpoint->bound_ns);
	finding->stack = symbol_names(&endpoint->stack);
	if (holder && *holder != endpoint->pid)
		finding->detail = str_print(
			"%s %u is still open in process %d, which has it from process %d (%s)",
			endpoint->proto == BERTH_UDP ? "UDP port" : "listener on port",
			endpoint->virtual_port, *holder, endpoint->pid,
			creator && creator->command ? creator->command : "ended");
	else
		finding->detail = str_print("%s %u is still open after the command ended",
		                            endpoint->proto == BERTH_UDP ? "UDP port"
		                                                         : "listener on port",
		                            endpoint->virtual_port);
	finding_list_add(watch, finding);
}

static bool is_child_of(const struct watch *watch, pid_t pid, const pid_t *pids, size_t count)
{
	const struct watch_process *process = table_get(&watch->processes, (uint64_t)pid);

	for (size_t i = 0; process && i < count; i++)
		if (pids[i] == process->parent)
			return true;
	return false;
}

static void report_process(struct watch *watch, const struct watch_worker *worker, pid_t pid)
{
	struct watch_process *process = model_process(watch, pid, worker->number);
	struct watch_finding *finding;

	process->described = false; /* its parent may have ended meanwhile: look again */
	model_describe(process);
	finding = rule_finding_new(watch, FINDING_leaked_process, worker->number);
	rule_set_process(finding, process);
	finding->since_ns = process->began_ns ? (int64_t)process->began_ns : finding->since_ns;
	finding->detail = str_print("process %d (%s) still runs after the command ended", pid,
	                            process->command ? process->command : "unknown");
	finding_list_add(watch, finding);
}

void rule_leftovers(struct watch *watch, struct watch_worker *worker, const pid_t *pids,
                    size_t count)
{
	cleanup_free bool *named = mem_alloc(count + 1);

	for (size_t i = 0; i < count; i++)
		model_describe(model_process(watch, pids[i], worker->number));
	for (struct watch_endpoint *at = watch->newest; at; at = at->next) {
		ssize_t holder;

		if (at->worker != worker->number || at->closed_ns ||
		    (at->proto == BERTH_TCP && !at->listening))
			continue;
		holder = holder_of(at, pids, count);
		report_listener(watch, at, holder < 0 ? NULL : &pids[holder]);
		if (holder >= 0)
			named[holder] = true;
	}
	rule_path_leftovers(watch, worker, pids, count, named);
	/* a parent of a process that was named is part of the same trouble, and so is a child of any */
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < count; k++) {
			const struct watch_process *child = table_get(&watch->processes,
			                                              (uint64_t)pids[k]);

			if (named[k] && child && child->parent == pids[i])
				named[i] = true;
		}
	for (size_t i = 0; i < count; i++)
		if (!named[i] && !is_child_of(watch, pids[i], pids, count))
			report_process(watch, worker, pids[i]);
}

/* ---- conflicts ---- */

/* A program that went on and ended well has expected the answer: a test for EADDRINUSE, a search for a free port. */
bool rule_process_succeeded(const struct watch_process *process)
{
	return process && !process->alive && process->status_known && !process->status;
}

void rule_port_conflict(struct watch *watch, const struct bind_failure *failure)
{
	struct watch_finding *finding;

	if (failure->retried)
		return; /* it waited its turn and got the port */
	finding = rule_finding_new(watch, FINDING_port_conflict, failure->worker);
	rule_set_process(finding, failure->process);
	finding->protocol = str_copy(rule_proto_names[failure->proto]);
	finding->port = failure->virtual_port;
	finding->real_port = failure->port;
	finding->since_ns = (int64_t)failure->first_ns;
	finding->count = failure->count;
	finding->stack = symbol_names(&failure->stack);
	if (failure->elsewhere || rule_process_succeeded(failure->process) ||
	    watch->workers[failure->worker].passed)
		finding->severity = FINDING_NOTE;
	if (failure->holder_worker && failure->holder_worker != failure->worker)
		finding->detail = str_print("port %u is held by worker %u: %s",
		                            failure->virtual_port, failure->holder_worker,
		                            failure->holder);
	else
		finding->detail = str_print(
			"port %u is held by %s%s", failure->virtual_port,
			failure->holder ? failure->holder : "somebody who was gone when we looked",
			failure->elsewhere ? "; the program took another port" : "");
	finding_list_add(watch, finding);
}

/* Two endpoints of different workers with one virtual port, open at the same time. */
static bool would_clash(const struct watch_endpoint *a, const struct watch_endpoint *b)
{
	uint64_t a_end = a->closed_ns ? a->closed_ns : UINT64_MAX,
		 b_end = b->closed_ns ? b->closed_ns : UINT64_MAX;
	uint64_t a_start = a->bound_ns ? a->bound_ns : a->listen_ns,
		 b_start = b->bound_ns ? b->bound_ns : b->listen_ns;

	return a->worker != b->worker && a->virtual_port == b->virtual_port &&
	       a->proto == b->proto && a_start < b_end && b_start < a_end;
}

void rule_conflict_avoided(struct watch *watch)
{
	struct table seen = { 0 }; /* by protocol and virtual port */

	for (struct watch_endpoint *a = watch->newest; a; a = a->next) {
		uint64_t key = (uint64_t)a->proto << 16 | a->virtual_port;
		unsigned char workers[BERTH_WORKERS_MAX + 1] = { 0 };
		unsigned int count = 1;
		struct watch_finding *finding;

		/* not remapped: nothing was avoided */
		if (a->virtual_port == a->port || table_get(&seen, key))
			continue;
		workers[a->worker] = 1;
		for (const struct watch_endpoint *b = watch->newest; b; b = b->next)
			if (!workers[b->worker] && would_clash(a, b)) {
				workers[b->worker] = 1;
				count++;
			}
		if (count < 2)
			continue;
		table_set(&seen, key, a);
		finding = finding_new(FINDING_conflict_avoided);
		finding->protocol = str_copy(rule_proto_names[a->proto]);
		finding->port = a->virtual_port;
		finding->count = count;
		finding->detail = str_print("%u workers had port %u open at the same time", count,
		                            a->virtual_port);
		finding_list_add(watch, finding);
	}
	table_free(&seen, NULL);
}

/* ---- sockets that are not closed ---- */

struct close_wait_search {
	struct watch *watch;
	struct table counts; /* by process: how many */
};

static void on_stuck(void *arg, const struct berth_socket *socket)
{
	struct close_wait_search *stuck = arg;
	struct watch_process *process;
	uintptr_t count;

	if (!socket->close_wait_since_ns || socket->closed ||
	    rule_age_ms(socket->close_wait_since_ns) < stuck->watch->policy.close_wait_ms)
		return;
	process = model_process(stuck->watch, (pid_t)socket->pid, socket->worker);
	if (!process->stuck_ns || socket->opened_ns < process->stuck_ns)
		process->stuck_ns = socket->opened_ns;
	count = (uintptr_t)table_get(&stuck->counts, (uint64_t)socket->worker << 32 | socket->pid);
	table_set(&stuck->counts, (uint64_t)socket->worker << 32 | socket->pid,
	          (void *)(count + 1));
}

static void report_stuck(struct watch *watch, struct watch_process *process, unsigned int count)
{
	struct watch_finding *finding = rule_finding_new(watch, FINDING_close_wait,
	                                                 process->worker);

	process->close_wait_told = true;
	rule_set_process(finding, process);
	finding->count = count;
	finding->protocol = str_copy("tcp");
	if (process->stuck_ns)
		finding->since_ns = (int64_t)process->stuck_ns;
	finding->detail = str_print(
		"%u connections of %s (pid %d) are in CLOSE_WAIT for more than %lld ms", count,
		finding->command, process->pid, (long long)watch->policy.close_wait_ms);
	finding_list_add(watch, finding);
}

void rule_close_wait(struct watch *watch)
{
	struct close_wait_search stuck = { .watch = watch };

	(void)watch_snapshot(watch, on_stuck, &stuck);
	for (struct table_cell *cell = NULL; (cell = table_next(&stuck.counts, cell));) {
		struct watch_process *process = model_process(watch, (pid_t)(uint32_t)cell->key,
		                                              (unsigned int)(cell->key >> 32));

		model_describe(process);
		if ((uintptr_t)cell->value >= watch->policy.close_wait_low &&
		    !process->close_wait_told)
			report_stuck(watch, process, (unsigned int)(uintptr_t)cell->value);
	}
	table_free(&stuck.counts, NULL);
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->processes, cell));) {
		/* those that have closed theirs meanwhile, but late */
		struct watch_process *process = cell->value;

		if (process->stuck >= watch->policy.close_wait_low && !process->close_wait_told)
			report_stuck(watch, process, process->stuck);
	}
}

void rule_descriptor_growth(struct watch *watch, struct watch_process *process)
{
	int growth = measurements_growth(&process->descriptors);
	struct watch_finding *finding;

	if (process->growth_told || growth < (int)watch->policy.growth_low)
		return;
	process->growth_told = true;
	model_describe(process);
	finding = rule_finding_new(watch, FINDING_descriptor_growth, process->worker);
	rule_set_process(finding, process);
	finding->count = (uint64_t)growth;
	finding->detail = str_print("%s (pid %d) went from %d to %d open descriptors, step by step",
	                            finding->command, process->pid, process->descriptors.of[0],
	                            process->descriptors.of[process->descriptors.count - 1]);
	finding_list_add(watch, finding);
}

static void report_never_closed(struct watch *watch, struct watch_process *process)
{
	struct watch_finding *finding = rule_finding_new(watch, FINDING_socket_never_closed,
	                                                 process->worker);

	rule_set_process(finding, process);
	finding->count = process->never_closed;
	finding->protocol = str_copy("tcp");
	finding->port = model_virtual_port(watch, process->worker, process->never_port);
	finding->real_port = process->never_port;
	if (process->never_ns)
		finding->since_ns = (int64_t)process->never_ns;
	finding->stack = symbol_names(&process->never_stack);
	finding->detail = str_print(
		"process %d ended with %u connections open that it had made, the first to port %u",
		process->pid, process->never_closed, finding->port);
	process->never_closed = 0;
	if (process->never_spread < NEVER_SECONDS)
		finding->severity =
			FINDING_NOTE; /* opened in a burst: a pool, which ends with its process */
	finding_list_add(watch, finding);
}

void rule_never_closed(struct watch *watch, const struct watch_worker *worker)
{
	for (struct table_cell *cell = NULL; (cell = table_next(&watch->processes, cell));)
		for (struct watch_process *process = cell->value; process; process = process->older)
			if (process->worker == worker->number &&
			    process->never_closed >= watch->policy.never_closed_low)
				report_never_closed(watch, process);
}

/* ---- TIME_WAIT on a port that will be wanted again ---- */

struct time_wait_search {
	struct watch *watch;
	const struct watch_worker *worker;
	/* nobody wants a port again that the kernel chose */
	unsigned int given_low, given_high;
};

static void on_time_wait(void *arg, const struct diag_socket *socket)
{
	struct time_wait_search *waiting = arg;
	struct watch_finding *finding;

	if (socket->local_port >= waiting->given_low && socket->local_port <= waiting->given_high)
		return;
	for (struct watch_endpoint *at = waiting->watch->newest; at; at = at->next) {
		if (at->worker != waiting->worker->number || at->port != socket->local_port ||
		    !at->listen_ns || at->reuse)
			continue;
		at->reuse = true; /* told once */
		finding = rule_finding_new(waiting->watch, FINDING_time_wait, at->worker);
		rule_set_process(finding, at->process);
		finding->protocol = str_copy("tcp");
		finding->port = at->virtual_port;
		finding->real_port = at->port;
		finding->since_ns = (int64_t)(at->bound_ns ? at->bound_ns : at->listen_ns);
		finding->stack = symbol_names(&at->stack);
		finding->detail = str_print("the server on port %u closed first and does not set "
		                            "SO_REUSEADDR: the next bind fails "
		                            "for up to a minute",
		                            at->virtual_port);
		finding_list_add(waiting->watch, finding);
		return;
	}
}

void rule_time_wait(struct watch *watch, const struct watch_worker *worker)
{
	const struct diag_filter filter = { .states = 1u << DIAG_TIME_WAIT, .no_udp = true };
	struct time_wait_search waiting = { .watch = watch, .worker = worker };

	/* sock_diag does not tell SO_REUSEADDR, so sampling cannot know whether the port is blocked */
	if (!watch->monitor || !watch->newest)
		return;
	file_read_ephemeral(&waiting.given_low, &waiting.given_high);
	(void)diag_each(-1, &filter, on_time_wait, &waiting);
}

/* ---- rates ---- */

/*
 * Which failures, as a share of what. A refused connect is how suites wait for their servers: it is told only where most of them
 * failed, and the worker as well. A server that takes its time refuses hundreds, and the first answer ends the waiting.
 */
static const struct error_rule {
	enum berth_count errors, all;
	const char *name, *of;
	double floor; /* the policy's ratio, but at least this */
	bool failed;  /* only where the worker has failed */
} rates[] = {
	{ BERTH_COUNT_epipe, BERTH_COUNT_connected, "EPIPE", "connection", 0, false },
	{ BERTH_COUNT_econnreset, BERTH_COUNT_connected, "ECONNRESET", "connection", 0, false },
	{ BERTH_COUNT_econnrefused, BERTH_COUNT_connected, "ECONNREFUSED", "connection", 20, true },
	{ BERTH_COUNT_etimedout, BERTH_COUNT_connected, "ETIMEDOUT", "connection", 0, false },
	{ BERTH_COUNT_eaddrinuse, BERTH_COUNT_bound, "EADDRINUSE", "bind", 0, false },
};

static void report_error_rate(struct watch *watch, struct watch_worker *worker, size_t index,
                              uint64_t low, double floor)
{
	const struct error_rule *rate = &rates[index];
	uint64_t errors = worker->counts.of[rate->errors];
	uint64_t accepted = rate->all == BERTH_COUNT_connected
	                            ? worker->counts.of[BERTH_COUNT_accepted]
	                            : 0;
	uint64_t all = worker->counts.of[rate->all] + accepted;
	struct watch_finding *finding;

	if (errors < low || (double)errors < floor * (double)all || worker->alarmed & 1u << index)
		return;
	worker->alarmed |= 1u << index;
	finding = rule_finding_new(watch, FINDING_error_rate, worker->number);
	finding->count = errors;
	finding->error = rate->name;
	finding->detail = str_print("%llu calls failed with %s, beside %llu %ss",
	                            (unsigned long long)errors, rate->name, (unsigned long long)all,
	                            rate->of);
	finding_list_add(watch, finding);
}

static const struct watch_alarm *alarm_of(const struct watch *watch, const struct error_rule *rate)
{
	for (size_t i = 0; i < watch->policy.alarm_count; i++)
		if (watch->policy.alarms[i].error == rate->errors)
			return &watch->policy.alarms[i];
	return NULL;
}

void rule_alarms(struct watch *watch, struct watch_worker *worker)
{
	for (size_t i = 0; i < ARRAY_LEN(rates); i++) {
		const struct watch_alarm *alarm = alarm_of(watch, &rates[i]);

		if (alarm)
			report_error_rate(watch, worker, i, alarm->low ? alarm->low : 1,
			                  alarm->ratio);
	}
}

void rule_error_rates(struct watch *watch, struct watch_worker *worker)
{
	double ratio = watch->policy.error_ratio;

	rule_alarms(watch, worker);
	for (size_t i = 0; i < ARRAY_LEN(rates); i++)
		if (!alarm_of(watch, &rates[i]) && !(rates[i].failed && worker->passed))
			report_error_rate(watch, worker, i, watch->policy.error_low,
			                  rates[i].floor > ratio ? rates[i].floor : ratio);
}
