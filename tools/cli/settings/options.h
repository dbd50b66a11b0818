/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_OPTIONS_H
#define BERTH_CLI_OPTIONS_H
/*
 * The option table and the types of its values. A flag and a key of berth.yaml are set by the
 * same function, so they accept the same texts and complain in the same words.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/base/str.h"
#include "tools/run/options.h"

struct cli;

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "tools/cli/settings/options.def"
	OPTIONS
};

enum option_group {
#define GROUP(id, title) GROUP_##id,
#include "tools/cli/settings/options.def"
	GROUPS
};
extern const char *const option_group_titles[GROUPS];

/* Where a value comes from; the later layer wins. */
enum layer { LAYER_DEFAULT, LAYER_FILE, LAYER_PROFILE, LAYER_UP, LAYER_FLAG };

/* What gave an option its value */
struct set_by {
	enum layer layer;
	unsigned int line; /* in berth.yaml; 0 for a flag */
};

/* What a completion can offer for an option's argument */
enum option_values {
	VALUES_NONE,
	VALUES_FREE,
	VALUES_NAMES,
	VALUES_FILE,
	VALUES_DIRECTORY,
	VALUES_COMMAND
};

struct option;
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
	/* what parse() accepts; where the option decides, expected_of() makes the text */
	const char *expected;
	char *(*expected_of)(const struct option *option);
};

struct option {
	enum option_id id;
	const char *name;
	char letter;     /* 0 = none */
	bool flag;       /* false: only a key of berth.yaml */
	const char *arg; /* NULL = takes none */
	uint64_t where;  /* bit 1 << VERB_x; OPTION_IN_YAML */
	enum option_group group;
	bool common; /* in the short help of a verb with many options */
	const struct option_type *type;
	size_t offset; /* in struct cli */
	long low, high;
	const char *const *names;
	const char *help, *details;
};

#define OPTION_IN_YAML (1ull << 63)

extern const struct option option_table[OPTIONS];
#define for_each_option(row) \
	for (const struct option *row = option_table; row < option_table + OPTIONS; row++)

/*
 * A list of mappings in berth.yaml. Its entries are an array in struct cli; their keys are
 * options of their own.
 */
enum { LIST_DATABASE, LIST_ALLOW, LIST_ALARM, LISTS, KEYS_MAX = 16 };
struct option_list {
	const char *name;          /* "databases" */
	bool texts;                /* an entry may be a text instead of a mapping */
	const struct option *keys; /* offsets are in an entry, such as struct run_database */
	unsigned int count;        /* of keys */
	size_t size;               /* of an entry */
	size_t entries_offset, count_offset; /* in struct cli: the array, and how many it has */
};
extern const struct option_list option_lists[LISTS];

/** Append an entry. Return: the entry, zeroed; valid until the next call. */
void *option_list_add(struct cli *cli, const struct option_list *list);
void option_list_clear(struct cli *cli, const struct option_list *list);
unsigned int option_list_count(const struct cli *cli, const struct option_list *list);

/** The option that @verb (VERB_x) knows as --@name, or -@letter; NULL if there is none. */
const struct option *option_by_name(unsigned int verb, const char *name);
const struct option *option_by_letter(unsigned int verb, char letter);
const struct option *option_by_key(const char *key); /* of berth.yaml */

bool option_in(const struct option *option, unsigned int verb);
bool option_everywhere(const struct option *option); /* every verb has it */
bool option_is_text(const struct option *option);    /* it accepts any text */

/**
 * Set an option from text. A list grows within one layer; the next layer replaces it. What a
 * later layer has set stays.
 * @text	for a flag without argument: "true" or "false"
 * Return: 0; -EINVAL or -ERANGE if @text is not as option_expected() says, and nothing has changed.
 */
int option_set(struct cli *cli, const struct option *option, struct set_by set_by,
               const char *text);

/** Set it to its default. */
void option_clear(struct cli *cli, const struct option *option);

/** Return: what option_set() would return. */
int option_check(const struct option *option, const char *text);

/** The same for a key of @entry, an entry of a list of mappings. */
int option_set_key(void *entry, const struct option *key, const char *text);

/** What the option accepts: "a number from 1 to 256". The caller must free it. */
char *option_expected(const struct option *option);

/**
 * The value, as option_set() accepts it; NULL if it is the built-in default. The caller must free
 * it.
 */
char *option_text(const struct cli *cli, const struct option *option);

/** Return: the name that @text is probably a typing error for; NULL if there is none. */
const char *option_nearest(const char *text, const char *const *names, size_t count);

#endif
