/* SPDX-License-Identifier: MIT */
/*
 * berth.yaml: find it, read it, choose the profile, and finish the settings of a verb. sections.c
 * knows its keys.
 */
#include "tools/cli/settings/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/base/log.h"
#include "tools/cli/settings/project.h"
#include "tools/db/common/url.h"

enum { FILE_MAX = 1 << 20 };

/* Messages name a file below the working directory as people would type it. */
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

	if (!ret && len > FILE_MAX)
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

static bool ci_set(void)
{
	const char *ci = getenv("CI");

	return ci && *ci && strcmp(ci, "0") && strcasecmp(ci, "false");
}

int config_profile(const struct config *config, const struct cli *cli, const char **ret_name)
{
	const char *name = cli->profile, *environment = getenv("BERTH_PROFILE");

	*ret_name = NULL;
	if (!name && environment && *environment)
		name = environment;
	if (!name && ci_set() && strv_has(config->profiles, "ci"))
		name = "ci";
	*ret_name = name;
	return !name || (*name && strv_has(config->profiles, name)) ? 0 : -ENOENT;
}

/* Turn `--db X` and `db: X` into entries like those of `databases:`. The flag replaces these. */
static void databases_finish(struct cli *cli)
{
	const struct option_list *list = &option_lists[LIST_DATABASE];
	struct run_options *run = &cli->run;

	if (cli->set_by[OPTION_db].layer == LAYER_FLAG)
		option_list_clear(cli, list);
	for (char **text = run->databases; text && *text; text++) {
		struct run_database *database = option_list_add(cli, list);

		*(strstr(*text, "://") ? &database->url : &database->name) = str_copy(*text);
	}
	for (unsigned int i = 0; i < run->database_count; i++)
		if (run->database_list[i].url && run->database_list[i].kind == DB_KIND_POSTGRES)
			(void)db_url_kind(run->database_list[i].url, &run->database_list[i].kind);
}

static int no_profile(const struct config *config, const char *name)
{
	cleanup_str struct str names = { 0 };

	for (char **profile = config->profiles; profile && *profile; profile++)
		str_addf(&names, "%s'%s'", names.len ? ", " : "", *profile);
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

int config_refuse_yml(void)
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
	int ret = path ? 0 : config_refuse_yml();

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
	databases_finish(cli);
	if (!cli->run.project_dir)
		cli->run.project_dir = project_find(path);
	return 0;
}
