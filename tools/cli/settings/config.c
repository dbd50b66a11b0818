/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml into settings: shape.c checks the document and writes its normal form, libcyaml reads that into
 * struct config by a schema that is made from the option table, and config_apply() sets what no flag has set.
 *
 * Laws: libcyaml never sees a document that has a mistake, so its failure is ours and not the user's; layers
 * decide who wins, not the order of calls (option_set()).
 */
#include "tools/cli/settings/config.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/settings/project.h"
#include "tools/db/common/url.h"

enum { FILE_MOST = 1 << 20 };

static const cyaml_schema_field_t item_fields[] = {
	CYAML_FIELD_UINT("line", CYAML_FLAG_DEFAULT, struct config_item, line),
	CYAML_FIELD_STRING_PTR("text", CYAML_FLAG_POINTER, struct config_item, text, 0,
	                       CYAML_UNLIMITED),
	CYAML_FIELD_END
};
static const cyaml_schema_value_t item_value = { CYAML_VALUE_MAPPING(
	CYAML_FLAG_DEFAULT, struct config_item, item_fields) };

static cyaml_schema_field_t sequence(const char *key, size_t data, size_t count,
                                     const cyaml_schema_value_t *of)
{
	return (cyaml_schema_field_t){
		.key = key,
		.data_offset = (uint32_t)data,
		.count_offset = (uint32_t)count,
		.count_size = sizeof(unsigned int),
		.value = { CYAML_VALUE_SEQUENCE(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, of,
		                                0, CYAML_UNLIMITED) },
	};
}

/* A list of items under the key of @option, into @values at @offset */
static cyaml_schema_field_t items(const struct option *option, size_t offset)
{
	cyaml_schema_field_t field = sequence(
		option->name, offset + offsetof(struct config_values, items),
		offset + offsetof(struct config_values, count), &item_value);

	field.value.data_size = sizeof(struct config_item);
	return field;
}

/* The whole schema; made once, from the tables */
struct schema {
	cyaml_schema_field_t entry_fields[LISTS][KEYS_MAX + 2], section_fields[OPTIONS + LISTS + 3];
	cyaml_schema_value_t entries[LISTS], section, document;
};

static void schema_add_list(struct schema *schema, unsigned int list, cyaml_schema_field_t **at)
{
	const struct option_list *keys = &option_lists[list];
	cyaml_schema_field_t *field = schema->entry_fields[list];

	*field++ = (cyaml_schema_field_t)CYAML_FIELD_UINT("line", CYAML_FLAG_DEFAULT,
	                                                  struct config_entry, line);
	for (unsigned int i = 0; i < keys->count; i++)
		*field++ = items(&keys->keys[i], offsetof(struct config_entry, values) +
		                                         i * sizeof(struct config_values));
	schema->entries[list] = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(
		CYAML_FLAG_DEFAULT, struct config_entry, schema->entry_fields[list]) };
	**at = sequence(keys->name,
	                offsetof(struct config_section, lists[0].entries) +
	                        list * sizeof(((struct config_section *)NULL)->lists[0]),
	                offsetof(struct config_section, lists[0].count) +
	                        list * sizeof(((struct config_section *)NULL)->lists[0]),
	                &schema->entries[list]);
	(*at)++->value.data_size = sizeof(struct config_entry);
}

static const struct schema *schema_get(void)
{
	static struct schema schema;
	cyaml_schema_field_t *at = schema.section_fields;

	if (at->key)
		return &schema;
	*at++ = (cyaml_schema_field_t)CYAML_FIELD_STRING_PTR(
		"name", CYAML_FLAG_POINTER, struct config_section, name, 0, CYAML_UNLIMITED);
	*at++ = (cyaml_schema_field_t)CYAML_FIELD_UINT("line", CYAML_FLAG_DEFAULT,
	                                               struct config_section, line);
	for (unsigned int i = 0; i < OPTIONS; i++)
		if (option_table[i].where & OPTION_IN_YAML)
			*at++ = items(&option_table[i], offsetof(struct config_section, values) +
			                                        i * sizeof(struct config_values));
	for (unsigned int i = 0; i < LISTS; i++)
		schema_add_list(&schema, i, &at);
	schema.section = (cyaml_schema_value_t){ CYAML_VALUE_MAPPING(
		CYAML_FLAG_DEFAULT, struct config_section, schema.section_fields) };
	schema.document = (cyaml_schema_value_t){ CYAML_VALUE_SEQUENCE(
		CYAML_FLAG_POINTER, struct config_section, &schema.section, 0, CYAML_UNLIMITED) };
	return &schema;
}

static const cyaml_config_t cyaml = { .mem_fn = cyaml_mem, .flags = CYAML_CFG_NO_ALIAS };

int config_parse(const char *text, size_t len, const char *shown, struct config **ret_config,
                 char ***errors)
{
	cleanup_free char *normal = NULL;
	struct config *config;
	cyaml_err_t ret;
	int shaped = config_shape(text, len, shown, &normal, errors);

	if (shaped)
		return shaped;
	config = mem_alloc(sizeof(*config));
	config->shown = str_copy(shown);
	*ret_config = config;
	if (!*normal)
		return 0;
	ret = cyaml_load_data((const uint8_t *)normal, strlen(normal), &cyaml,
	                      &schema_get()->document, (cyaml_data_t **)&config->sections,
	                      &config->count);
	if (ret == CYAML_OK)
		return 0;
	strv_own(errors, str_print("%s: internal error: %s", shown, cyaml_strerror(ret)));
	config_free(config);
	return -EINVAL;
}

/* Paths below the working directory are shown as people would type them */
static char *shown_path(const char *path)
{
	cleanup_free char *dir = getcwd(NULL, 0);
	size_t len = dir ? strlen(dir) : 0;

	if (dir && str_starts(path, dir) && path[len] == '/')
		path += len + 1;
	return str_copy(path);
}

int config_read(const char *path, struct config **ret_config, char ***errors)
{
	cleanup_free char *text = NULL, *shown = shown_path(path), *whole = realpath(path, NULL);
	size_t len = 0;
	int ret = file_read(path, &text, &len);

	if (!ret && len > FILE_MOST)
		ret = -EFBIG;
	if (ret) {
		strv_own(errors, str_print("%s: %s", shown, strerror(-ret)));
		return ret;
	}
	ret = config_parse(text, len, shown, ret_config, errors);
	if (!ret)
		(*ret_config)->path = whole ? steal(&whole) : str_copy(path);
	return ret;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	cyaml_free(&cyaml, &schema_get()->document, config->sections, config->count);
	free(config->path);
	free(config->shown);
	free(config);
}

static const struct config_section *section_named(const struct config *config, const char *name)
{
	for (unsigned int i = 0; i < config->count; i++)
		if (!strcmp(config->sections[i].name, name))
			return &config->sections[i];
	return NULL;
}

static bool ci_set(void)
{
	const char *ci = getenv("CI");

	return ci && *ci && strcmp(ci, "0") && strcasecmp(ci, "false");
}

int config_profile(const struct config *config, const struct cli *cli, const char **ret_name)
{
	const char *asked = cli->profile, *environment = getenv("BERTH_PROFILE");

	*ret_name = NULL;
	if (!asked && environment && *environment)
		asked = environment;
	if (!asked && ci_set() && section_named(config, "ci"))
		asked = "ci";
	*ret_name = asked;
	return !asked || (*asked && section_named(config, asked)) ? 0 : -ENOENT;
}

/* A file that berth.yaml names is beside berth.yaml, wherever berth is started */
static char *beside(const struct config *config, const struct option *option, const char *text)
{
	const char *slash = config->path ? strrchr(config->path, '/') : NULL;
	enum option_values values = option_values(option);

	if ((values != VALUES_FILE && values != VALUES_DIRECTORY) || *text == '/' || !slash)
		return str_copy(text);
	return str_print("%.*s/%s", (int)(slash - config->path), config->path, text);
}

static void apply_options(const struct config *config, const struct config_section *section,
                          enum layer layer, struct cli *cli)
{
	for (unsigned int i = 0; i < OPTIONS; i++)
		for (unsigned int j = 0; j < section->values[i].count; j++) {
			const struct config_item *item = &section->values[i].items[j];
			cleanup_free char *text = beside(config, &option_table[i], item->text);

			(void)option_set(cli, &option_table[i],
			                 (struct set_by){ layer, item->line }, text);
		}
}

/* The entries of one list as an array of its structs */
static void *entries_make(const struct config_section *section, unsigned int list)
{
	const struct option_list *keys = &option_lists[list];
	char *structs = mem_alloc(section->lists[list].count * keys->size);

	for (unsigned int i = 0; i < section->lists[list].count; i++)
		for (unsigned int k = 0; k < keys->count; k++) {
			const struct config_values *values =
				&section->lists[list].entries[i].values[k];

			for (unsigned int j = 0; j < values->count; j++)
				(void)option_set_key(structs + i * keys->size, &keys->keys[k],
				                     values->items[j].text);
		}
	return structs;
}

static void apply_lists(const struct config_section *section, struct cli *cli)
{
	struct run_options *run = &cli->run;

	if (section->lists[LIST_DATABASE].count) {
		run_databases_free(run->database_list, run->database_count);
		run->database_list = entries_make(section, LIST_DATABASE);
		run->database_count = section->lists[LIST_DATABASE].count;
	}
	if (section->lists[LIST_ALLOW].count) {
		run_allow_free(run->allow, run->allow_count);
		run->allow = entries_make(section, LIST_ALLOW);
		run->allow_count = section->lists[LIST_ALLOW].count;
	}
	if (section->lists[LIST_ALARM].count) {
		free(run->alarms);
		run->alarms = entries_make(section, LIST_ALARM);
		run->alarm_count = section->lists[LIST_ALARM].count;
	}
}

/*
 * Tasks say how many workers there are, so a number from a layer below has been replaced. Not the other way round: who says -n of
 * a project with tasks may have meant -j, and is told so.
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
	const struct config_section *top = section_named(config, "");
	const struct config_section *chosen = profile ? section_named(config, profile) : NULL;

	if (top) {
		apply_options(config, top, LAYER_FILE, cli);
		apply_lists(top, cli);
	}
	if (chosen) {
		apply_options(config, chosen, LAYER_PROFILE, cli);
		apply_lists(chosen, cli);
	}
	tasks_replace_workers(cli);
}

/* `--db X` and `db: X` become entries like those of `databases:` */
static void databases_finish(struct run_options *run, bool from_flag)
{
	unsigned int more = (unsigned int)strv_len(run->databases);

	if (from_flag) {
		run_databases_free(run->database_list, run->database_count);
		run->database_list = NULL;
		run->database_count = 0;
	}
	run->database_list = mem_grow(run->database_list, run->database_count + more,
	                              sizeof(*run->database_list));
	for (unsigned int i = 0; i < more; i++) {
		struct run_database *database = &run->database_list[run->database_count++];

		*database = (struct run_database){ 0 };
		*(strstr(run->databases[i], "://") ? &database->url
		                                   : &database->name) = str_copy(run->databases[i]);
	}
	for (unsigned int i = 0; i < run->database_count; i++)
		if (run->database_list[i].url && run->database_list[i].kind == DB_KIND_POSTGRES)
			(void)db_url_kind(run->database_list[i].url, &run->database_list[i].kind);
}

static int no_profile(const struct config *config, const char *name)
{
	cleanup_str struct str names = { 0 };

	for (unsigned int i = 1; i < config->count; i++)
		str_addf(&names, "%s'%s'", i > 1 ? ", " : "", config->sections[i].name);
	log_line("%s has no profile '%s'", config->shown, name);
	if (names.len)
		log_hint("its profiles are %s", names.text);
	else
		log_hint("a profile is a mapping of settings below `profiles:`");
	return EXIT_USAGE;
}

static int config_load_file(struct cli *cli, const char *path)
{
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;
	const char *profile;
	int ret = config_read(path, &config, &errors);

	for (char **error = errors; error && *error; error++)
		log_line("%s", *error);
	if (ret == -EINVAL)
		log_hint("berth help berth.yaml");
	if (ret)
		return EXIT_USAGE;
	ret = config_profile(config, cli, &profile) ? no_profile(config, profile) : 0;
	if (!ret)
		config_apply(config, profile, cli);
	config_free(config);
	return ret;
}

int config_other_ending(void)
{
	cleanup_free char *other = project_config("berth.yml");

	if (!other)
		return 0;
	log_line("'%s' is not read", other);
	log_hint("rename it to berth.yaml");
	return EXIT_USAGE;
}

int config_load(struct cli *cli)
{
	cleanup_free char *path = cli->config ? str_copy(cli->config)
	                                      : project_config("berth.yaml");
	int ret = path ? 0 : config_other_ending();

	if (ret)
		return ret;
	if (!path && cli->profile) {
		log_line("no berth.yaml for profile '%s': looked from here upwards", cli->profile);
		log_hint("berth init writes one; --config FILE names another");
		return EXIT_USAGE;
	}
	ret = path ? config_load_file(cli, path) : 0;
	if (ret)
		return ret;
	databases_finish(&cli->run, cli->set_by[OPTION_db].layer == LAYER_FLAG);
	if (!cli->run.project_dir)
		cli->run.project_dir = project_find(path);
	return 0;
}
