/* SPDX-License-Identifier: MIT */
/*
 * The output of `berth who`: one line with the answer, then each holder with its sockets, former
 * owners, what could not be seen, and what to do. Of many connections, only the first are listed.
 */
#include "tools/cli/who/show_who.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/json.h"
#include "tools/process/proc.h"

enum { LINES_MOST = 6 };

static const char *const verdict_names[] = {
	[WHO_OWNED] = "owned", [WHO_FREE] = "free", [WHO_INVISIBLE] = "invisible"
};

static void local_time(int64_t wall_ns, char *text, size_t size)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm parts;

	localtime_r(&seconds, &parts);
	strftime(text, size, "%Y-%m-%d %H:%M:%S", &parts);
}

char *show_time(int64_t ms)
{
	char text[32];

	local_time(ms * 1000000, text, sizeof(text));
	return str_copy(text);
}

/* Escape a name that another process chose: it may contain terminal control sequences. */
static void add_name(struct str *text, const char *before, const char *name)
{
	size_t len = strlen(name);
	cleanup_free char *plain = proc_parse_command(name, len, len);

	str_addf(text, "%s%s", before, plain);
}

static void add_age(struct str *text, int64_t ns)
{
	int64_t minutes = ns / 60000000000;

	if (ns < 60000000000)
		str_addf(text, "%d s", (int)(ns / 1000000000));
	else if (minutes < 120)
		str_addf(text, "%d min", (int)minutes);
	else if (minutes < 2880)
		str_addf(text, "%d h %d min", (int)(minutes / 60), (int)(minutes % 60));
	else
		str_addf(text, "%d days", (int)(minutes / 1440));
}

static void add_socket(struct str *text, const struct who_socket *one)
{
	const struct diag_socket *socket = &one->socket;
	char local[DIAG_ADDRESS], remote[DIAG_ADDRESS];

	if (socket->family == AF_UNIX) {
		str_addf(text, "    unix socket, %s", diag_state_name(socket));
		if (!one->here)
			str_addf(text, ", in network namespace %llu",
			         (unsigned long long)one->netns);
		str_add(text, "\n");
		return;
	}
	str_addf(text, "    %s  %-22s %s", socket->proto == BERTH_TCP ? "TCP" : "UDP",
	         diag_address(&socket->local, socket->family, socket->local_port, local),
	         diag_state_name(socket));
	if (socket->remote_port)
		str_addf(
			text, " to %s",
			diag_address(&socket->remote, socket->family, socket->remote_port, remote));
	if (socket->v6only && socket->state == DIAG_LISTEN)
		str_add(text, ", IPv6 only");
	if (socket->expires_ms && !socket->inode)
		str_addf(text, ", %u s left", (socket->expires_ms + 999) / 1000);
	if (!one->here)
		str_addf(text, ", in network namespace %llu", (unsigned long long)one->netns);
	str_add(text, "\n");
}

static void add_holder(struct str *text, const struct who *who, const struct who_holder *holder)
{
	const struct proc_info *info = &holder->info;
	char since[32];

	local_time(info->start_ns, since, sizeof(since));
	add_name(text, "\n  ", info->command);
	str_addf(text, "\n    pid %d, user %s, since %s (", info->stat.pid, info->user, since);
	add_age(text, clock_wall_ns() - info->start_ns);
	str_add(text, ")");
	if (info->directory)
		add_name(text, "\n    in ", info->directory);
	for (size_t i = 0; i < holder->ancestor_count; i++) {
		add_name(text, i ? " < " : "\n    started by ", holder->ancestors[i].comm);
		str_addf(text, " (%d)", holder->ancestors[i].pid);
	}
	if (info->container)
		add_name(text, "\n    in container ", info->container);
	if (holder->unit)
		add_name(text, "\n    of service ", holder->unit);
	if (info->owner.run) {
		add_name(text, "\n    run ", info->owner.run);
		add_name(text, ", worker ", info->owner.worker ? info->owner.worker : "?");
		add_name(text, ", task ", info->owner.task ? info->owner.task : "?");
	}
	if (holder->virtual_port)
		str_addf(text, "\n    its worker calls the port %u", holder->virtual_port);
	str_add(text, "\n");
	for (size_t i = 0; i < holder->socket_count && i < LINES_MOST; i++)
		add_socket(text, &who->sockets[holder->sockets[i]]);
	if (holder->socket_count > LINES_MOST)
		str_addf(text, "    and %zu more\n", holder->socket_count - LINES_MOST);
}

static void add_ownerless(struct str *text, const struct who *who)
{
	size_t shown = 0, count = 0;

	for (size_t i = 0; i < who->socket_count; i++) {
		if (who->sockets[i].holders)
			continue;
		if (!count++)
			str_add(text, who->hidden_processes ? "\n  owner not visible, or none\n"
			                                    : "\n  without a process\n");
		if (shown++ < LINES_MOST)
			add_socket(text, &who->sockets[i]);
	}
	if (count > LINES_MOST)
		str_addf(text, "    and %zu more\n", count - LINES_MOST);
}

static void add_headline(struct str *text, const struct who *who)
{
	const struct who_holder *first = who->holder_count ? &who->holders[0] : NULL;

	add_name(text, who->port ? "port " : "", who->name);
	str_add(text, ": ");
	if (who->verdict == WHO_FREE) {
		str_add(text, first ? "free here, held in another network namespace" : "free");
	} else if (!first) {
		str_add(text, who->hidden_processes ? "held, but no owner can be seen"
		                                    : "held by no process any more");
	} else {
		add_name(text, "held by ", first->info.stat.comm);
		str_addf(text, " (pid %d)", first->info.stat.pid);
	}
	if (who->holder_count > 1)
		str_addf(text, " and %zu more process%s", who->holder_count - 1,
		         who->holder_count > 2 ? "es" : "");
	str_add(text, "\n");
}

static void add_virtuals(struct str *text, const struct who *who)
{
	for (size_t i = 0; i < who->virtual_count; i++)
		str_addf(text, "%s  virtual port of run %s, worker %u, task %s: real port %u, %s\n",
		         i ? "" : "\n", who->virtuals[i].run, who->virtuals[i].worker,
		         who->virtuals[i].task ? who->virtuals[i].task : "?",
		         who->virtuals[i].real_port,
		         who->virtuals[i].held ? "in use" : "not bound now");
}

static void add_blind_spots(struct str *text, const struct who *who)
{
	if (who->hidden_processes)
		str_addf(text,
		         "not seen: the sockets of %u process%s of other users (sudo berth who "
		         "%s)\n",
		         who->hidden_processes, who->hidden_processes > 1 ? "es" : "", who->name);
	if (who->hidden_namespaces)
		str_addf(text, "not seen: %u other network namespace%s (sudo berth who %s)\n",
		         who->hidden_namespaces, who->hidden_namespaces > 1 ? "s" : "", who->name);
}

static void add_past(struct str *text, const struct show_past *past, const char *before)
{
	str_add(text, before);
	add_name(text, "  before: ", past->command);
	str_addf(text, " (pid %d), run %s, worker %u", past->pid, past->run, past->worker);
	add_name(text, ", task ", past->task);
	str_addf(text, ", since %s", past->since);
	if (past->until)
		str_addf(text, " until %s", past->until);
	str_add(text, "\n");
}

void show_who_text(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text)
{
	cleanup_free char *advice = who_advice(who);

	add_headline(text, who);
	for (size_t i = 0; i < who->holder_count; i++)
		add_holder(text, who, &who->holders[i]);
	add_ownerless(text, who);
	add_virtuals(text, who);
	for (size_t i = 0; i < past_count; i++)
		add_past(text, &past[i], i ? "" : "\n");
	str_add(text, "\n");
	add_blind_spots(text, who);
	str_addf(text, "to do: %s\n", advice);
}

/* ---- JSON ---- */

static void set_string(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, json_text(value));
}

static json_t *json_socket(const struct who_socket *one)
{
	const struct diag_socket *socket = &one->socket;
	char local[DIAG_ADDRESS], remote[DIAG_ADDRESS];
	json_t *object = json_object();

	set_string(object, "state", diag_state_name(socket));
	json_object_set_new(object, "netns", json_integer((json_int_t)one->netns));
	json_object_set_new(object, "here", json_boolean(one->here));
	if (socket->family == AF_UNIX) {
		set_string(object, "protocol", "unix");
		return object;
	}
	set_string(object, "protocol", socket->proto == BERTH_TCP ? "tcp" : "udp");
	json_object_set_new(object, "family", json_integer(socket->family == AF_INET ? 4 : 6));
	set_string(object, "local",
	           diag_address(&socket->local, socket->family, socket->local_port, local));
	if (socket->remote_port)
		set_string(
			object, "remote",
			diag_address(&socket->remote, socket->family, socket->remote_port, remote));
	if (socket->expires_ms && !socket->inode)
		json_object_set_new(object, "expires_ms", json_integer(socket->expires_ms));
	return object;
}

static json_t *json_holder(const struct who *who, const struct who_holder *holder)
{
	const struct proc_info *info = &holder->info;
	json_t *object = json_object(), *ancestors = json_array(), *sockets = json_array();
	char since[32];

	local_time(info->start_ns, since, sizeof(since));
	json_object_set_new(object, "pid", json_integer(info->stat.pid));
	set_string(object, "name", info->stat.comm);
	set_string(object, "command", info->command);
	set_string(object, "directory", info->directory);
	set_string(object, "program", info->program);
	set_string(object, "user", info->user);
	set_string(object, "since", since);
	set_string(object, "container", info->container);
	set_string(object, "service", holder->unit);
	set_string(object, "run", info->owner.run);
	set_string(object, "worker", info->owner.worker);
	set_string(object, "task", info->owner.task);
	json_object_set_new(object, "virtual_port",
	                    holder->virtual_port ? json_integer(holder->virtual_port)
	                                         : json_null());
	for (size_t i = 0; i < holder->ancestor_count; i++)
		json_array_append_new(ancestors,
		                      json_pack("{s:i, s:s}", "pid", holder->ancestors[i].pid,
		                                "name", holder->ancestors[i].comm));
	json_object_set_new(object, "ancestors", ancestors);
	for (size_t i = 0; i < holder->socket_count; i++)
		json_array_append_new(sockets, json_socket(&who->sockets[holder->sockets[i]]));
	json_object_set_new(object, "sockets", sockets);
	return object;
}

static json_t *json_virtuals(const struct who *who)
{
	json_t *array = json_array();

	for (size_t i = 0; i < who->virtual_count; i++)
		json_array_append_new(array, json_pack("{s:s, s:i, s:s?, s:i, s:b}", "run",
		                                       who->virtuals[i].run, "worker",
		                                       (int)who->virtuals[i].worker, "task",
		                                       who->virtuals[i].task, "real_port",
		                                       who->virtuals[i].real_port, "held",
		                                       who->virtuals[i].held));
	return array;
}

static json_t *json_past(const struct show_past *past, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array,
		                      json_pack("{s:s?, s:i, s:s?, s:s?, s:i, s:s?, s:s?}", "run",
		                                past[i].run, "worker", (int)past[i].worker, "task",
		                                past[i].task, "command", past[i].command, "pid",
		                                past[i].pid, "since", past[i].since, "until",
		                                past[i].until));
	return array;
}

void show_who_json(const struct who *who, const struct show_past *past, size_t past_count,
                   struct str *text)
{
	cleanup_free char *advice = who_advice(who), *line = NULL;
	json_t *object = json_object(), *holders = json_array(), *ownerless = json_array();

	json_object_set_new(object, "port", who->port ? json_integer(who->port) : json_null());
	set_string(object, "path", who->port ? NULL : who->name);
	set_string(object, "verdict", verdict_names[who->verdict]);
	for (size_t i = 0; i < who->holder_count; i++)
		json_array_append_new(holders, json_holder(who, &who->holders[i]));
	for (size_t i = 0; i < who->socket_count; i++)
		if (!who->sockets[i].holders)
			json_array_append_new(ownerless, json_socket(&who->sockets[i]));
	json_object_set_new(object, "holders", holders);
	json_object_set_new(object, "without_process", ownerless);
	json_object_set_new(object, "virtual_in", json_virtuals(who));
	json_object_set_new(object, "before", json_past(past, past_count));
	json_object_set_new(object, "hidden_processes", json_integer(who->hidden_processes));
	json_object_set_new(object, "hidden_namespaces", json_integer(who->hidden_namespaces));
	json_object_set_new(object, "advice", json_string(advice));
	line = json_dumps(object, JSON_INDENT(2));
	str_addf(text, "%s\n", line);
	json_decref(object);
}
