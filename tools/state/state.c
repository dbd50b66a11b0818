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
	return json_pack("{si so si si si si so ss si}", "number", (int)worker->number, "task",
	                 json_text(worker->task), "pid", (int)worker->pid, "init",
	                 (int)worker->init, "block", (int)worker->block_base, "ports",
	                 (int)worker->block_len, "map", json_text(worker->map_path), "status",
	                 state_status_names[worker->status], "exit", worker->exit_status);
}

int state_save(const struct run_state *run)
{
	json_t *root = json_object(), *workers = json_array();
	cleanup_free char *path = str_print("%s/state.json", run->dir);
	cleanup_free char *text = NULL;

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
	json_object_set_new(root, "command", json_texts_redacted(run->command));
	json_object_set_new(root, "workers", workers);
	text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	return text ? file_replace(path, text, strlen(text), 0600) : -EINVAL;
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
	}
}

static void load_json(const json_t *root, struct run_state *run)
{
	const json_t *command = json_object_get(root, "command"),
		     *dirs = json_object_get(root, "limits");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char *text = text_of(root, texts[i].key);

		if (text) {
			free(*text_at(run, i));
			*text_at(run, i) = text;
		}
	}
	for (size_t i = 0; i < json_array_size(command); i++)
		strv_add(&run->command, json_string_value(json_array_get(command, i)));
	for (size_t i = 0; i < json_array_size(dirs); i++)
		strv_add(&run->limit_dirs, json_string_value(json_array_get(dirs, i)));
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

/* A run that was killed early has a directory without state, which `berth reap` must find, too. */
static void load_dir(const char *dir, const char *id, struct run_state *ret_run)
{
	cleanup_free char *path = str_print("%s/state.json", dir);
	cleanup_free char *text = NULL;
	json_t *root = NULL;

	*ret_run = (struct run_state){ .alive = !runtime_is_dead(id) };
	if (!file_read(path, &text, NULL))
		root = json_loads(text, 0, NULL);
	if (root)
		load_json(root, ret_run);
	free(ret_run->id);
	free(ret_run->dir);
	ret_run->id = str_copy(id);
	ret_run->dir = str_copy(dir);
	json_decref(root);
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
	}
	free(run->workers);
	strv_free(run->command);
	strv_free(run->limit_dirs);
	*run = (struct run_state){ 0 };
}

void state_list_free(struct run_state *runs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		state_free(&runs[i]);
	free(runs);
}

int state_load(const char *id, struct run_state *ret_run)
{
	struct run_state *runs, *found = NULL;
	size_t count;
	int ret = state_list(&runs, &count);

	if (ret)
		return ret;
	for (size_t i = 0; i < count; i++) {
		if (id ? strcmp(id, runs[i].id) != 0 : !runs[i].alive)
			continue;
		ret = found ? -ENOTUNIQ : 0;
		found = &runs[i];
	}
	if (!found)
		ret = -ENOENT;
	if (!ret) {
		*ret_run = *found;
		*found = (struct run_state){ 0 };
	}
	state_list_free(runs, count);
	return ret;
}
