/* SPDX-License-Identifier: MIT */
/* What the rules have in common: filling in the fields of a finding. */
#include <string.h>

#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/watch/rules/rules.h"

struct watch_finding *rule_finding(struct watch_rules *rules, enum finding_kind kind,
                                   unsigned int worker)
{
	struct watch_finding *finding = finding_new(kind);

	finding->worker = worker;
	finding->task = str_copy(model_worker(rules->model, worker)->task);
	return finding;
}

void rule_set_process(struct watch_finding *finding, const struct watch_process *process)
{
	if (!process)
		return;
	finding->pid = process->pid;
	finding->pid_inside = process->pid_inside;
	finding->command = process->command ? str_copy(process->command)
	                                    : proc_parse_command(process->comm,
	                                                         strnlen(process->comm, BERTH_COMM),
	                                                         BERTH_COMM);
	finding->directory = str_copy(process->directory);
	finding->ancestry = strv_copy(process->ancestry);
	finding->process_began_ns = (int64_t)process->began_ns;
}

void rule_set_protocol(struct watch_finding *finding, enum berth_proto proto)
{
	finding->protocol = str_copy(proto == BERTH_TCP ? "tcp" : "udp");
}

void rule_set_endpoint(struct watch_finding *finding, const struct watch_endpoint *endpoint)
{
	rule_set_protocol(finding, endpoint->proto);
	finding->port = endpoint->virtual_port;
	finding->real_port = endpoint->port;
	finding->stack = symbol_names(&endpoint->stack);
}

int64_t rule_age_ms(uint64_t since_ns)
{
	return since_ns ? (clock_ns() - (int64_t)since_ns) / 1000000 : -1;
}

bool rule_process_succeeded(const struct watch_process *process)
{
	return !process->alive && process->status_known && !process->status;
}
