/* SPDX-License-Identifier: MIT */
/*
 * `berth help --schema`: berth.yaml as a JSON Schema (draft 7), for editors that complete and
 * check YAML.
 */
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/help/help.h"
#include "tools/cli/common/output.h"

/*
 * One value, not a list. Sizes, times and ports are strings or numbers: only Berth's parser
 * knows more.
 */
static json_t *value_schema(const struct option *option)
{
	json_t *names;

	if (option->type->values == VALUES_NONE)
		return json_pack("{s:s}", "type", "boolean");
	if (option->high)
		return json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum", (int)option->low,
		                 "maximum", (int)option->high);
	if (option->type->values != VALUES_NAMES)
		return json_pack("{s:[s, s]}", "type", "string", "number");
	names = json_array();
	for (const char *const *name = option->names; *name; name++) {
		json_array_append_new(names, json_string(*name));
		/* editors read a bare off as false, as YAML 1.1 does */
		if (!strcmp(*name, "off"))
			json_array_append_new(names, json_false());
	}
	return json_pack("{s:o}", "enum", names);
}

static json_t *key_schema(const struct option *option)
{
	json_t *value = value_schema(option), *schema;

	if (option->type->list)
		schema = json_pack("{s:[O, {s:s, s:i, s:O}]}", "anyOf", value, "type", "array",
		                   "minItems", 1, "items", value);
	else
		schema = json_incref(value);
	json_decref(value);
	json_object_set_new(schema, "description", json_string(option->help));
	return schema;
}

static json_t *list_schema(const struct option_list *list)
{
	json_t *keys = json_object(), *entry;

	for (unsigned int i = 0; i < list->count; i++)
		json_object_set_new(keys, list->keys[i].name, key_schema(&list->keys[i]));
	entry = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", keys,
	                  "additionalProperties", false);
	if (list->texts)
		entry = json_pack("{s:[{s:s}, o]}", "anyOf", "type", "string", entry);
	return json_pack("{s:s, s:o}", "type", "array", "items", entry);
}

static json_t *section_keys(void)
{
	json_t *keys = json_object();

	for_each_option (option)
		if (option->where & OPTION_IN_YAML)
			json_object_set_new(keys, option->name, key_schema(option));
	for (const struct option_list *list = option_lists; list < option_lists + LISTS; list++)
		json_object_set_new(keys, list->name, list_schema(list));
	return keys;
}

int help_schema(void)
{
	json_t *top = section_keys();
	json_t *profile = json_pack("{s:[s, s], s:o, s:b}", "type", "object", "null", "properties",
	                            section_keys(), "additionalProperties", false);

	json_object_set(top, "up", profile);
	json_object_set_new(
		top, "profiles",
		json_pack("{s:s, s:o}", "type", "object", "additionalProperties", profile));
	output_json(json_pack("{s:s, s:s, s:s, s:o, s:b}", "$schema",
	                      "http://json-schema.org/draft-07/schema#", "title", "berth.yaml",
	                      "type", "object", "properties", top, "additionalProperties", false));
	return 0;
}
