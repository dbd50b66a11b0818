/* SPDX-License-Identifier: MIT */
/*
 * JUnit XML. No standard exists; this is the dialect that Jenkins, GitLab, GitHub's actions and
 * Buildkite all read. Every case has name, classname and time, every suite its counts, and the root
 * the sums.
 *
 * The suite "berth" has a case for each worker, which fails with the worker's exit status. The
 * suite "berth findings" has a case for each finding: it fails if its gate fails the run, else it
 * passes with its text in system-out.
 */
#include "tools/report/junit.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/report/private.h"

/* ---- our own suites ---- */

static void add_attribute(struct str *text, const char *name, const char *value)
{
	str_addf(text, " %s=\"", name);
	text_add_escaped(text, value);
	str_add(text, "\"");
}

static void add_line(struct str *text, const char *label, const char *value)
{
	if (!*value)
		return;
	str_add(text, label);
	text_add_escaped(text, value);
	str_add(text, "\n");
}

static void add_finding_text(struct str *text, const json_t *finding)
{
	cleanup_free char *test = report_test_of(finding);
	const json_t *frame;
	size_t i;

	add_line(text, "", record_text(finding, "detail"));
	add_line(text, "test: ", test);
	add_line(text, "command: ", record_text(finding, "command"));
	json_array_foreach(json_object_get(finding, "stack"), i, frame)
		add_line(text, "  ", record_string(frame));
	add_line(text, "", record_text(finding, "remedy"));
}

static void add_worker_case(struct str *text, const struct report_run *run,
                            const struct report_worker *worker, struct junit_totals *totals)
{
	cleanup_free char *title = run_worker_title(run, worker->number);
	bool failed = strcmp(worker->status, "passed") != 0;

	str_add(text, "<testcase");
	add_attribute(text, "name", title);
	str_add(text, " classname=\"berth.worker\" time=\"");
	text_add_seconds(text, worker_duration_ms(worker));
	str_add(text, "\">");
	totals->tests++;
	if (failed) {
		totals->failures++;
		str_addf(text, "<failure message=\"%s, exit status %d\" type=\"exit\">",
		         worker->status, worker->exit_status);
		text_add_escaped(text, *worker->error ? worker->error : worker->log);
		str_add(text, "</failure>");
	}
	str_add(text, "</testcase>\n");
}

static bool fails_run(const struct report_run *run, const json_t *finding)
{
	const char *gate = record_text(finding, "gate");
	const json_t *name;
	size_t i;

	if (json_is_true(json_object_get(finding, "known")) ||
	    !strcmp(record_text(finding, "severity"), "note"))
		return false;
	json_array_foreach(run->run ? json_object_get(run->run, "fail") : NULL, i,
	                   name) if (*gate && !strcmp(record_string(name), gate)) return true;
	return false;
}

static void add_finding_case(struct str *text, const struct report_run *run, const json_t *finding,
                             struct junit_totals *totals)
{
	cleanup_free char *worker = run_worker_title(run, record_number(finding, "worker"));
	cleanup_free char *name = str_print("%s %s %s", worker, record_text(finding, "title"),
	                                    record_text(finding, "fingerprint"));
	bool failed = fails_run(run, finding);

	str_add(text, "<testcase");
	add_attribute(text, "name", name);
	add_attribute(text, "classname", record_text(finding, "kind"));
	str_add(text, " time=\"0\">");
	totals->tests++;
	if (failed) {
		totals->failures++;
		str_add(text, "<failure");
		add_attribute(text, "message", record_text(finding, "detail"));
		add_attribute(text, "type", record_text(finding, "kind"));
		str_add(text, ">");
	} else {
		str_add(text, "<system-out>");
	}
	add_finding_text(text, finding);
	str_addf(text, "</%s></testcase>\n", failed ? "failure" : "system-out");
}

static void add_suite(struct str *text, const char *name, const struct str *body,
                      const struct junit_totals *totals)
{
	str_add(text, "<testsuite");
	add_attribute(text, "name", name);
	str_addf(
		text,
		" tests=\"%lu\" failures=\"%lu\" errors=\"%lu\" skipped=\"%lu\">\n%s</testsuite>\n",
		totals->tests, totals->failures, totals->errors, totals->skipped,
		body->text ? body->text : "");
}

static void add_totals(struct junit_totals *sum, const struct junit_totals *part)
{
	sum->tests += part->tests;
	sum->failures += part->failures;
	sum->errors += part->errors;
	sum->skipped += part->skipped;
}

static void add_own_suites(struct str *text, const struct report_run *run, struct junit_totals *sum)
{
	struct junit_totals workers = { 0 }, findings = { 0 };
	cleanup_str struct str worker_cases = { 0 }, finding_cases = { 0 };

	for (size_t i = 0; i < run->worker_count; i++)
		add_worker_case(&worker_cases, run, &run->workers[i], &workers);
	for (size_t i = 0; i < run->finding_count; i++)
		add_finding_case(&finding_cases, run, run->findings[i], &findings);
	add_suite(text, "berth", &worker_cases, &workers);
	if (run->finding_count)
		add_suite(text, "berth findings", &finding_cases, &findings);
	add_totals(sum, &workers);
	add_totals(sum, &findings);
}

/* ".../w3/tree/junit.xml" -> " [w3]": it tells the files of several workers apart. */
static char *suite_suffix(const char *path, size_t index)
{
	cleanup_strv char **parts = strv_split(path, "/");

	for (char **part = parts; part && *part; part++)
		if (**part == 'w' && (*part)[1] &&
		    strspn(*part + 1, "0123456789") == strlen(*part + 1))
			return str_print(" [%s]", *part);
	return index ? str_print(" [%zu]", index + 1) : str_copy("");
}

static void add_found(char ***files, const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (!strv_has(*files, found.gl_pathv[i]))
			strv_add(files, found.gl_pathv[i]);
	globfree(&found);
}

/* The same below @dir, whose name is not a pattern. */
static void add_found_in(char ***files, const char *dir, const char *below, const char *pattern)
{
	cleanup_str struct str text = { 0 };

	for (; *dir; dir++)
		str_addf(&text, "%s%c", strchr("\\*?[", *dir) ? "\\" : "", *dir);
	str_addf(&text, "/%s%s", below, pattern);
	add_found(files, text.text);
}

/* A file in the project may be of an earlier run: prefer the workers' trees and collected files. */
static void add_files_of(char ***files, const struct report_options *options, const char *pattern)
{
	size_t before = strv_len(*files);

	if (options->run_dir && *pattern != '/')
		add_found_in(files, options->run_dir, "w[0-9]*/tree/", pattern);
	if (*pattern != '/' && strv_len(*files) == before)
		for (char *const *dir = options->collected; dir && *dir; dir++)
			add_found_in(files, *dir, "", pattern);
	if (strv_len(*files) == before)
		add_found(files, pattern);
}

static char **find_files(const struct report_options *options)
{
	char **files = NULL;

	for (char *const *pattern = options->merge; pattern && *pattern; pattern++)
		add_files_of(&files, options, *pattern);
	return files;
}

char **report_unmatched(const struct report_options *options)
{
	char **unmatched = NULL;

	for (char *const *pattern = options->merge; pattern && *pattern; pattern++) {
		cleanup_strv char **files = NULL;

		add_files_of(&files, options, *pattern);
		if (!files)
			strv_add(&unmatched, *pattern);
	}
	return unmatched;
}

/* The worker whose file this is; 0 = not known. */
static unsigned int worker_of(const char *path, const struct report_options *options)
{
	size_t len = options->run_dir ? strlen(options->run_dir) : 0;

	if (len && !strncmp(path, options->run_dir, len) && str_starts(path + len, "/w"))
		return (unsigned int)atoi(path + len + 2);
	for (unsigned int i = 0; options->collected && options->collected[i]; i++) {
		len = strlen(options->collected[i]);
		if (!strncmp(path, options->collected[i], len) && path[len] == '/')
			return i + 1;
	}
	return 0;
}

/* A file of an earlier run says nothing about this one. Clocks of file systems are a tick late. */
static bool file_is_new(const char *path, int64_t since_ns)
{
	enum { TICK_NS = 20 * 1000 * 1000 };
	struct stat info;

	return !stat(path, &info) &&
	       info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec + TICK_NS >=
	               since_ns;
}

void report_find_tests(const struct report_options *options, report_test_fn fn, void *arg)
{
	cleanup_strv char **files = find_files(options);

	/* of a worker that failed: what tree_collect() has brought home */
	if (options->run_dir) {
		add_found_in(&files, options->run_dir, "w[0-9]*/files/", "*.xml");
		add_found_in(&files, options->run_dir, "w[0-9]*/files/", "*/*.xml");
		add_found_in(&files, options->run_dir, "w[0-9]*/files/", "*/*/*.xml");
	}
	for (char **file = files; file && *file; file++) {
		const struct junit_search search = { options, worker_of(*file, options), fn, arg };
		cleanup_free char *document = NULL;
		size_t len;

		if (file_is_new(*file, options->since_ns) && !file_read(*file, &document, &len))
			junit_find_tests(document, len, &search);
	}
}

/* A file that cannot be read becomes a failing case. A report must not lack tests silently. */
static void add_unreadable(struct str *text, const char *path, int error, struct junit_totals *sum)
{
	struct junit_totals one = { .tests = 1, .errors = 1 };
	cleanup_str struct str body = { 0 };

	str_add(&body, "<testcase");
	add_attribute(&body, "name", path);
	str_add(&body, " classname=\"berth.merge\" time=\"0\"><error");
	add_attribute(&body, "message",
	              error == -EBADMSG ? "not a whole JUnit file" : strerror(-error));
	str_add(&body, " type=\"merge\"/></testcase>\n");
	add_suite(text, "berth merge", &body, &one);
	add_totals(sum, &one);
}

int report_junit(const struct report_run *run, const struct report_options *options,
                 struct str *text)
{
	cleanup_str struct str suites = { 0 };
	cleanup_strv char **files = find_files(options);
	struct junit_totals sum = { 0 };

	add_own_suites(&suites, run, &sum);
	for (size_t i = 0; files && files[i]; i++) {
		cleanup_free char *document = NULL, *suffix = suite_suffix(files[i], i);
		size_t len;
		int one = file_read(files[i], &document, &len);

		if (!one)
			one = junit_merge(document, len, suffix, &suites, &sum);
		if (one)
			add_unreadable(&suites, files[i], one, &sum);
	}
	str_addf(text,
	         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"berth\" "
	         "tests=\"%lu\" failures=\"%lu\" "
	         "errors=\"%lu\" skipped=\"%lu\" time=\"",
	         sum.tests, sum.failures, sum.errors, sum.skipped);
	text_add_seconds(text, run->until_ms - run->from_ms);
	str_addf(text, "\">\n%s</testsuites>\n", suites.text ? suites.text : "");
	return 0;
}
