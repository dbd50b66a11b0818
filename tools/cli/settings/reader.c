/* SPDX-License-Identifier: MIT */
/*
 * libyaml's document with messages. NODES_MAX bounds the visits of nodes, because aliases can
 * make a small file large.
 */
#include "tools/cli/settings/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "tools/base/cleanup.h"

enum { ERRORS_MAX = 20, NODES_MAX = 100000, DEPTH_MAX = 100 };

void reader_complain(struct reader *reader, size_t line, const char *path, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	if (++reader->error_count > ERRORS_MAX)
		return;
	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	strv_own(reader->errors,
	         str_print("%s:%zu: %s%s%s", reader->shown, line, path, *path ? ": " : "", text));
}

unsigned int reader_line(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

const yaml_node_t *reader_node(struct reader *reader, int index)
{
	if (reader->nodes == NODES_MAX)
		reader_complain(reader, 1, "", "the file is too large, or its aliases make it so");
	if (reader->nodes++ >= NODES_MAX)
		return NULL;
	return yaml_document_get_node(reader->document, index);
}

const char *reader_text(const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;

	if (node->type != YAML_SCALAR_NODE || strlen(text) != node->data.scalar.length)
		return NULL;
	return text;
}

bool reader_is_null(const yaml_node_t *node)
{
	const char *text = reader_text(node);

	return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!*text || !strcmp(text, "~") || !strcasecmp(text, "null"));
}

void reader_complain_expected(struct reader *reader, const yaml_node_t *node, const char *path,
                              const char *what)
{
	bool scalar = node->type == YAML_SCALAR_NODE && !reader_is_null(node);
	cleanup_free char *text = scalar ? str_redacted((const char *)node->data.scalar.value)
	                                 : NULL;

	if (text)
		reader_complain(reader, reader_line(node), path, "expected %s, got '%.60s%s'", what,
		                text, strlen(text) > 60 ? "..." : "");
	else
		reader_complain(reader, reader_line(node), path, "expected %s, got %s", what,
		                node->type == YAML_SCALAR_NODE     ? "nothing"
		                : node->type == YAML_SEQUENCE_NODE ? "a list"
		                                                   : "a mapping");
}

/* Return: a key as text; NULL, with a message, if it is none. */
static const char *key_text(struct reader *reader, const yaml_node_t *key, const char *path)
{
	const char *text = reader_text(key);

	if (!text)
		reader_complain_expected(reader, key, path, "a key");
	if (!text || strcmp(text, "<<"))
		return text;
	reader_complain(reader, reader_line(key), path,
	                "merge keys (<<) are not read: give the keys themselves, or use an alias "
	                "(*name)");
	return NULL;
}

void reader_each_pair(struct reader *reader, const yaml_node_t *mapping, const char *path,
                      void (*use)(void *arg, const struct reader_pair *pair), void *arg)
{
	for (const yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
	     pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = reader_node(reader, pair->key),
				  *value = reader_node(reader, pair->value);
		const char *name = key && value ? key_text(reader, key, path) : NULL;
		cleanup_free char *full = name ? str_print("%s%s%.60s", path, *path ? "." : "",
		                                           name)
		                               : NULL;

		if (name)
			use(arg, &(struct reader_pair){ name, full, reader_line(key), value });
	}
}

static void complain_syntax(struct reader *reader, const yaml_parser_t *parser)
{
	cleanup_str struct str text = { 0 };
	size_t line = parser->problem_mark.line + 1;

	str_addf(&text, "not valid YAML: %s", parser->problem ? parser->problem : "unreadable");
	if (parser->context)
		str_addf(&text, ", %s", parser->context);
	if (parser->context && parser->context_mark.line + 1 != line)
		str_addf(&text, " that begins in line %zu", parser->context_mark.line + 1);
	/* bytes that are no UTF-8 have an offset instead of a line */
	if (parser->error == YAML_READER_ERROR)
		str_addf(&text, ", at byte %zu", parser->problem_offset);
	reader_complain(reader, line, "", "%s", text.text);
}

static void refuse_second(struct reader *reader, yaml_parser_t *parser)
{
	yaml_document_t second;
	const yaml_node_t *root;

	if (!yaml_parser_load(parser, &second)) {
		complain_syntax(reader, parser);
		return;
	}
	root = yaml_document_get_root_node(&second);
	if (root)
		reader_complain(reader, reader_line(root), "",
		                "expected one document, got a second after '---'");
	yaml_document_delete(&second);
}

/*
 * Return: the line in which the text is nested deeper than DEPTH_MAX; 0 = nowhere. The time that
 * libyaml needs for a text grows with the square of its depth: 100 000 brackets take 20 seconds.
 */
static size_t too_deep_line(const char *text, size_t len)
{
	yaml_parser_t parser;
	yaml_event_t event;
	unsigned int depth = 0;
	size_t line = 0;
	bool more = true;

	if (!yaml_parser_initialize(&parser))
		return 0;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	while (more && yaml_parser_parse(&parser, &event)) {
		bool begins = event.type == YAML_SEQUENCE_START_EVENT ||
		              event.type == YAML_MAPPING_START_EVENT;
		bool ends = event.type == YAML_SEQUENCE_END_EVENT ||
		            event.type == YAML_MAPPING_END_EVENT;

		depth = depth + begins - ends;
		if (depth > DEPTH_MAX)
			line = event.start_mark.line + 1;
		more = !line && event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return line;
}

int reader_load(struct reader *reader, const char *text, size_t len)
{
	yaml_parser_t parser;
	size_t line = too_deep_line(text, len);

	if (line) {
		reader_complain(reader, line, "", "nested deeper than %d levels", DEPTH_MAX);
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (!yaml_parser_load(&parser, reader->document))
		complain_syntax(reader, &parser);
	else if (yaml_document_get_root_node(reader->document))
		refuse_second(reader, &parser);
	yaml_parser_delete(&parser);
	return reader->error_count ? -EINVAL : 0;
}

int reader_end(struct reader *reader)
{
	if (reader->error_count > ERRORS_MAX)
		strv_own(reader->errors, str_print("%s: and %u more", reader->shown,
		                                   reader->error_count - ERRORS_MAX));
	return reader->error_count ? -EINVAL : 0;
}
