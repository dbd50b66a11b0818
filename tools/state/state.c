/* SPDX-License-Identifier: MIT */
/*
 * state.json is replaced as a whole, so that readers need no lock. Whether the run is alive only
 * the kernel knows: by flock(2) on the file `lock` beside it.
 */
#include "tools/state/state.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/json.h"
#include "tools/base/str.h"
#include "tools/process/proc.h"
#include "tools/state/runtime.h"

const char *const state_status_names[STATE_STATUSES + 1] = { "waiting", "running", "ending",
	                                                     "passed",  "failed",  NULL };

/* The strings of a run, for reading and writing. */
static const struct {
	const char *key;
	size_t offset;
} texts[] = {
	{ "run", offsetof(struct run_state, id) },
	{ "project", offsetof(struct run_state, project_dir) },
	{ "results", offsetof(struct run_state, results_dir) },
	{ "dir", offsetof(struct run_state, dir) },
	{ "scratch", offsetof(struct run_state, scratch_dir) },
	{ "logs", offsetof(struct run_state, log_dir) },
	{ "name", offsetof(struct run_state, name) },
	{ "cgroup", offsetof(struct run_state, cgroup_dir) },
	{ "backend", offsetof(struct run_state, backend) },
	{ "tree", offsetof(struct run_state, tree) },
};

static char **text_at(const struct run_state *run, size_t i)
{
	return (char **)(void *)((char *)(uintptr_t)run + texts[i].offset);
}

static json_t *worker_to_json(const struct state_worker *worker)
{
	json_t *ports = json_array();

	for (size_t i = 0; i < worker->port_count; i++)
		json_array_append_new(ports, json_pack("[ii]", worker->ports[i].virtual_port,
		                                       worker->ports[i].real_port));
	return json_pack("{si so si si si si so so ss si}", "number", (int)worker->number, "task",
	                 json_text(worker->task), "pid", (int)worker->pid, "init",
	                 (int)worker->init, "block", (int)worker->block_base, "ports",
	                 (int)worker->block_len, "pairs", ports, "map", json_text(worker->map_path),
	                 "status", state_status_names[worker->status], "exit", worker->exit_status);
}

int state_save(const struct run_state *run)
{
	json_t *root = json_object(), *workers = json_array();
	const char *const dirs[] = { run->dir, run->name ? run->log_dir : NULL };
	cleanup_free char *text = NULL;
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		json_object_set_new(root, texts[i].key,
		                    json_text(*text_at(run, i) ? *text_at(run, i) : ""));
	for (size_t i = 0; i < run->worker_count; i++)
		json_array_append_new(workers, worker_to_json(&run->workers[i]));
	json_object_set_new(root, "pid", json_integer(run->pid));
	json_object_set_new(root, "pid_namespace",
	                    json_integer((json_int_t)proc_namespace(getpid(), "pid")));
	json_object_set_new(root, "started_ns", json_integer(run->started_ns));
	json_object_set_new(root, "limits", json_texts(run->limit_dirs));
	json_object_set_new(root, "databases", json_texts(run->database_ports));
	json_object_set_new(root, "command", json_texts_redacted(run->command));
	json_object_set_new(root, "workers", workers);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	for (size_t i = 0; i < ARRAY_LEN(dirs) && dirs[i] && !ret; i++) {
		cleanup_free char *path = str_print("%s/state.json", dirs[i]);

		ret = text ? file_replace(path, text, strlen(text), 0600) : -EINVAL;
	}
	return ret;
}

static int64_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? str_copy(text) : NULL;
}

static enum state_status status_of(const json_t *worker)
{
	const char *name = json_string_value(json_object_get(worker, "status"));

	for (unsigned int i = 0; name && i < STATE_STATUSES; i++)
		if (!strcmp(name, state_status_names[i]))
			return (enum state_status)i;
	return STATE_WAITING;
}

static void ports_of(const json_t *array, struct state_worker *worker)
{
	worker->port_count = json_array_size(array);
	worker->ports = mem_alloc((worker->port_count + 1) * sizeof(*worker->ports));
	for (size_t i = 0; i < worker->port_count; i++) {
		const json_t *pair = json_array_get(array, i);

		worker->ports[i] = (struct ports_pair){
			(uint16_t)json_integer_value(json_array_get(pair, 0)),
			(uint16_t)json_integer_value(json_array_get(pair, 1)),
		};
	}
}

static void workers_of(const json_t *array, struct run_state *run)
{
	run->worker_count = json_array_size(array);
	run->workers = mem_alloc((run->worker_count + 1) * sizeof(*run->workers));
	for (size_t i = 0; i < run->worker_count; i++) {
		const json_t *from = json_array_get(array, i);

		run->workers[i] = (struct state_worker){
			.number = (unsigned int)number_of(from, "number"),
			.task = text_of(from, "task"),
			.pid = (pid_t)number_of(from, "pid"),
			.init = (pid_t)number_of(from, "init"),
			.block_base = (unsigned int)number_of(from, "block"),
			.block_len = (unsigned int)number_of(from, "ports"),
			.map_path = text_of(from, "map"),
			.status = status_of(from),
			.exit_status = (int)number_of(from, "exit"),
		};
		ports_of(json_object_get(from, "pairs"), &run->workers[i]);
	}
}

static void load_json(const json_t *root, struct run_state *run)
{
	const struct {
		const char *key;
		char ***list;
	} lists[] = { { "command", &run->command },
		      { "limits", &run->limit_dirs },
		      { "databases", &run->database_ports } };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *text = text_of(root, texts[i].key);

		if (text) {
			free(*text_at(run, i));
			*text_at(run, i) = text;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const json_t *array = json_object_get(root, lists[i].key);

		for (size_t k = 0; k < json_array_size(array); k++)
			strv_add(lists[i].list, json_string_value(json_array_get(array, k)));
	}
	run->pid = (pid_t)number_of(root, "pid");
	run->started_ns = number_of(root, "started_ns");
	workers_of(json_object_get(root, "workers"), run);
	if (!json_object_get(root, "pid_namespace") ||
	    (uint64_t)number_of(root, "pid_namespace") == proc_namespace(getpid(), "pid"))
		return;
	/* a run inside of a worker, or that of the worker that we are in: not our numbers */
	run->pid = 0;
	for (size_t i = 0; i < run->worker_count; i++)
		run->workers[i].pid = run->workers[i].init = 0;
}

int state_load_file(const char *dir, struct run_state *ret_run)
{
	cleanup_free char *path = str_print("%s/state.json", dir);
	cleanup_free char *text = NULL;
	json_t *root;
	int ret = file_read(path, &text, NULL);

	*ret_run = (struct run_state){ 0 };
	if (ret)
		return ret;
	root = json_loads(text, 0, NULL);
	if (root)
		load_json(root, ret_run);
	json_decref(root);
	return root ? 0 : -EINVAL;
}

/* A run that was killed early has a directory without state, which `berth reap` must find, too. */
static void load_dir(const char *dir, const char *id, struct run_state *ret_run)
{
	(void)state_load_file(dir, ret_run);
	ret_run->alive = !runtime_is_dead(id);
	free(ret_run->id);
	free(ret_run->dir);
	ret_run->id = str_copy(id);
	ret_run->dir = str_copy(dir);
}

static int by_start(const void *a, const void *b)
{
	const struct run_state *left = a, *right = b;

	return (left->started_ns > right->started_ns) - (left->started_ns < right->started_ns);
}

int state_list(struct run_state **ret_runs, size_t *ret_count)
{
	cleanup_free char *base = NULL;
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;
	struct run_state *runs = NULL;
	size_t count = 0;
	int ret = dir_runtime(&base);

	if (ret)
		return ret;
	dir = opendir(base);
	while (dir && (entry = readdir(dir))) {
		cleanup_free char *path = str_print("%s/%s", base, entry->d_name);

		if (!runtime_is_id(entry->d_name))
			continue;
		runs = mem_grow(runs, count + 1, sizeof(*runs));
		load_dir(path, entry->d_name, &runs[count++]);
	}
	if (runs)
		qsort(runs, count, sizeof(*runs), by_start);
	*ret_runs = runs;
	*ret_count = count;
	return 0;
}

void state_free(struct run_state *run)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(*text_at(run, i));
	for (size_t i = 0; i < run->worker_count; i++) {
		free(run->workers[i].task);
		free(run->workers[i].map_path);
		free(run->workers[i].ports);
	}
	free(run->workers);
	strv_free(run->command);
	strv_free(run->limit_dirs);
	strv_free(run->database_ports);
	*run = (struct run_state){ 0 };
}

void state_list_free(struct run_state *runs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		state_free(&runs[i]);
	free(runs);
}
