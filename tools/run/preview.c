/* SPDX-License-Identifier: MIT */
/*
 * Decisions of a run that depend on the machine, without the run. Each is made by the module that
 * makes it for a run; the files and cgroups that this needs are removed at once.
 */
#include "tools/run/preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/file.h"
#include "tools/db/common/url.h"
#include "tools/isolate/isolate.h"
#include "tools/limits/cgroup.h"
#include "tools/limits/limits.h"
#include "tools/run/database/database.h"
#include "tools/run/database/role.h"
#include "tools/state/runtime.h"
#include "tools/tree/tree.h"

enum { CGROUP_DEADLINE_MS = 2000 };

static int add_backend(const struct plan *plan, const struct run_options *options, int cgroup,
                       const char *dir, struct str *text, char **ret_error)
{
	cleanup_free char *install = NULL, *reason = NULL;
	struct isolate *isolate = NULL;
	struct isolate_setup setup = { .requested = options->backend,
		                       .run_dir = dir,
		                       .cgroup = cgroup,
		                       .workers = plan->count,
		                       .datagrams = !options->tcp_only };
	int ret = dir_install(&install);

	setup.install_dir = install;
	if (!ret)
		ret = isolate_open(&setup, &isolate, &reason);
	if (ret) {
		*ret_error = str_print("backend '%s' cannot work here: %s\nhint: --backend auto "
		                       "takes what works",
		                       isolate_backend_names[options->backend],
		                       reason ? reason : strerror(-ret));
		return ret;
	}
	str_addf(text, "backend: %s (%s)\n", isolate_backend_names[isolate_backend(isolate)],
	         *reason ? reason : "the first that works");
	isolate_close(isolate);
	return 0;
}

static int add_tree(const struct plan *plan, const struct run_options *options, const char *scratch,
                    struct str *text, char **ret_error)
{
	const char *project = options->project_dir ? options->project_dir : ".";
	cleanup_free char *reason = NULL;
	struct tree *tree = NULL;
	const struct tree_setup setup = { .requested = options->tree,
		                          .processes = plan->private_processes,
		                          .workers = plan->count,
		                          .project_dir = project,
		                          .cwd = project,
		                          .scratch_dir = scratch,
		                          .run_dir = scratch,
		                          .shared = options->share_paths,
		                          .home = options->home };
	int ret = tree_open(&setup, &tree, &reason);

	if (ret) {
		*ret_error = str_print("tree '%s' cannot be had here: %s\nhint: --tree shared does "
		                       "without",
		                       tree_kind_names[options->tree],
		                       reason ? reason : strerror(-ret));
		return ret;
	}
	str_addf(text, "tree: %s%s%s%s\n", tree_kind_names[tree_kind(tree)], reason ? " (" : "",
	         reason ? reason : "", reason ? ")" : "");
	str_addf(text, "processes: %s%s%s%s\n",
	         tree_namespaces(tree)->processes ? "private" : "shared",
	         tree_processes_reason(tree) ? " (" : "",
	         tree_processes_reason(tree) ? tree_processes_reason(tree) : "",
	         tree_processes_reason(tree) ? ")" : "");
	tree_close(tree);
	return 0;
}

static void add_limits(const struct run_options *options, const char *id, int cgroup,
                       const char *cgroup_dir, struct str *text)
{
	const struct limit_amounts amounts = { { [LIMIT_MEMORY] = options->mem_bytes,
		                                 [LIMIT_PIDS] = options->pids,
		                                 [LIMIT_CPU] = (uint64_t)(options->cpu_cores *
		                                                          1000) } };
	cleanup_close int worker = cgroup < 0 ? -1 : cgroup_make_worker(cgroup_dir, 1);
	cleanup_strv char **places = NULL;
	struct limits limits;

	if (!options->mem_bytes && !options->pids && options->cpu_cores <= 0)
		return;
	str_add(text, "limits:");
	if (options->mem_bytes)
		str_addf(text, " memory %llu MiB", (unsigned long long)options->mem_bytes >> 20);
	if (options->cpu_cores > 0)
		str_addf(text, " processors %g", options->cpu_cores);
	if (options->pids)
		str_addf(text, " processes %u", options->pids);
	str_add(text, limits_set(id, 1, worker, &amounts, &limits, &places)
	                      ? " (cannot be set here)\n"
	                      : "\n");
	limits_close(&limits);
	(void)cgroup_remove_all(places, CGROUP_DEADLINE_MS);
}

/* @mode	that PostgreSQL has, because of *ret_why */
static enum db_mode mode_of(const struct run_options *options, const struct run_database *database,
                            enum db_mode mode, const char **ret_why)
{
	if (database->mode == DB_OFF || options->db_mode == DB_OFF) {
		*ret_why = "as asked";
		return DB_OFF;
	}
	if (database->kind == DB_KIND_POSTGRES)
		return mode;
	*ret_why = "the only one of this kind";
	return DB_PRIVATE;
}

static void add_databases(const struct run_options *options, struct str *text)
{
	cleanup_free char *chosen = NULL;
	enum db_mode postgres = DB_OFF;

	if (options->database_count && options->db_mode != DB_OFF)
		(void)database_choose(options, &postgres, &chosen);
	for (unsigned int i = 0; i < options->database_count; i++) {
		const struct run_database *database = &options->database_list[i];
		uint16_t port = plan_database_port(database, environ);
		cleanup_free char *url = database->url ? str_redacted(database->url) : NULL,
				  *role = NULL, *why = NULL;
		const char *reason = chosen;
		enum db_mode mode = mode_of(options, database, postgres, &reason);
		bool superuser = role_is_superuser(options, database, &role, &why);

		str_addf(text, "database: %s %s, port %u, mode %s (%s)\n",
		         db_kind_names[database->kind],
		         url              ? url
		         : database->name ? database->name
		                          : "-",
		         port, db_mode_names[mode], reason);
		if (role && mode == DB_PRIVATE)
			str_addf(text, "role: %s, %s (%s)\n", role,
			         db_role_names[superuser ? DB_ROLE_SUPERUSER : DB_ROLE_OWNER], why);
		if (role && mode == DB_IMPORT)
			str_addf(text, "role: %s, %s\n", role,
			         options->role ? db_role_names[options->role]
			                       : "with the rights that it has on the server");
		if (database->setup)
			str_addf(text, "setup: %s\n", database->setup);
	}
	if (options->setup && options->database_count)
		str_addf(text, "setup: %s\n", options->setup);
	if (options->snapshot && options->database_count)
		str_addf(text, "snapshot: %s\n", options->snapshot);
}

int preview_describe(const struct plan *plan, const struct run_options *options, struct str *text,
                     char **ret_error)
{
	char dir[] = "/tmp/berth-try-XXXXXX";
	cleanup_free char *id = str_print("try-%d", (int)getpid()), *scratch = NULL,
			  *cgroup_dir = NULL;
	cleanup_str struct str decisions = { 0 };
	int cgroup, ret = mkdtemp(dir) ? runtime_scratch(id, &scratch) : -EIO;

	if (!ret)
		ret = runtime_make_scratch(scratch);
	if (ret) {
		*ret_error = str_print("unable to make a directory for a trial: %s",
		                       strerror(-ret));
		return ret;
	}
	cgroup = cgroup_make(id, &cgroup_dir);
	ret = add_backend(plan, options, cgroup < 0 ? -1 : cgroup, dir, &decisions, ret_error);
	if (!ret)
		ret = add_tree(plan, options, scratch, &decisions, ret_error);
	add_limits(options, id, cgroup, cgroup_dir, &decisions);
	add_databases(options, &decisions);
	if (cgroup >= 0)
		close(cgroup);
	if (cgroup_dir)
		(void)cgroup_remove(cgroup_dir, CGROUP_DEADLINE_MS);
	(void)runtime_remove_scratch(scratch);
	(void)dir_remove(dir);
	plan_describe(plan, options, decisions.text ? decisions.text : "", text);
	return ret;
}
