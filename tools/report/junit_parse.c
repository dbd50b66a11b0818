/* SPDX-License-Identifier: MIT */
/*
 * Reads JUnit files of test runners: copies their suites into a report, and finds the cases.
 */
#include <errno.h>
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/report/junit.h"
#include "tools/report/private.h"

enum { DEPTH_MAX = 64, OUTPUT_MAX = 64 << 10 };

static const char *const kept[] = {
	"testsuite",  "properties",   "property",   "testcase",   "failure",
	"error",      "skipped",      "system-out", "system-err", "flakyFailure",
	"flakyError", "rerunFailure", "rerunError", "stackTrace",
};

/* The case that is being read. */
struct junit_case {
	char *name, *class, *file, *line, *time, *message;
	struct str text; /* of its failure */
	const char *status;
};

struct junit_merger {
	const struct junit_search *search; /* NULL = the cases do not matter */
	struct junit_case of;
	XML_Parser parser;
	struct str *out;
	struct junit_totals *totals;
	const char *suffix, *open[DEPTH_MAX]; /* rows of kept; NULL = left out */
	unsigned int depth;
	unsigned int dropped; /* depth of the element that is being left out; 0 = none */
	bool too_deep;
	size_t text_start; /* of the current element's text: long output is cut */
};

static const char *kept_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (!strcmp(kept[i], name))
			return kept[i];
	return NULL;
}

static void count_element(struct junit_merger *merge, const char *name)
{
	const char *parent = merge->depth ? merge->open[merge->depth - 1] : NULL;
	bool in_case = parent && !strcmp(parent, "testcase");

	merge->totals->tests += !strcmp(name, "testcase");
	merge->totals->failures += in_case && !strcmp(name, "failure");
	merge->totals->errors += in_case && !strcmp(name, "error");
	merge->totals->skipped += in_case && !strcmp(name, "skipped");
}

/* Keep what tells which test it is, and why it failed. */
static void note_attribute(struct junit_merger *merge, const char *row, const char *name,
                           const char *value)
{
	bool is_case = !strcmp(row, "testcase"),
	     fails = !is_case && (strcasestr(row, "failure") || strcasestr(row, "error"));
	const struct {
		const char *name;
		char **text;
		bool here;
	} fields[] = {
		{ "name", &merge->of.name, is_case }, { "classname", &merge->of.class, is_case },
		{ "file", &merge->of.file, is_case }, { "line", &merge->of.line, is_case },
		{ "time", &merge->of.time, is_case }, { "message", &merge->of.message, fails }
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].here && !strcmp(fields[i].name, name) && !*fields[i].text)
			*fields[i].text = str_copy(value);
}

/* @row: an element within the case. Failures that passed when repeated: Surefire, GitLab. */
static void note_status(struct junit_case *of, const char *row)
{
	if (!strcmp(row, "failure") || !strcmp(row, "error"))
		of->status = "failed";
	else if (!of->status && (!strcmp(row, "flakyFailure") || !strcmp(row, "flakyError")))
		of->status = "flaky";
	else if (!of->status && !strcmp(row, "skipped"))
		of->status = "skipped";
}

static void case_end(struct junit_case *of)
{
	char *texts[] = { of->name, of->class, of->file, of->line, of->time, of->message };

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		free(texts[i]);
	str_free(&of->text);
	*of = (struct junit_case){ 0 };
}

/*
 * The first line of the error. Some runners have the place or a word in the message, and the error
 * in the text below: Playwright, gotestsum.
 */
static char *case_error(const struct junit_case *of, const struct report_options *options)
{
	const char *text = of->text.text ? of->text.text : "", *message = of->message;
	cleanup_free char *place = message ? text_find_place(message, options) : NULL;
	cleanup_strv char **lines = strv_split(text, "\r\n");

	if (message && *message && strcasecmp(message, "failed") &&
	    (!place || !str_starts(message, place)))
		return text_first_line(message);
	for (char **line = lines; line && *line; line++)
		if (strstr(*line, "rror"))
			return text_first_line(*line);
	for (char **line = lines; line && *line; line++) {
		cleanup_free char *at = text_find_place(*line, options);

		if (at)
			return text_first_line(*line);
	}
	return text_first_line(*text ? text : message ? message : "");
}

static void report_case(const struct junit_merger *merge)
{
	const struct junit_case *of = &merge->of;
	const struct report_options *options = merge->search->options;
	char *end = NULL;
	const char *name = of->name ? of->name : "", *class = of->class ? of->class : "";
	cleanup_free char *given = of->file && of->line ? str_print("%s:%s", of->file, of->line)
	                                                : NULL;
	cleanup_free char *place = given ? text_find_place(given, options) : NULL, *test = NULL;
	cleanup_free char *error = case_error(of, options);
	double seconds = of->time ? strtod(of->time, &end) : -1;

	if (!place && of->message)
		place = text_find_place(of->message, options);
	if (!place && of->text.text)
		place = text_find_place(of->text.text, options);
	test = place                                ? str_print("%s %s", place, name)
	       : *class && !str_starts(name, class) ? str_print("%s %s", class, name)
	                                            : str_copy(name);
	merge->search->fn(
		merge->search->arg,
		&(struct test_result){
			merge->search->worker, test, of->status ? of->status : "passed",
			of->status ? error : "",
			end && end != of->time && !*end && seconds >= 0 ? seconds * 1e3 : -1 });
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct junit_merger *merge = arg;
	const char *row = strcmp(name, "testsuites") ? kept_name(name) : NULL;

	if (merge->depth >= DEPTH_MAX || merge->too_deep) {
		merge->too_deep = true;
		XML_StopParser(merge->parser, XML_FALSE);
		return;
	}
	if (!merge->dropped && !row && strcmp(name, "testsuites"))
		merge->dropped = merge->depth + 1;
	if (merge->dropped)
		row = NULL;
	if (row) {
		count_element(merge, row);
		note_status(&merge->of, row);
		str_addf(merge->out, "<%s", row);
		for (; *attributes; attributes += 2) {
			bool titled = !strcmp(row, "testsuite") && !strcmp(attributes[0], "name");

			if (strchr(attributes[0], ':'))
				continue; /* the merged document does not declare the namespace */
			if (merge->search)
				note_attribute(merge, row, attributes[0], attributes[1]);
			str_addf(merge->out, " %s=\"", attributes[0]);
			text_add_escaped(merge->out, attributes[1]);
			str_addf(merge->out, "%s\"", titled ? merge->suffix : "");
		}
		str_add(merge->out, ">");
		merge->text_start = merge->out->len;
	}
	merge->open[merge->depth++] = row;
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct junit_merger *merge = arg;
	const char *row = merge->open[--merge->depth];

	(void)name;
	if (merge->dropped == merge->depth + 1)
		merge->dropped = 0;
	if (row)
		str_addf(merge->out, "</%s>%s", row,
		         strcmp(row, "testcase") && strcmp(row, "testsuite") ? "" : "\n");
	if (row && !strcmp(row, "testcase")) {
		if (merge->search && merge->of.name)
			report_case(merge);
		case_end(&merge->of);
	}
	merge->text_start = merge->out->len;
}

static void XMLCALL on_text(void *arg, const XML_Char *part, int len)
{
	struct junit_merger *merge = arg;
	cleanup_free char *plain = NULL;

	if (!merge->depth || !merge->open[merge->depth - 1] ||
	    merge->out->len - merge->text_start > OUTPUT_MAX)
		return;
	plain = str_copy_len(part, (size_t)len);
	text_add_escaped(merge->out, plain);
	if (merge->search && merge->of.status && !strstr(merge->open[merge->depth - 1], "system-"))
		str_add(&merge->of.text, plain);
}

/* Stop at a declared entity: nested entities expand without limit, and no report needs them. */
static void XMLCALL on_entity(void *arg, const XML_Char *name, int is_parameter,
                              const XML_Char *value, int value_len, const XML_Char *base,
                              const XML_Char *system_id, const XML_Char *public_id,
                              const XML_Char *notation)
{
	struct junit_merger *merge = arg;

	(void)name;
	(void)is_parameter;
	(void)value;
	(void)value_len;
	(void)base;
	(void)system_id;
	(void)public_id;
	(void)notation;
	XML_StopParser(merge->parser, XML_FALSE);
}

static int parse(struct junit_merger *merge, const char *document, size_t len)
{
	int ret = 0;

	merge->parser = XML_ParserCreate(NULL);
	if (!merge->parser)
		return -ENOMEM;
	XML_SetUserData(merge->parser, merge);
	XML_SetElementHandler(merge->parser, on_start, on_end);
	XML_SetCharacterDataHandler(merge->parser, on_text);
	XML_SetEntityDeclHandler(merge->parser, on_entity);
	if (len > INT32_MAX || XML_Parse(merge->parser, document, (int)len, 1) != XML_STATUS_OK)
		ret = merge->too_deep ? -E2BIG : -EBADMSG;
	while (merge->depth) { /* close the elements that a broken file left open */
		const char *row = merge->open[--merge->depth];

		if (row)
			str_addf(merge->out, "</%s>\n", row);
	}
	case_end(&merge->of);
	XML_ParserFree(merge->parser);
	return ret;
}

int junit_merge(const char *document, size_t len, const char *suffix, struct str *text,
                struct junit_totals *totals)
{
	struct junit_merger merge = { .out = text, .totals = totals, .suffix = suffix };

	return parse(&merge, document, len);
}

void junit_find_tests(const char *document, size_t len, const struct junit_search *search)
{
	struct junit_totals totals = { 0 };
	cleanup_str struct str unused = { 0 };
	struct junit_merger merge = {
		.search = search, .out = &unused, .totals = &totals, .suffix = ""
	};

	(void)parse(&merge, document, len);
}
