/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml into settings, in one walk: each key is looked up in the option table, and each
 * value is stored in the field that its row names. The same walk checks a file (with all
 * profiles and `up`, into settings that are thrown away) and applies it. It reports every mistake.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/settings/reader.h"

enum { PROFILES_MAX = 64 };

struct walk {
	struct reader *reader;
	const char *file; /* path of berth.yaml; NULL = unknown */
	struct cli *cli;  /* gets the settings */
	enum layer layer;
	char ***names;       /* check all profiles and add their names to this strv; or NULL */
	const char *profile; /* then apply this one; NULL = none */
};

/*
 * Return: whether the key is given for the first time. @seen_line: the line of the first; 0 =
 * none
 */
static bool first_time(struct walk *walk, const struct reader_pair *pair, unsigned int *seen_line)
{
	if (!*seen_line) {
		*seen_line = pair->line;
		return true;
	}
	reader_complain(walk->reader, pair->line, pair->path, "is given twice, first in line %u",
	                *seen_line);
	return false;
}

static void complain_unknown(struct walk *walk, const struct reader_pair *pair,
                             const char *const *names, size_t count)
{
	const char *near = option_nearest(pair->name, names, count);

	reader_complain(walk->reader, pair->line, pair->path,
	                near ? "unknown key: did you mean '%s'?" : "unknown key", near);
}

/* ---- values ---- */

/*
 * Store one text in the field of @entry, an entry of a list of mappings, or (NULL) in the
 * settings. A relative name of a file or directory is relative to berth.yaml, wherever berth is
 * started.
 */
static int store(struct walk *walk, const struct option *option, void *entry, unsigned int line,
                 const char *text)
{
	const char *file = walk->file, *slash = file ? strrchr(file, '/') : NULL;
	enum option_values values = option->type->values;
	cleanup_free char *full = NULL;

	if ((values == VALUES_FILE || values == VALUES_DIRECTORY) && *text != '/' && slash)
		text = full = str_print("%.*s/%s", (int)(slash - file), file, text);
	if (entry)
		return option_set_key(entry, option, text);
	return option_set(walk->cli, option, (struct set_by){ walk->layer, line }, text);
}

static void walk_text(struct walk *walk, const struct option *option, void *entry,
                      const yaml_node_t *node, const char *path)
{
	const char *text = reader_is_null(node) ? NULL : reader_text(node);
	cleanup_free char *expected = NULL;

	if (text && !store(walk, option, entry, reader_line(node), text))
		return;
	expected = option_expected(option);
	reader_complain_expected(walk->reader, node, path, expected);
}

/*
 * Store one value, or a list of them where the option takes several. A command that is one text
 * is for the shell.
 */
static void walk_value(struct walk *walk, const struct option *option, void *entry,
                       const yaml_node_t *node, const char *path)
{
	const yaml_node_item_t *first = node->data.sequence.items.start;

	if (node->type != YAML_SEQUENCE_NODE || !option->type->list) {
		if (option->type->values == VALUES_COMMAND && node->type == YAML_SCALAR_NODE) {
			(void)store(walk, option, entry, reader_line(node), "sh");
			(void)store(walk, option, entry, reader_line(node), "-c");
		}
		walk_text(walk, option, entry, node, path);
		return;
	}
	for (const yaml_node_item_t *at = first; at < node->data.sequence.items.top; at++) {
		const yaml_node_t *item = reader_node(walk->reader, *at);
		cleanup_free char *item_path = str_print("%s[%d]", path, (int)(at - first));

		if (!item)
			return;
		walk_text(walk, option, entry, item, item_path);
	}
	if (first == node->data.sequence.items.top)
		reader_complain(walk->reader, reader_line(node), path,
		                "expected at least one value, got an empty list");
}

/* ---- lists of mappings ---- */

struct entry {
	struct walk *walk;
	const struct option_list *list;
	void *fields; /* struct run_database, run_allow or run_alarm */
	unsigned int seen_lines[KEYS_MAX];
};

static const struct option *key_named(const struct option_list *list, const char *name)
{
	for (unsigned int i = 0; i < list->count; i++)
		if (!strcmp(list->keys[i].name, name))
			return &list->keys[i];
	return NULL;
}

static bool given(const struct entry *entry, const char *name)
{
	return entry->seen_lines[key_named(entry->list, name) - entry->list->keys];
}

static void walk_key(void *arg, const struct reader_pair *pair)
{
	struct entry *entry = arg;
	const struct option *key = key_named(entry->list, pair->name);
	const char *names[KEYS_MAX];

	for (unsigned int i = 0; i < entry->list->count; i++)
		names[i] = entry->list->keys[i].name;
	if (!key)
		complain_unknown(entry->walk, pair, names, entry->list->count);
	else if (first_time(entry->walk, pair, &entry->seen_lines[key - entry->list->keys]))
		walk_value(entry->walk, key, entry->fields, pair->value, pair->path);
}

/* Check what concerns several keys of an entry. */
static void check_entry(const struct entry *entry, unsigned int line, const char *path)
{
	struct reader *reader = entry->walk->reader;
	bool command;

	if (entry->list == &option_lists[LIST_ALARM] && !given(entry, "error"))
		reader_complain(reader, line, path, "an alarm needs error");
	if (entry->list != &option_lists[LIST_DATABASE])
		return;
	if (!given(entry, "kind") && !given(entry, "name") && !given(entry, "url"))
		reader_complain(reader, line, path, "expected a name, a url or a kind");
	if (given(entry, "name") && given(entry, "url"))
		reader_complain(reader, line, path, "expected a name or a url, got both");
	command = ((struct run_database *)entry->fields)->kind == DB_KIND_COMMAND;
	if (command && !given(entry, "start"))
		reader_complain(reader, line, path, "a database of kind command needs start");
	if (command && !given(entry, "port"))
		reader_complain(reader, line, path, "a database of kind command needs port");
}

/* A text in `databases` stands for {name: TEXT} or, if it has ://, for {url: TEXT}. */
static void walk_entry(struct entry *entry, const yaml_node_t *node, const char *path)
{
	struct walk *walk = entry->walk;
	const struct option_list *list = entry->list;
	const char *text = reader_is_null(node) ? NULL : reader_text(node);

	if (text && list->texts) {
		walk_text(walk, key_named(list, strstr(text, "://") ? "url" : "name"),
		          entry->fields, node, path);
	} else if (node->type == YAML_MAPPING_NODE) {
		reader_each_pair(walk->reader, node, path, walk_key, entry);
		check_entry(entry, reader_line(node), path);
	} else {
		reader_complain_expected(walk->reader, node, path,
		                         list->texts ? "a text or a mapping" : "a mapping");
	}
}

/* The entries replace those of the layer below. */
static void walk_list(struct walk *walk, const struct option_list *list, const yaml_node_t *node,
                      const char *path)
{
	const yaml_node_item_t *first = node->data.sequence.items.start;

	if (node->type != YAML_SEQUENCE_NODE) {
		reader_complain_expected(walk->reader, node, path, "a list");
		return;
	}
	for (const yaml_node_item_t *at = first; at < node->data.sequence.items.top; at++) {
		const yaml_node_t *item = reader_node(walk->reader, *at);
		cleanup_free char *item_path = str_print("%s[%d]", path, (int)(at - first));
		struct entry entry = { .walk = walk, .list = list };

		if (!item)
			return;
		if (at == first)
			option_list_clear(walk->cli, list);
		entry.fields = option_list_add(walk->cli, list);
		walk_entry(&entry, item, item_path);
	}
}

/* ---- sections ---- */

/* Sections in the top level. */
enum { PROFILES, UP, SUBSECTIONS };
static const char *const subsections[SUBSECTIONS] = { "profiles", "up" };

struct section {
	struct walk *walk;
	bool top;
	unsigned int seen_lines[OPTIONS + LISTS + SUBSECTIONS]; /* of each key */
	const yaml_node_t *below[SUBSECTIONS];                  /* set by the walk; NULL = none */
};

static void complain_unknown_setting(struct walk *walk, const struct reader_pair *pair, bool top)
{
	const char *names[OPTIONS + LISTS + SUBSECTIONS];
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		if (option_table[i].where & OPTION_IN_YAML)
			names[count++] = option_table[i].name;
	for (size_t i = 0; i < LISTS; i++)
		names[count++] = option_lists[i].name;
	for (size_t i = 0; top && i < SUBSECTIONS; i++)
		names[count++] = subsections[i];
	complain_unknown(walk, pair, names, count);
}

static void walk_setting(void *arg, const struct reader_pair *pair)
{
	struct section *section = arg;
	struct walk *walk = section->walk;
	const struct option *option = option_by_key(pair->name);
	unsigned int list = 0, below = 0;

	if (option) {
		if (first_time(walk, pair, &section->seen_lines[option->id]))
			walk_value(walk, option, NULL, pair->value, pair->path);
		return;
	}
	while (list < LISTS && strcmp(pair->name, option_lists[list].name))
		list++;
	while (list == LISTS && below < SUBSECTIONS && strcmp(pair->name, subsections[below]))
		below++;
	if (below == SUBSECTIONS || (list == LISTS && !section->top))
		complain_unknown_setting(walk, pair, section->top);
	else if (!first_time(walk, pair, &section->seen_lines[OPTIONS + list + below]))
		return;
	else if (list < LISTS)
		walk_list(walk, &option_lists[list], pair->value, pair->path);
	else
		section->below[below] = pair->value;
}

/* Return: the section, with what the top level has below it. */
static struct section walk_section(struct walk *walk, enum layer layer, const char *path,
                                   const yaml_node_t *node)
{
	struct section section = { .walk = walk, .top = layer == LAYER_FILE };

	walk->layer = layer;
	if (node->type == YAML_MAPPING_NODE)
		reader_each_pair(walk->reader, node, path, walk_setting, &section);
	else if (!reader_is_null(node))
		reader_complain_expected(walk->reader, node, path, "a mapping of settings");
	return section;
}

static void walk_profile(void *arg, const struct reader_pair *pair)
{
	struct walk *walk = arg;
	size_t count = walk->names ? strv_len(*walk->names) : 0;
	bool valid = false;

	if (!walk->names)
		valid = str_equal(pair->name, walk->profile);
	else if (count > PROFILES_MAX)
		return;
	else if (!*pair->name)
		reader_complain(walk->reader, pair->line, "profiles",
		                "expected the name of a profile, got ''");
	else if (strv_has(*walk->names, pair->name))
		reader_complain(walk->reader, pair->line, pair->path, "is given twice");
	else if (count == PROFILES_MAX)
		reader_complain(walk->reader, pair->line, pair->path,
		                "expected at most %d profiles", PROFILES_MAX);
	else
		valid = true;
	if (walk->names)
		strv_add(walk->names, pair->name);
	if (valid)
		(void)walk_section(walk, LAYER_PROFILE, pair->path, pair->value);
}

static void walk_document(struct walk *walk)
{
	const yaml_node_t *root = yaml_document_get_root_node(walk->reader->document), *profiles;
	struct section top = { 0 };

	if (root)
		top = walk_section(walk, LAYER_FILE, "", root);
	profiles = top.below[PROFILES];
	if (profiles && profiles->type == YAML_MAPPING_NODE)
		reader_each_pair(walk->reader, profiles, "profiles", walk_profile, walk);
	else if (profiles && !reader_is_null(profiles))
		reader_complain_expected(walk->reader, profiles, "profiles",
		                         "a mapping from names to settings");
	if (top.below[UP] && (walk->names || (walk->cli->verb && walk->cli->verb->id == VERB_up)))
		(void)walk_section(walk, LAYER_UP, "up", top.below[UP]);
}

/* ---- documents ---- */

int config_parse(const char *text, size_t len, const char *shown, struct config **ret_config,
                 char ***errors)
{
	struct config *config = mem_alloc(sizeof(*config));
	struct reader reader = { .shown = shown, .errors = errors };
	struct cli unused = { 0 };
	struct walk walk = { .reader = &reader, .cli = &unused, .names = &config->profiles };
	int ret;

	config->shown = str_copy(shown);
	reader.document = config->document = mem_alloc(sizeof(*config->document));
	ret = reader_load(&reader, text, len);
	if (!ret) {
		walk_document(&walk);
		ret = reader_end(&reader);
	}
	cli_free(&unused);
	if (ret)
		config_free(config);
	else
		*ret_config = config;
	return ret;
}

/*
 * --each says how many workers there are, so it replaces a number of a layer below. Not the other
 * way round: who gives -n in a project with tasks may have meant -j, and the plan reports that.
 */
static void tasks_replace_workers(struct cli *cli)
{
	struct set_by *workers = &cli->set_by[OPTION_workers];

	if (workers->layer >= cli->set_by[OPTION_each].layer)
		return;
	cli->run.workers = 0;
	*workers = (struct set_by){ 0 };
}

void config_apply(const struct config *config, const char *profile, struct cli *cli)
{
	cleanup_strv char **errors = NULL; /* stays empty: config_parse() has found none */
	struct reader reader = { config->document, config->shown, &errors, 0, 0 };
	struct walk walk = {
		.reader = &reader, .file = config->path, .cli = cli, .profile = profile
	};

	walk_document(&walk);
	tasks_replace_workers(cli);
}

void config_free(struct config *config)
{
	if (!config)
		return;
	yaml_document_delete(config->document);
	free(config->document);
	strv_free(config->profiles);
	free(config->path);
	free(config->shown);
	free(config);
}
