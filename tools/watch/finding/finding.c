/* SPDX-License-Identifier: MIT */
/* One finding: its kind, its fingerprint, its JSON form, the allow rules, the baseline. */
#include "tools/watch/finding/finding.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/clock.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"
#include "tools/base/table.h"

enum { FINGERPRINT_FRAMES = 5 };

#define ERROR   FINDING_ERROR
#define WARNING FINDING_WARNING
#define NOTE    FINDING_NOTE
#define LEAKS   FINDING_GATE_LEAKS
#define FOREIGN FINDING_GATE_FOREIGN
#define NONE    FINDING_GATE_NONE
const struct finding_row finding_table[FINDING_KINDS] = {
#define FINDING(name, severity, gate, title, remedy) { #name, severity, gate, title, remedy },
#include "core/findings.def"
};
const char *const finding_severity_names[] = { "error", "warning", "note" };

struct watch_finding *finding_new(enum finding_kind kind)
{
	struct watch_finding *finding = mem_alloc(sizeof(*finding));

	finding->kind = kind;
	finding->severity = finding_table[kind].severity;
	finding->time_ns = clock_wall_ns();
	finding->since_ns = clock_ns();
	finding->age_ms = -1;
	finding->count = 1;
	return finding;
}

void finding_free(struct watch_finding *finding)
{
	if (!finding)
		return;
	free(finding->task);
	strv_free(finding->tests);
	free(finding->protocol);
	free(finding->path);
	free(finding->command);
	free(finding->directory);
	free(finding->detail);
	strv_free(finding->ancestry);
	strv_free(finding->stack);
	free(finding);
}

/* "/usr/bin/node /srv/server.js --port 3101" -> "node server.js" */
static char *program_name(const char *command)
{
	cleanup_strv char **words = strv_split(command ? command : "", " ");
	struct str name = { 0 };

	for (size_t i = 0; words && words[i] && i < 2; i++) {
		const char *slash = strrchr(words[i], '/');

		if (i && *words[i] == '-')
			break;
		str_addf(&name, "%s%s", i ? " " : "", slash ? slash + 1 : words[i]);
	}
	return str_take(&name);
}

/* The file name of a socket, without digits: directory and digits often differ from run to run. */
static char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str name = { 0 };

	for (path = slash ? slash + 1 : path; *path; path++)
		if (*path < '0' || *path > '9')
			str_add_len(&name, path, 1);
	return str_take(&name);
}

/* Length of the name in "name at file:line" or "name in module": lines move with each edit. */
static size_t function_len(const char *frame)
{
	const char *end = strstr(frame, " at ");

	if (!end)
		end = strstr(frame, " in ");
	return end ? (size_t)(end - frame) : strlen(frame);
}

void finding_set_fingerprint(struct watch_finding *finding)
{
	cleanup_free char *program = program_name(finding->error ? finding->error
	                                                         : finding->command);
	uint64_t hash = table_hash_text(TABLE_HASH, finding_table[finding->kind].name);
	size_t frames = 0;

	/* the task of a plain copy is its number, and it is chance which copy meets a problem */
	if (finding->task && strspn(finding->task, "0123456789") != strlen(finding->task))
		hash = table_hash_text(hash, finding->task);
	hash = table_hash(hash, &finding->port, sizeof(finding->port));
	if (finding->path) {
		cleanup_free char *file = file_name(finding->path);

		hash = table_hash_text(hash, file);
	}
	if (finding->limit)
		hash = table_hash_text(hash, finding->limit);
	hash = table_hash_text(hash, program);
	for (char **frame = finding->stack; frame && *frame && frames < FINGERPRINT_FRAMES;
	     frame++) {
		/* the address of code without a name differs from process to process */
		if (str_starts(*frame, "0x") || strstr(*frame, "+0x"))
			continue;
		hash = table_hash(hash, *frame, function_len(*frame));
		frames++;
	}
	snprintf(finding->fingerprint, sizeof(finding->fingerprint), "%016llx",
	         (unsigned long long)hash);
}

static void set_string(json_t *object, const char *name, const char *value)
{
	json_object_set_new(object, name, json_text(value));
}

static void set_number(json_t *object, const char *name, int64_t value, bool known)
{
	json_object_set_new(object, name, known ? json_integer(value) : json_null());
}

json_t *finding_json(const struct watch_finding *finding)
{
	const struct finding_row *row = &finding_table[finding->kind];
	json_t *object = json_object();

	set_string(object, "kind", row->name);
	set_string(object, "severity", finding_severity_names[finding->severity]);
	set_string(object, "title", row->title);
	set_string(object, "detail", finding->detail);
	set_string(object, "remedy", row->remedy);
	set_string(object, "gate",
	           row->gate == FINDING_GATE_LEAKS     ? "leaks"
	           : row->gate == FINDING_GATE_FOREIGN ? "foreign"
	                                               : NULL);
	set_number(object, "worker", finding->worker, finding->worker);
	set_string(object, "task", finding->task);
	set_string(object, "test", strv_len(finding->tests) == 1 ? finding->tests[0] : NULL);
	if (strv_len(finding->tests) > 1)
		json_object_set_new(object, "tests", json_texts(finding->tests));
	set_string(object, "protocol", finding->protocol);
	set_string(object, "path", finding->path);
	set_number(object, "port", finding->port, finding->port);
	set_number(object, "real_port", finding->real_port, finding->real_port);
	set_number(object, "pid", finding->pid, finding->pid);
	set_number(object, "pid_inside", finding->pid_inside, finding->pid_inside);
	set_string(object, "command", finding->command);
	set_string(object, "directory", finding->directory);
	set_string(object, "error", finding->error);
	json_object_set_new(object, "ancestry", json_texts(finding->ancestry));
	json_object_set_new(object, "stack", json_texts(finding->stack));
	set_number(object, "age_ms", finding->age_ms, finding->age_ms >= 0);
	set_number(object, "count", (int64_t)finding->count, true);
	set_number(object, "time_ms", finding->time_ns / 1000000, true);
	set_string(object, "fingerprint", finding->fingerprint);
	json_object_set_new(object, "known", json_boolean(finding->known));
	return object;
}

/* ---- allow rules ---- */

static bool program_matches(const struct watch_finding *finding, const char *glob)
{
	cleanup_free char *program = program_name(finding->command);
	cleanup_free char *first = str_copy_len(program, strcspn(program, " "));

	return !fnmatch(glob, first, 0) || !fnmatch(glob, program, 0);
}

static bool stack_matches(char *const *stack, const char *part)
{
	cleanup_free char *glob = str_print("*%s*", part);

	for (; stack && *stack; stack++)
		if (!fnmatch(glob, *stack, 0))
			return true;
	return false;
}

bool finding_allowed(const struct watch_finding *finding, const struct finding_rule *rules,
                     size_t count)
{
	for (const struct finding_rule *rule = rules; rule < rules + count; rule++)
		if ((!rule->port_last ||
		     (finding->port >= rule->port_first && finding->port <= rule->port_last)) &&
		    (!rule->program || program_matches(finding, rule->program)) &&
		    (!rule->stack || stack_matches(finding->stack, rule->stack)))
			return true;
	return false;
}

/* ---- baseline ---- */

int finding_baseline_read(const char *path, char ***ret_fingerprints)
{
	cleanup_free char *text = NULL;
	cleanup_strv char **lines = NULL;
	int ret = file_read(path, &text, NULL);

	*ret_fingerprints = NULL;
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	lines = strv_split(text, "\n");
	for (char **line = lines; line && *line; line++)
		if (**line != '#' && strspn(*line, "0123456789abcdef") == 16)
			strv_own(ret_fingerprints, str_copy_len(*line, 16));
	return 0;
}
