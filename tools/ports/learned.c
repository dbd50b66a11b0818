/* SPDX-License-Identifier: MIT */
/*
 * A JSON array of {"command", "task", "port", "runs", "learned"}; "runs" is 0 for a UDP port that
 * only one run has bound. A port is removed LEARNED_MAX_DAYS after a run last bound it. Two runs
 * that end at the same moment may lose each other's changes: the next run learns them again.
 */
#include "tools/ports/learned.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"

/* The text is only compared, so it is stored without passwords. */
static char *command_text(char *const *command)
{
	cleanup_str struct str text = { 0 };

	for (; command && *command; command++) {
		if (text.len)
			str_add(&text, " ");
		str_add(&text, *command);
	}
	return str_redacted(text.text ? text.text : "");
}

static char *file_of(const char *dir)
{
	return str_print("%s/learned-ports.json", dir);
}

static bool is_text(const json_t *entry, const char *key, const json_t *expected)
{
	const json_t *value = json_object_get(entry, key);

	return value && json_equal(value, expected);
}

static bool is_old(const json_t *entry)
{
	const char *date = json_string_value(json_object_get(entry, "learned"));
	struct tm then = { 0 };

	if (!date || !strptime(date, "%Y-%m-%d", &then))
		return true;
	return clock_wall_ns() / 1000000000 - timegm(&then) > (int64_t)LEARNED_MAX_DAYS * 86400;
}

/* Bound once, by UDP: perhaps a source port. */
static bool is_unconfirmed(const json_t *entry)
{
	const json_t *runs = json_object_get(entry, "runs");

	return runs && !json_integer_value(runs);
}

int learned_load(const char *dir, char *const *command, const char *task, uint16_t **ret_ports)
{
	cleanup_free char *path = file_of(dir), *text = NULL;
	json_t *array = json_load_array(path), *own_command, *own_task;
	size_t count = 0, known = json_array_size(array);
	uint16_t *ports;

	*ret_ports = NULL;
	if (!known) {
		json_decref(array);
		return 0;
	}
	text = command_text(command);
	own_command = json_text(text);
	own_task = json_text(task);
	ports = mem_alloc((known + 1) * sizeof(*ports));
	for (size_t i = 0; i < known; i++) {
		const json_t *entry = json_array_get(array, i);
		json_int_t port = json_integer_value(json_object_get(entry, "port"));

		if (port > 0 && port < 65536 && !is_old(entry) && !is_unconfirmed(entry) &&
		    is_text(entry, "command", own_command) && is_text(entry, "task", own_task))
			ports[count++] = (uint16_t)port;
	}
	json_decref(own_command);
	json_decref(own_task);
	json_decref(array);
	*ret_ports = ports;
	return 0;
}

static struct learned_port *find(struct learned_port *ports, json_int_t port)
{
	for (; ports->port; ports++)
		if (ports->port == port)
			return ports;
	return NULL;
}

/*
 * Remove old entries, those that are about to be written again, and UDP ports that did not come
 * back. A UDP port that came back is confirmed.
 */
static void remove_outdated(json_t *array, const json_t *command, const json_t *task,
                            struct learned_port *ports)
{
	for (size_t i = json_array_size(array); i-- > 0;) {
		const json_t *entry = json_array_get(array, i);
		bool same = is_text(entry, "command", command) && is_text(entry, "task", task);
		struct learned_port *bound_again = find(
			ports, json_integer_value(json_object_get(entry, "port")));

		if (same && bound_again)
			bound_again->udp_only = false;
		if (is_old(entry) || (same && (bound_again || is_unconfirmed(entry))))
			json_array_remove(array, i);
	}
}

int learned_save(const char *dir, char *const *command, const char *task,
                 struct learned_port *ports)
{
	cleanup_free char *path = file_of(dir), *text = command_text(command), *dump = NULL;
	json_t *array = json_load_array(path), *command_json = json_text(text),
	       *task_json = json_text(task);
	time_t now = time(NULL);
	struct tm utc;
	char date[16];
	int ret;

	gmtime_r(&now, &utc);
	strftime(date, sizeof(date), "%Y-%m-%d", &utc);
	remove_outdated(array, command_json, task_json, ports);
	for (; ports->port; ports++)
		json_array_append_new(array,
		                      json_pack("{sO sO si si ss}", "command", command_json, "task",
		                                task_json, "port", (int)ports->port, "runs",
		                                ports->udp_only ? 0 : 1, "learned", date));
	dump = json_dumps(array, JSON_INDENT(1));
	ret = dump ? file_replace(path, dump, strlen(dump), 0644) : -EINVAL;
	json_decref(command_json);
	json_decref(task_json);
	json_decref(array);
	return ret;
}
