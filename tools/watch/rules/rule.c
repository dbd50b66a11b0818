/* SPDX-License-Identifier: MIT */
/* How a rule reports a finding. */
#include <stdarg.h>
#include <string.h>

#include "tools/base/clock.h"
#include "tools/base/str.h"
#include "tools/watch/rules/rules.h"

const char *const rule_protocols[BERTH_PROTOS] = { "tcp", "udp" };

char *rule_process_name(const struct watch_process *process)
{
	return process->command
	               ? str_copy(process->command)
	               : proc_parse_command(process->comm, strnlen(process->comm, BERTH_COMM),
	                                    BERTH_COMM);
}

static void set_process(struct watch_finding *finding, const struct watch_process *process)
{
	finding->pid = process->pid;
	finding->pid_inside = process->pid_inside;
	finding->command = rule_process_name(process);
	finding->directory = str_copy(process->directory);
	finding->ancestry = strv_copy(process->ancestry);
	finding->process_began_ns = (int64_t)process->began_ns;
}

void rule_report(struct watch_rules *rules, const struct rule_report *report, const char *format,
                 ...)
{
	struct watch_finding *finding = finding_new(report->kind);
	va_list list;

	finding->worker = report->worker;
	finding->task = str_copy(model_worker(rules->model, report->worker)->task);
	if (report->process)
		set_process(finding, report->process);
	finding->protocol = str_copy(report->protocol);
	finding->path = str_copy(report->path);
	finding->port = report->port;
	finding->real_port = report->real_port;
	finding->error = report->error;
	if (report->stack)
		finding->stack = symbol_names(report->stack);
	if (report->count)
		finding->count = report->count;
	if (report->since_ns)
		finding->since_ns = (int64_t)report->since_ns;
	if (report->is_leftover && report->since_ns)
		finding->age_ms = rule_age_ms(report->since_ns);
	if (report->is_note)
		finding->severity = FINDING_NOTE;
	va_start(list, format);
	finding->detail = str_vprint(format, list);
	va_end(list);
	finding_list_add(rules->findings, finding);
}

int64_t rule_age_ms(uint64_t since_ns)
{
	return (clock_ns() - (int64_t)since_ns) / 1000000;
}
