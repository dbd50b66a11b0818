/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_TYPES_H
#define BERTH_CLI_TYPES_H
/* The types of option values; private to options.c, which has the table of options. */
#include "tools/cli/settings/options.h"

/*
 * The zero bytes of a field mean "not given". parse() accepts what text() returns. If it fails, the
 * field of a list may have new elements; that of another type is unchanged.
 */
struct option_type {
	size_t size; /* of the field */
	bool list;
	enum option_values values;
	int (*parse)(const struct option *option, const char *text, void *field);
	void (*clear)(void *field); /* NULL: fill it with zero bytes */
	char *(*text)(const struct option *option, const void *field);
	const char *expected; /* what parse() accepts */
	char *(*expected_of)(
		const struct option *option); /* the same if the option decides; else NULL */
};

enum {
	TYPE_BOOL,
	TYPE_COUNT,
	TYPE_NUMBER,
	TYPE_CORES,
	TYPE_PERCENT,
	TYPE_PORTS,
	TYPE_RANGE,
	TYPE_LIST,
	TYPE_ITEMS,
	TYPE_COMMAND,
	TYPE_DATABASES,
	TYPE_TEXT,
	TYPE_URL,
	TYPE_FILE,
	TYPE_DIRECTORY,
	TYPE_DURATION,
	TYPE_FAULTS,
	TYPE_SIZE,
	TYPE_NAMES,
	TYPES
};
extern const struct option_type option_types[TYPES];
extern const char option_any_text[]; /* .expected of the types that accept any text */

/* The types as the rows of options.def name them */
#define BOOL             .type = &option_types[TYPE_BOOL]
#define COUNT            .type = &option_types[TYPE_COUNT]
#define NUMBER(min, max) .type = &option_types[TYPE_NUMBER], .low = (min), .high = (max)
#define CORES            .type = &option_types[TYPE_CORES]
#define PERCENT          .type = &option_types[TYPE_PERCENT]
#define PORTS            .type = &option_types[TYPE_PORTS]
#define RANGE            .type = &option_types[TYPE_RANGE]
#define LIST             .type = &option_types[TYPE_LIST]
#define ITEMS            .type = &option_types[TYPE_ITEMS]
#define COMMAND          .type = &option_types[TYPE_COMMAND]
#define TEXT             .type = &option_types[TYPE_TEXT]
#define DATABASES        .type = &option_types[TYPE_DATABASES]
#define URL              .type = &option_types[TYPE_URL]
#define FILE_NAME        .type = &option_types[TYPE_FILE]
#define DIRECTORY        .type = &option_types[TYPE_DIRECTORY]
#define DURATION(min)    .type = &option_types[TYPE_DURATION], .low = (min)
#define FAULTS           .type = &option_types[TYPE_FAULTS]
#define SIZE             .type = &option_types[TYPE_SIZE]
#define ENUM(list)       .type = &option_types[TYPE_NAMES], .names = (list)

#endif
