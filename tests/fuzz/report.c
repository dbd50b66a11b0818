/* SPDX-License-Identifier: MIT */
/*
 * A JUnit file of a test runner and the record of a run: for any bytes the result must be
 * well-formed XML or an error, without a read out of bounds.
 */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/report/junit.h"
#include "tools/report/private.h"

#define ERROR_IN(parser) XML_ErrorString(XML_GetErrorCode(parser))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_xml(const struct str *text)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");

	if (text->len && XML_Parse(parser, text->text, (int)text->len, 1) != XML_STATUS_OK) {
		fprintf(stderr, "%s: %s\n", ERROR_IN(parser), text->text);
		abort();
	}
	XML_ParserFree(parser);
}

static void fuzz_merge(const char *document, size_t size)
{
	struct junit_totals totals = { 0 };
	struct str inner = { 0 }, text = { 0 };

	(void)junit_merge(document, size, " [w1]", &inner, &totals);
	str_addf(&text, "<testsuites>%s</testsuites>", inner.text ? inner.text : "");
	check_xml(&text);
	str_free(&inner);
	str_free(&text);
}

static void fuzz_record(const char *document, size_t size)
{
	static const struct report_options none;
	struct report_run *run;
	struct str junit = { 0 }, html = { 0 }, github = { 0 }, markdown = { 0 }, trace = { 0 };

	if (report_parse(document, size, &run))
		return;
	report_junit(run, &none, &junit);
	check_xml(&junit);
	report_html(run, &none, &html);
	report_github(run, &none, &github);
	report_markdown(run, &none, &markdown);
	report_trace(run, &none, &trace);
	str_free(&junit);
	str_free(&html);
	str_free(&github);
	str_free(&markdown);
	str_free(&trace);
	report_run_free(run);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *exact = malloc(size ? size : 1);

	memcpy(exact, data, size);
	fuzz_merge(exact, size);
	fuzz_record(exact, size);
	free(exact);
	return 0;
}
