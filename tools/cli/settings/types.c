/* SPDX-License-Identifier: MIT */
/*
 * The types of option values: how each is read, cleared, shown and described. The table at the
 * end has them all.
 */
#include "tools/cli/settings/types.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/db/common/url.h"
#include "tools/run/tasks/shard.h"

const char option_any_text[] = "a text";

static int bool_parse(const struct option *option, const char *text, void *field)
{
	static const struct {
		const char *name;
		bool value;
	} names[] = {
		{ "true", true }, { "false", false }, { "yes", true },
		{ "no", false },  { "on", true },     { "off", false },
	};

	(void)option;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!strcasecmp(text, names[i].name)) {
			*(bool *)field = names[i].value;
			return 0;
		}
	return -EINVAL;
}

static char *bool_text(const struct option *option, const void *field)
{
	(void)option;
	return str_copy(*(const bool *)field ? "true" : "false");
}

static int number_parse(const struct option *option, const char *text, void *field)
{
	long number;
	int ret = str_number(text, option->low, option->high, &number);

	if (!ret)
		*(unsigned int *)field = (unsigned int)number;
	return ret;
}

static char *number_text(const struct option *option, const void *field)
{
	(void)option;
	return str_print("%u", *(const unsigned int *)field);
}

static char *number_expected(const struct option *option)
{
	return str_print("a number from %ld to %ld", option->low, option->high);
}

static int count_parse(const struct option *option, const char *text, void *field)
{
	unsigned int *count = field;
	bool yes;
	int ret = bool_parse(option, text, &yes);

	if (!ret)
		*count = yes ? *count + 1 : 0;
	return ret;
}

/* Read a decimal number such as 2, 0.5 or 1.25. @ret_rest: what follows it */
static int decimal(const char *text, double *ret_number, const char **ret_rest)
{
	char *end;

	/* strtod(3) also reads blanks, signs, names, hexadecimal numbers and exponents */
	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	if (strpbrk(text, "xXeE"))
		return -EINVAL;
	*ret_number = strtod(text, &end);
	if (end == text || !isfinite(*ret_number))
		return -EINVAL;
	*ret_rest = end;
	return 0;
}

static int decimal_parse(const char *text, const char *suffix, double min, double max,
                         double *field)
{
	const char *rest;
	double number;

	if (decimal(text, &number, &rest) || (*rest && strcmp(rest, suffix)))
		return -EINVAL;
	if (number < min || number > max)
		return -ERANGE;
	*field = number;
	return 0;
}

static int cores_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	return decimal_parse(text, "", 0.01, 4096, field);
}

static char *cores_text(const struct option *option, const void *field)
{
	(void)option;
	return str_print("%g", *(const double *)field);
}

static int percent_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	return decimal_parse(text, "%", 0, 1e6, field);
}

static char *percent_text(const struct option *option, const void *field)
{
	(void)option;
	return str_print("%g%%", *(const double *)field);
}

/*
 * Largest first: the first that divides a value shows it shortest. "", of a bare number, ends
 * the list.
 */
struct suffix {
	const char *name;
	double factor;
};
static const struct suffix time_suffixes[] = {
	{ "h", 3600e3 }, { "m", 60e3 }, { "s", 1e3 }, { "ms", 1 }, { "", 1e3 }
};
static const struct suffix size_suffixes[] = {
	{ "T", 0x1p40 }, { "G", 0x1p30 }, { "M", 0x1p20 }, { "K", 0x1p10 }, { "", 1 }
};

static int scaled_parse(const struct suffix *suffix, const char *text, double *ret_number)
{
	const char *rest;

	if (decimal(text, ret_number, &rest))
		return -EINVAL;
	while (strcasecmp(rest, suffix->name))
		if (!*suffix++->name)
			return -EINVAL;
	*ret_number *= suffix->factor;
	return 0;
}

static char *scaled_text(const struct suffix *suffix, uint64_t value)
{
	while (*suffix->name && value % (uint64_t)suffix->factor)
		suffix++;
	if (!value)
		return str_copy("0");
	return str_print("%llu%s", (unsigned long long)(value / (uint64_t)suffix->factor),
	                 suffix->name);
}

static int duration_parse(const struct option *option, const char *text, void *field)
{
	double number;

	if (scaled_parse(time_suffixes, text, &number))
		return -EINVAL;
	if (number < (double)option->low || number > 365.0 * 24 * 3600e3)
		return -ERANGE;
	*(int64_t *)field = (int64_t)number;
	return 0;
}

static char *duration_text(const struct option *option, const void *field)
{
	(void)option;
	return scaled_text(time_suffixes, (uint64_t) * (const int64_t *)field);
}

static char *duration_expected(const struct option *option)
{
	return str_print("a time such as 90, 500ms, 5m or 2h%s", option->low ? ", above 0" : "");
}

/* One "reset:3101@2s" or "stall:3101@2s/500ms" */
static int fault_parse(const struct option *option, const char *text, struct run_fault *ret_fault)
{
	cleanup_strv char **words = strv_split(text, ":@/");
	const char *signs[] = { strchr(text, ':'), strchr(text, '@'), strchr(text, '/') };
	struct run_fault fault = { 0 };
	bool stall;
	long port;

	if (strv_len(words) < 3 || !signs[0] || !signs[1] || signs[0] > signs[1] ||
	    (signs[2] && signs[2] < signs[1]))
		return -EINVAL;
	while (fault.kind < RUN_FAULTS && strcmp(words[0], run_fault_names[fault.kind]))
		fault.kind++;
	stall = fault.kind == RUN_FAULT_STALL;
	if (fault.kind == RUN_FAULTS || strv_len(words) != (stall ? 4 : 3) ||
	    str_number(words[1], 1, 65535, &port) ||
	    duration_parse(option, words[2], &fault.at_ms) ||
	    (words[3] && duration_parse(option, words[3], &fault.for_ms)))
		return -EINVAL;
	fault.port = (uint16_t)port;
	*ret_fault = fault;
	return 0;
}

static int faults_parse(const struct option *option, const char *text, void *field)
{
	cleanup_strv char **items = strv_split(text, ", ");
	struct run_faults *faults = field;
	int ret = items ? 0 : -EINVAL;

	for (char **item = items; !ret && *item; item++) {
		faults->of = mem_grow(faults->of, faults->count + 1, sizeof(*faults->of));
		ret = fault_parse(option, *item, &faults->of[faults->count++]);
	}
	return ret;
}

static void faults_clear(void *field)
{
	struct run_faults *faults = field;

	free(faults->of);
	*faults = (struct run_faults){ 0 };
}

static char *faults_text(const struct option *option, const void *field)
{
	const struct run_faults *faults = field;
	struct str text = { 0 };

	for (unsigned int i = 0; i < faults->count; i++) {
		const struct run_fault *fault = &faults->of[i];
		cleanup_free char *at = duration_text(option, &fault->at_ms),
				  *time = duration_text(option, &fault->for_ms);

		str_addf(&text, "%s%s:%u@%s%s%s", i ? "," : "", run_fault_names[fault->kind],
		         fault->port, at, fault->kind == RUN_FAULT_STALL ? "/" : "",
		         fault->kind == RUN_FAULT_STALL ? time : "");
	}
	return str_take(&text);
}

static int size_parse(const struct option *option, const char *text, void *field)
{
	cleanup_free char *bare = str_copy(text);
	size_t len = strlen(bare);
	double number;

	(void)option;
	/* 512MiB and 512MB are what other tools print */
	if (len > 1 && (bare[len - 1] == 'B' || bare[len - 1] == 'b'))
		bare[--len] = 0;
	if (len > 2 && bare[len - 1] == 'i')
		bare[--len] = 0;
	if (scaled_parse(size_suffixes, bare, &number))
		return -EINVAL;
	if (number < 1 || number >= 0x1p62)
		return -ERANGE;
	*(uint64_t *)field = (uint64_t)number;
	return 0;
}

static char *size_text(const struct option *option, const void *field)
{
	(void)option;
	return scaled_text(size_suffixes, *(const uint64_t *)field);
}

static void ports_clear(void *field)
{
	struct run_ports *ports = field;

	free(ports->ranges);
	*ports = (struct run_ports){ 0 };
}

static int ports_parse(const struct option *option, const char *text, void *field)
{
	cleanup_strv char **items = strv_split(text, ", ");
	int ret = items ? 0 : -EINVAL;

	(void)option;
	for (char **item = items; !ret && *item; item++)
		ret = run_ports_add(field, *item);
	return ret;
}

static char *ports_text(const struct option *option, const void *field)
{
	const struct run_ports *ports = field;
	struct str text = { 0 };

	(void)option;
	for (unsigned int i = 0; i < ports->count; i++) {
		str_addf(&text, "%s%u", i ? "," : "", ports->ranges[i].first);
		if (ports->ranges[i].last != ports->ranges[i].first)
			str_addf(&text, "-%u", ports->ranges[i].last);
	}
	return str_take(&text);
}

/* The field is two numbers side by side: range_first and range_last of struct run_options. */
static int range_parse(const struct option *option, const char *text, void *field)
{
	struct run_ports ports = { 0 };
	uint16_t *ends = field;
	int ret = run_ports_add(&ports, text);

	(void)option;
	if (!ret && ports.ranges[0].first == ports.ranges[0].last)
		ret = -EINVAL;
	if (!ret) {
		ends[0] = ports.ranges[0].first;
		ends[1] = ports.ranges[0].last;
	}
	ports_clear(&ports);
	return ret;
}

static char *range_text(const struct option *option, const void *field)
{
	const uint16_t *ends = field;

	(void)option;
	return str_print("%u-%u", ends[0], ends[1]);
}

static void strv_clear(void *field)
{
	strv_free(*(char ***)field);
	*(char ***)field = NULL;
}

static int items_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	if (!*text)
		return -EINVAL;
	strv_add(field, text);
	return 0;
}

static int list_parse(const struct option *option, const char *text, void *field)
{
	cleanup_strv char **items = strv_split(text, ",");

	(void)option;
	for (char **item = items; item && *item; item++)
		strv_add(field, *item);
	return items ? 0 : -EINVAL;
}

static char *list_text(const struct option *option, const void *field)
{
	struct str text = { 0 };

	(void)option;
	for (char **item = *(char **const *)field; item && *item; item++)
		str_addf(&text, "%s%s", text.len ? "," : "", *item);
	return str_take(&text);
}

/* Add @choice to a text such as "auto, copy or shared". */
static void add_choice(struct str *text, const char *choice, bool last)
{
	str_addf(text, "%s%s", !text->len ? "" : last ? " or " : ", ", choice);
}

static char *url_expected(const struct option *option)
{
	cleanup_str struct str schemes = { 0 };

	(void)option;
	for (const struct db_url_scheme *scheme = db_url_schemes; scheme->text; scheme++)
		add_choice(&schemes, scheme->text, !scheme[1].text);
	return str_print("a URL that begins with %s", schemes.text);
}

static char *database_expected(const struct option *option)
{
	cleanup_free char *url = url_expected(option);

	return str_print("the name of a database, or %s", url);
}

static int database_parse(const struct option *option, const char *text, void *field)
{
	enum db_kind kind;

	/* postgresql:/x is not a name, but a mistyped URL */
	if (strpbrk(text, ":/") && db_url_kind(text, &kind))
		return -EINVAL;
	return items_parse(option, text, field);
}

static void text_clear(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static int text_parse(const struct option *option, const char *text, void *field)
{
	(void)option;
	if (!*text)
		return -EINVAL;
	text_clear(field);
	*(char **)field = str_copy(text);
	return 0;
}

static int url_parse(const struct option *option, const char *text, void *field)
{
	enum db_kind kind;
	int ret = db_url_kind(text, &kind);

	return ret ? ret : text_parse(option, text, field);
}

static char *text_text(const struct option *option, const void *field)
{
	(void)option;
	return str_copy(*(char *const *)field);
}

static int names_parse(const struct option *option, const char *text, void *field)
{
	for (unsigned int i = 0; option->names[i]; i++)
		if (!strcmp(text, option->names[i])) {
			*(unsigned int *)field = i;
			return 0;
		}
	return -EINVAL;
}

static char *names_text(const struct option *option, const void *field)
{
	return str_copy(option->names[*(const unsigned int *)field]);
}

static char *names_expected(const struct option *option)
{
	struct str text = { 0 };

	for (const char *const *name = option->names; *name; name++)
		add_choice(&text, *name, !name[1]);
	return str_take(&text);
}

static int shard_text_parse(const struct option *option, const char *text, void *field)
{
	struct run_shard shard;

	return strcmp(text, "auto") && shard_parse(text, &shard) ? -EINVAL
	                                                         : text_parse(option, text, field);
}

#define TYPE(name, field, list, values, parse, clear, text, expected, expected_of) \
	const struct option_type type_##name = { \
		sizeof(field), list, VALUES_##values, parse, clear, text, expected, expected_of \
	}
TYPE(bool, bool, false, NONE, bool_parse, NULL, bool_text, "true or false", NULL);
TYPE(count, unsigned int, true, NONE, count_parse, NULL, number_text, "true or false", NULL);
TYPE(number, unsigned int, false, FREE, number_parse, NULL, number_text, NULL, number_expected);
TYPE(cores, double, false, FREE, cores_parse, NULL, cores_text,
     "a number of processors such as 2 or 0.5", NULL);
TYPE(percent, double, false, FREE, percent_parse, NULL, percent_text,
     "a percentage such as 5% or 0.5%", NULL);
TYPE(ports, struct run_ports, true, FREE, ports_parse, ports_clear, ports_text,
     "ports from 1 to 65535 such as 3101 or 3000-3010", NULL);
TYPE(range, uint16_t[2], false, FREE, range_parse, NULL, range_text,
     "a range of ports such as 20000-29999", NULL);
TYPE(list, char **, true, FREE, list_parse, strv_clear, list_text, option_any_text, NULL);
TYPE(items, char **, true, FREE, items_parse, strv_clear, list_text, option_any_text, NULL);
TYPE(command, char **, true, COMMAND, items_parse, strv_clear, list_text, option_any_text, NULL);
TYPE(databases, char **, true, FREE, database_parse, strv_clear, list_text, NULL,
     database_expected);
TYPE(text, char *, false, FREE, text_parse, text_clear, text_text, option_any_text, NULL);
TYPE(url, char *, false, FREE, url_parse, text_clear, text_text, NULL, url_expected);
TYPE(file, char *, false, FILE, text_parse, text_clear, text_text, option_any_text, NULL);
TYPE(directory, char *, false, DIRECTORY, text_parse, text_clear, text_text, option_any_text, NULL);
TYPE(duration, int64_t, false, FREE, duration_parse, NULL, duration_text, NULL, duration_expected);
TYPE(faults, struct run_faults, true, FREE, faults_parse, faults_clear, faults_text,
     "a fault such as reset:3101@2s, kill:3101@2s or stall:3101@2s/500ms", NULL);
TYPE(shard, char *, false, FREE, shard_text_parse, text_clear, text_text, "auto or I/N", NULL);
TYPE(size, uint64_t, false, FREE, size_parse, NULL, size_text, "a size such as 512M or 2G", NULL);
TYPE(names, unsigned int, false, NAMES, names_parse, NULL, names_text, NULL, names_expected);
