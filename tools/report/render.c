/* SPDX-License-Identifier: MIT */
/* The table of formats, and the small things that several of them say. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/private.h"

const char *const report_format_names[REPORT_FORMATS + 1] = {
#define FORMAT(NAME, name, help) #name,
#include "tools/report/format.def"
	NULL
};

static int (*const renderers[REPORT_FORMATS])(const struct report_run *,
                                              const struct report_options *, struct str *) = {
#define FORMAT(NAME, name, help) report_##name,
#include "tools/report/format.def"
};

int report_render(const struct report_run *run, enum report_format format,
                  const struct report_options *options, struct str *text)
{
	static const struct report_options none;

	return renderers[format](run, options ? options : &none, text);
}

/* A pipe or a device is written to, what a link names is replaced: root's /dev/null has to stay what it is. */
static int write_to(const char *path, const char *text, size_t len)
{
	cleanup_free char *real = NULL;
	cleanup_close int fd = -1;
	struct stat info;

	if (stat(path, &info) || S_ISREG(info.st_mode)) {
		real = realpath(path, NULL);
		return file_replace(real ? real : path, text, len, 0644);
	}
	/* a pipe that nobody reads is an error, ENXIO */
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fcntl(fd, F_SETFL, 0))
		return -errno;
	return file_write_all(fd, text, len);
}

int report_write(const struct report_run *run, enum report_format format,
                 const struct report_options *options, const char *path)
{
	cleanup_str struct str text = { 0 };
	int ret = report_render(run, format, options, &text);

	if (ret)
		return ret;
	if (!strcmp(path, "-"))
		return file_write_all(STDOUT_FILENO, text.text ? text.text : "", text.len);
	return write_to(path, text.text ? text.text : "", text.len);
}

const struct report_worker *worker_find(const struct report_run *run, int64_t number)
{
	for (size_t i = 0; i < run->worker_count; i++)
		if (run->workers[i].number == number)
			return &run->workers[i];
	return NULL;
}

char *worker_title(const struct report_run *run, int64_t number)
{
	const struct report_worker *worker = worker_find(run, number);
	cleanup_free char *plain = str_print("%lld", (long long)number);

	if (!number)
		return str_copy("run");
	if (!worker || !*worker->task || str_equal(worker->task, plain))
		return str_print("w%lld", (long long)number);
	return str_print("w%lld (%s)", (long long)number, worker->task);
}

static bool is_same(const json_t *a, const json_t *b)
{
	return !strcmp(field_text(a, "fingerprint"), field_text(b, "fingerprint"));
}

char *report_workers_of(const struct report_run *run, size_t index)
{
	struct str names = { 0 };

	for (size_t i = index; i < run->finding_count; i++) {
		cleanup_free char *name = worker_title(run,
		                                       field_number(run->findings[i], "worker"));

		if (is_same(run->findings[index], run->findings[i]))
			str_addf(&names, "%s%s", names.len ? ", " : "", name);
	}
	return str_take(&names);
}

bool report_is_repeated(const struct report_run *run, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (is_same(run->findings[i], run->findings[index]))
			return true;
	return false;
}

unsigned int workers_with(const struct report_run *run, const char *status)
{
	unsigned int count = 0;

	for (size_t i = 0; i < run->worker_count; i++)
		count += !strcmp(run->workers[i].status, status);
	return count;
}

unsigned int findings_of(const struct report_run *run, const char *severity)
{
	unsigned int count = 0;

	for (size_t i = 0; i < run->finding_count; i++)
		count += !strcmp(field_text(run->findings[i], "severity"), severity);
	return count;
}

/* A relative file may be the project's (compiled in place), or lie where a library was built: the C library names its own so. */
static const char *in_project(const char *file, const struct report_options *options)
{
	size_t len = options->project_dir ? strlen(options->project_dir) : 0;

	if (*file != '/') {
		cleanup_free char *path = str_print(
			"%s/%s", options->project_dir ? options->project_dir : ".", file);

		return str_starts(file, "../") || access(path, F_OK) ? NULL : file;
	}
	return len && !strncmp(file, options->project_dir, len) && file[len] == '/' ? file + len + 1
	                                                                            : NULL;
}

/* "e2e/cart.spec.js:12 adds": as the reporters name tests */
static bool test_place(const char *test, const struct report_options *options, char **ret_file,
                       int *ret_line)
{
	cleanup_free char *place = str_copy_len(test, strcspn(test, " "));
	char *colon = strrchr(place, ':');

	if (!colon || atoi(colon + 1) <= 0)
		return false;
	*colon = 0;
	*ret_line = atoi(colon + 1);
	*ret_file = str_copy(in_project(place, options));
	return *ret_file != NULL;
}

bool finding_place(const json_t *finding, const struct report_options *options, char **ret_file,
                   int *ret_line)
{
	const json_t *stack = json_object_get(finding, "stack"), *frame;
	size_t i;

	json_array_foreach(stack, i, frame)
	{
		const char *text = json_string_value(frame),
			   *at = text ? strstr(text, " at ") : NULL;
		const char *colon = at ? strrchr(at, ':') : NULL;
		cleanup_free char *file = colon ? str_copy_len(at + 4, (size_t)(colon - at - 4))
		                                : NULL;

		if (!file || atoi(colon + 1) <= 0 || !in_project(file, options))
			continue;
		*ret_file = str_copy(in_project(file, options));
		*ret_line = atoi(colon + 1);
		return true;
	}
	return test_place(field_text(finding, "test"), options, ret_file, ret_line);
}

/* How many bytes of @plain are a character that XML 1.0 does not allow, not even as a reference: U+FFFE and U+FFFF among them. */
static size_t forbidden(const char *plain)
{
	if (str_starts(plain, "\xef\xbf\xbe") || str_starts(plain, "\xef\xbf\xbf"))
		return 3;
	return (unsigned char)*plain < ' ' && *plain != '\n' && *plain != '\t';
}

void add_escaped(struct str *text, const char *plain)
{
	static const struct {
		char one;
		const char *name;
	} names[] = {
		{ '&', "&amp;" },  { '<', "&lt;" },   { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" },
	};

	while (*plain) {
		size_t len = forbidden(plain);
		const char *name = len ? "?" : NULL;

		for (size_t i = 0; i < ARRAY_LEN(names); i++)
			if (names[i].one == *plain)
				name = names[i].name;
		if (name)
			str_add(text, name);
		else
			str_add_len(text, plain, 1);
		plain += len ? len : 1;
	}
}

void add_seconds(struct str *text, int64_t ms)
{
	str_addf(text, "%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
}

/* ---- JSON: everything, sorted into drawers ---- */

static json_t *json_workers(const struct report_run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->worker_count; i++) {
		const struct report_worker *worker = &run->workers[i];
		json_t *one = json_pack("{s:i, s:s, s:s, s:i, s:I, s:I, s:s}", "worker",
		                        (int)worker->number, "task", worker->task, "status",
		                        worker->status, "exit_status", worker->exit_status,
		                        "from_ms", (json_int_t)worker->from_ms, "until_ms",
		                        (json_int_t)worker->until_ms, "log", worker->log);

		if (worker->counts)
			json_object_set(one, "counts", json_object_get(worker->counts, "counts"));
		json_array_append_new(list, one);
	}
	return list;
}

int report_json(const struct report_run *run, const struct report_options *options,
                struct str *text)
{
	json_t *root = json_object(), *findings = json_array();
	cleanup_free char *dump = NULL;

	(void)options;
	for (size_t i = 0; i < run->finding_count; i++)
		json_array_append(findings, run->findings[i]);
	json_object_set_new(root, "v", json_integer(REPORT_VERSION));
	json_object_set(root, "run", run->run ? run->run : json_null());
	json_object_set(root, "ended", run->ended ? run->ended : json_null());
	json_object_set_new(root, "workers", json_workers(run));
	json_object_set_new(root, "findings", findings);
	json_object_set_new(root, "malformed_lines", json_integer((json_int_t)run->malformed));
	json_object_set(root, "records", run->records);
	dump = json_dumps(root, JSON_INDENT(2));
	json_decref(root);
	str_addf(text, "%s\n", dump);
	return 0;
}
