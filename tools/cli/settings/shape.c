/* SPDX-License-Identifier: MIT */
/*
 * From what people write to what a schema can describe. libcyaml reads a document into structs by a schema, but a schema
 * knows neither keys that the user invents (the names of profiles), nor "one text or a list of them", nor where in the file a
 * value stood. So the document is first walked as libyaml reads it, checked against the option table, and written anew in a
 * normal form:
 *
 *	- {name: "", line: 1, port: [{line: 3, text: "3101"}], databases: [{line: 5, kind: [{line: 5, text: "redis"}]}]}
 *	- {name: "ci", line: 9, workers: [{line: 10, text: "8"}]}
 *
 * Laws: every mistake is reported, in the order of the file, until there are ERRORS_MOST; whatever is in the normal form has
 * passed option_check(); the work is bounded by NODES_MOST, because aliases can make a small file large.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "tools/base/cleanup.h"
#include "tools/cli/settings/config.h"

enum { ERRORS_MOST = 20, NODES_MOST = 100000, PROFILES_MOST = 64 };

struct shape {
	yaml_document_t document;
	const char *shown;
	char ***errors;
	unsigned int error_count, nodes;
	struct str out;
};

static void complain(struct shape *shape, size_t line, const char *path, const char *format, ...)
	PRINTF(4, 5);
static void complain(struct shape *shape, size_t line, const char *path, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	if (++shape->error_count > ERRORS_MOST)
		return;
	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	strv_own(shape->errors,
	         str_print("%s:%zu: %s%s%s", shape->shown, line, path, *path ? ": " : "", text));
}

static unsigned int line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

/* NULL when the work has outgrown NODES_MOST: the callers then find nothing more to do */
static const yaml_node_t *node_at(struct shape *shape, int index)
{
	if (shape->nodes == NODES_MOST)
		complain(shape, 1, "", "the file is too large, or its aliases make it so");
	if (shape->nodes++ >= NODES_MOST)
		return NULL;
	return yaml_document_get_node(&shape->document, index);
}

static bool is_scalar(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE;
}

static const char *text_of(const yaml_node_t *scalar)
{
	return (const char *)scalar->data.scalar.value;
}

/* YAML's null: an empty value, ~ or null, unless quoted */
static bool is_nothing(const yaml_node_t *node)
{
	const char *text = is_scalar(node) ? text_of(node) : "x";

	return is_scalar(node) && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

/* What a message calls it: "'many'", "a list", "nothing". The caller's to free. */
static char *got(const yaml_node_t *node)
{
	if (is_nothing(node))
		return str_copy("nothing");
	if (is_scalar(node)) {
		cleanup_free char *text = str_redacted(text_of(node));

		return str_print("'%.60s%s'", text, strlen(text) > 60 ? "..." : "");
	}
	return str_copy(node->type == YAML_SEQUENCE_NODE ? "a list" : "a mapping");
}

static void expected(struct shape *shape, const yaml_node_t *node, const char *path,
                     const char *wants)
{
	cleanup_free char *found = got(node);

	complain(shape, line_of(node), path, "expected %s, got %s", wants, found);
}

/* A text of the normal form, in double quotes: control characters, " and \ escaped; the rest is UTF-8 as libyaml saw it */
static void out_text(struct shape *shape, const char *text)
{
	str_add(&shape->out, "\"");
	for (; *text; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < ' ' || byte == '"' || byte == '\\' || byte == 0x7f)
			str_addf(&shape->out, "\\x%02x", byte);
		else
			str_add_len(&shape->out, text, 1);
	}
	str_add(&shape->out, "\"");
}

static void out_item(struct shape *shape, unsigned int line, const char *text)
{
	str_addf(&shape->out, "{line: %u, text: ", line);
	out_text(shape, text);
	str_add(&shape->out, "}, ");
}

static void shape_item(struct shape *shape, const struct option *option, const yaml_node_t *node,
                       const char *path)
{
	cleanup_free char *wants = NULL;

	if (is_scalar(node) && !is_nothing(node) &&
	    strlen(text_of(node)) == node->data.scalar.length &&
	    !option_check(option, text_of(node))) {
		out_item(shape, line_of(node), text_of(node));
		return;
	}
	wants = option_expected(option);
	expected(shape, node, path, wants);
}

static void shape_items(struct shape *shape, const struct option *option, const yaml_node_t *list,
                        const char *path)
{
	unsigned int number = 0;

	for (const yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++) {
		const yaml_node_t *node = node_at(shape, *item);
		cleanup_free char *item_path = str_print("%s[%u]", path, number++);

		if (!node)
			return;
		shape_item(shape, option, node, item_path);
	}
	if (!number)
		complain(shape, line_of(list), path,
		         "expected at least one value, got an empty list");
}

/* One value, or a list of them where the option takes one; a command in one text is the shell's to read */
static void shape_value(struct shape *shape, const struct option *option, const yaml_node_t *node,
                        const char *path)
{
	str_addf(&shape->out, "%s: [", option->name);
	if (node->type == YAML_SEQUENCE_NODE && option_is_list(option)) {
		shape_items(shape, option, node, path);
	} else {
		if (option_values(option) == VALUES_COMMAND && is_scalar(node)) {
			out_item(shape, line_of(node), "sh");
			out_item(shape, line_of(node), "-c");
		}
		shape_item(shape, option, node, path);
	}
	str_add(&shape->out, "], ");
}

/* A key of a mapping as text; NULL, with a message, if it is none or was there before */
static const char *shape_key(struct shape *shape, const yaml_node_t *key, const char *path)
{
	if (!is_scalar(key) || strlen(text_of(key)) != key->data.scalar.length) {
		expected(shape, key, path, "a key");
		return NULL;
	}
	if (!strcmp(text_of(key), "<<")) {
		complain(shape, line_of(key), path,
		         "merge keys (<<) are not read: give the keys themselves, or use an alias "
		         "(*name)");
		return NULL;
	}
	return text_of(key);
}

static bool first_time(struct shape *shape, const yaml_node_t *key, const char *path,
                       unsigned int *seen)
{
	if (*seen)
		complain(shape, line_of(key), path, "is given twice, first in line %u", *seen);
	else
		*seen = line_of(key);
	return *seen == line_of(key);
}

static void unknown_key(struct shape *shape, const yaml_node_t *key, const char *path,
                        const char *const *names, size_t count)
{
	const char *near = option_nearest(text_of(key), names, count);

	if (near)
		complain(shape, line_of(key), path, "unknown key: did you mean '%s'?", near);
	else
		complain(shape, line_of(key), path, "unknown key");
}

static char *join(const char *path, const char *key)
{
	return str_print("%s%s%.60s", path, *path ? "." : "", key);
}

static const struct option *key_of_list(const struct option_list *list, const char *name)
{
	for (unsigned int i = 0; i < list->count; i++)
		if (!strcmp(list->keys[i].name, name))
			return &list->keys[i];
	return NULL;
}

static void shape_pair(struct shape *shape, const struct option_list *list,
                       const yaml_node_pair_t *pair, const char *path, unsigned int seen[KEYS_MAX])
{
	const yaml_node_t *key = node_at(shape, pair->key), *value = node_at(shape, pair->value);
	const char *name = key && value ? shape_key(shape, key, path) : NULL;
	cleanup_free char *key_path = name ? join(path, name) : NULL;
	const struct option *option = name ? key_of_list(list, name) : NULL;
	const char *names[KEYS_MAX];

	if (!name)
		return;
	for (unsigned int i = 0; i < list->count; i++)
		names[i] = list->keys[i].name;
	if (!option)
		unknown_key(shape, key, key_path, names, list->count);
	else if (first_time(shape, key, key_path, &seen[option - list->keys]))
		shape_value(shape, option, value, key_path);
}

static const yaml_node_t *value_of_key(struct shape *shape, const yaml_node_t *mapping,
                                       const char *name)
{
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = node_at(shape, pair->key);

		if (key && is_scalar(key) && !strcmp(text_of(key), name))
			return node_at(shape, pair->value);
	}
	return NULL;
}

/* What no single key can tell */
static void check_database(struct shape *shape, const yaml_node_t *node, const char *path)
{
	const yaml_node_t *kind = value_of_key(shape, node, "kind");
	bool name = value_of_key(shape, node, "name"), url = value_of_key(shape, node, "url");

	if (!kind && !name && !url)
		complain(shape, line_of(node), path, "expected a name, a url or a kind");
	if (name && url)
		complain(shape, line_of(node), path, "expected a name or a url, got both");
	if (kind && is_scalar(kind) && !strcmp(text_of(kind), "command")) {
		if (!value_of_key(shape, node, "start"))
			complain(shape, line_of(node), path,
			         "a database of kind command needs start");
		if (!value_of_key(shape, node, "port"))
			complain(shape, line_of(node), path,
			         "a database of kind command needs port");
	}
}

/* A text stands for {name: TEXT} or, if it looks like one, {url: TEXT} */
static void shape_entry(struct shape *shape, const struct option_list *list,
                        const yaml_node_t *node, const char *path)
{
	unsigned int seen[KEYS_MAX] = { 0 };

	str_addf(&shape->out, "{line: %u, ", line_of(node));
	if (is_scalar(node) && !is_nothing(node) && list->texts) {
		const struct option *option = key_of_list(
			list, strstr(text_of(node), "://") ? "url" : "name");

		shape_value(shape, option, node, path);
	} else if (node->type == YAML_MAPPING_NODE) {
		for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		     pair < node->data.mapping.pairs.top; pair++)
			shape_pair(shape, list, pair, path, seen);
		if (list == &option_lists[LIST_DATABASE])
			check_database(shape, node, path);
		if (list == &option_lists[LIST_ALARM] && !value_of_key(shape, node, "error"))
			complain(shape, line_of(node), path, "an alarm needs error");
	} else {
		expected(shape, node, path, list->texts ? "a text or a mapping" : "a mapping");
	}
	str_add(&shape->out, "}, ");
}

static void shape_list(struct shape *shape, const struct option_list *list, const yaml_node_t *node,
                       const char *path)
{
	unsigned int number = 0;

	if (node->type != YAML_SEQUENCE_NODE) {
		expected(shape, node, path, "a list");
		return;
	}
	str_addf(&shape->out, "%s: [", list->name);
	for (const yaml_node_item_t *item = node->data.sequence.items.start;
	     item < node->data.sequence.items.top; item++) {
		const yaml_node_t *entry = node_at(shape, *item);
		cleanup_free char *entry_path = str_print("%s[%u]", path, number++);

		if (entry)
			shape_entry(shape, list, entry, entry_path);
	}
	str_add(&shape->out, "], ");
}

struct section {
	const char *path;                       /* "" or "profiles.ci" */
	unsigned int seen[OPTIONS + LISTS + 1]; /* line of each key; the last is `profiles` */
	const yaml_node_t *profiles; /* found on the way; NULL = none, or not allowed here */
};

static void unknown_setting(struct shape *shape, const yaml_node_t *key, const char *path, bool top)
{
	const char *names[OPTIONS + LISTS + 1];
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		if (option_table[i].where & OPTION_IN_YAML)
			names[count++] = option_table[i].name;
	for (size_t i = 0; i < LISTS; i++)
		names[count++] = option_lists[i].name;
	if (top)
		names[count++] = "profiles";
	unknown_key(shape, key, path, names, count);
}

static void shape_setting(struct shape *shape, struct section *section, const yaml_node_t *key,
                          const yaml_node_t *value)
{
	const char *name = shape_key(shape, key, section->path);
	cleanup_free char *path = name ? join(section->path, name) : NULL;
	const struct option *option = name ? option_by_key(name) : NULL;

	if (!name)
		return;
	if (option) {
		if (first_time(shape, key, path, &section->seen[option->id]))
			shape_value(shape, option, value, path);
		return;
	}
	for (unsigned int i = 0; i < LISTS; i++)
		if (!strcmp(name, option_lists[i].name)) {
			if (first_time(shape, key, path, &section->seen[OPTIONS + i]))
				shape_list(shape, &option_lists[i], value, path);
			return;
		}
	if (strcmp(name, "profiles") || *section->path)
		unknown_setting(shape, key, path, !*section->path);
	else if (first_time(shape, key, path, &section->seen[OPTIONS + LISTS]))
		section->profiles = value;
}

/* One section of the normal form. Return: the node of `profiles`, if there is one. */
static const yaml_node_t *shape_section(struct shape *shape, const char *name, const char *path,
                                        const yaml_node_t *node)
{
	struct section section = { .path = path };

	str_add(&shape->out, "- {name: ");
	out_text(shape, name);
	str_addf(&shape->out, ", line: %u, ", line_of(node));
	if (node->type == YAML_MAPPING_NODE) {
		for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
		     pair < node->data.mapping.pairs.top; pair++) {
			const yaml_node_t *key = node_at(shape, pair->key),
					  *value = node_at(shape, pair->value);

			if (key && value)
				shape_setting(shape, &section, key, value);
		}
	} else if (!is_nothing(node)) {
		expected(shape, node, path, "a mapping of settings");
	}
	str_add(&shape->out, "}\n");
	return section.profiles;
}

static void shape_profile(struct shape *shape, const yaml_node_pair_t *pair, char ***names)
{
	const yaml_node_t *key = node_at(shape, pair->key), *value = node_at(shape, pair->value);
	const char *name = key && value ? shape_key(shape, key, "profiles") : NULL;
	cleanup_free char *path = name ? join("profiles", name) : NULL;

	if (!name)
		return;
	if (!*name)
		complain(shape, line_of(key), "profiles", "expected the name of a profile, got ''");
	else if (strv_has(*names, name))
		complain(shape, line_of(key), path, "is given twice");
	else if (strv_len(*names) >= PROFILES_MOST)
		complain(shape, line_of(key), path, "expected at most %d profiles", PROFILES_MOST);
	else
		shape_section(shape, name, path, value);
	strv_add(names, name);
}

static void shape_profiles(struct shape *shape, const yaml_node_t *profiles)
{
	cleanup_strv char **names = NULL;

	if (profiles->type != YAML_MAPPING_NODE) {
		if (!is_nothing(profiles))
			expected(shape, profiles, "profiles", "a mapping from names to settings");
		return;
	}
	for (const yaml_node_pair_t *pair = profiles->data.mapping.pairs.start;
	     pair < profiles->data.mapping.pairs.top; pair++) {
		if (strv_len(names) > PROFILES_MOST)
			return;
		shape_profile(shape, pair, &names);
	}
}

static void complain_syntax(struct shape *shape, const yaml_parser_t *parser)
{
	cleanup_str struct str text = { 0 };
	size_t line = parser->problem_mark.line + 1;

	str_addf(&text, "not valid YAML: %s", parser->problem ? parser->problem : "unreadable");
	if (parser->context)
		str_addf(&text, ", %s", parser->context);
	if (parser->context && parser->context_mark.line + 1 != line)
		str_addf(&text, " that begins in line %zu", parser->context_mark.line + 1);
	/* a reader's error (bytes that are no UTF-8) has an offset instead of a line */
	if (parser->error == YAML_READER_ERROR)
		str_addf(&text, ", at byte %zu", parser->problem_offset);
	complain(shape, line, "", "%s", text.text);
}

static void shape_document(struct shape *shape)
{
	const yaml_node_t *root = yaml_document_get_root_node(&shape->document), *profiles;

	if (!root)
		return;
	profiles = shape_section(shape, "", "", root);
	if (profiles)
		shape_profiles(shape, profiles);
}

static void refuse_second(struct shape *shape, yaml_parser_t *parser)
{
	yaml_document_t second;
	const yaml_node_t *root;

	if (!yaml_parser_load(parser, &second)) {
		complain_syntax(shape, parser);
		return;
	}
	root = yaml_document_get_root_node(&second);
	if (root)
		complain(shape, line_of(root), "",
		         "expected one document, got a second after '---'");
	yaml_document_delete(&second);
}

int config_shape(const char *text, size_t len, const char *shown, char **ret_text, char ***errors)
{
	struct shape shape = { .shown = shown, .errors = errors };
	yaml_parser_t parser;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, &shape.document)) {
		complain_syntax(&shape, &parser);
	} else {
		bool empty = !yaml_document_get_root_node(&shape.document);

		shape_document(&shape);
		yaml_document_delete(&shape.document);
		if (!empty)
			refuse_second(&shape, &parser);
	}
	yaml_parser_delete(&parser);
	if (shape.error_count > ERRORS_MOST)
		strv_own(errors,
		         str_print("%s: and %u more", shown, shape.error_count - ERRORS_MOST));
	if (shape.error_count)
		str_free(&shape.out);
	else
		*ret_text = str_take(&shape.out);
	return shape.error_count ? -EINVAL : 0;
}
