/* SPDX-License-Identifier: MIT */
#ifndef BERTH_CLI_READER_H
#define BERTH_CLI_READER_H
/*
 * A YAML document, read node by node, with messages that name file, line and key.
 *
 *	struct reader reader = { .document = &document, .shown = "berth.yaml", .errors = &errors };
 *	reader_load(&reader, text, len)		libyaml parses it and resolves its aliases
 *	reader_each_pair(), reader_node()	visit it
 *	reader_complain()			add a message to errors, up to ERRORS_MAX
 *	reader_end(&reader)			how many there were
 *
 * The caller deletes the document with yaml_document_delete(3).
 */
#include <yaml.h>

#include "tools/base/str.h"

struct reader {
	yaml_document_t *document;
	const char *shown; /* the file's name in messages */
	char ***errors;    /* strv */
	unsigned int error_count, nodes;
};

/* A pair of a mapping, of which the key is a text */
struct reader_pair {
	const char *name, *path; /* the key, and where it stands: "profiles.ci.port" */
	unsigned int line;
	const yaml_node_t *value;
};

/**
 * Parse the only document of a text into @document, which is zeroed. Adds a message if that fails.
 * Return: 0; -EINVAL; -ENOMEM.
 */
int reader_load(struct reader *reader, const char *text, size_t len);

/** Return: the node; NULL when the reader has visited NODES_MAX, and the caller then stops. */
const yaml_node_t *reader_node(struct reader *reader, int index);

/** Call @use for each pair of a mapping at @path. */
void reader_each_pair(struct reader *reader, const yaml_node_t *mapping, const char *path,
                      void (*use)(void *arg, const struct reader_pair *pair), void *arg);

unsigned int reader_line(const yaml_node_t *node);
/** Return: the text of a scalar; NULL for other nodes and for a text with a NUL byte. */
const char *reader_text(const yaml_node_t *node);
/** Whether it is YAML's null: an empty value, ~ or null, unless it is quoted. */
bool reader_is_null(const yaml_node_t *node);

/** Add the message "FILE:LINE: PATH: ..."; @path may be "". */
void reader_complain(struct reader *reader, size_t line, const char *path, const char *format, ...)
	PRINTF(4, 5);
/** The message is "expected @what, got 'many'", or a list, a mapping, nothing. */
void reader_complain_expected(struct reader *reader, const yaml_node_t *node, const char *path,
                              const char *what);

/** Say how many messages were too many. Return: 0; -EINVAL if there was a message. */
int reader_end(struct reader *reader);

#endif
