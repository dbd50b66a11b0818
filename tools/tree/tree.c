/* SPDX-License-Identifier: MIT */
/*
 * The choice of a kind of tree, and copies. The supervisor and the workers' init processes call it.
 *
 * `auto` means `shared` for one worker. For several it means `overlay` if the kernel mounts one,
 * which depends on user namespaces, security modules, file systems and the kernel's version. So a
 * child tries all of it once, as worker 0, together with the other namespaces.
 */
#include "tools/tree/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/environ.h"
#include "tools/base/file.h"
#include "tools/base/str.h"
#include "tools/process/child.h"
#include "tools/tree/internal.h"

const char *const tree_home_names[] = { "private", "shared", NULL };
const char *const tree_kind_names[] = { "auto", "shared", "overlay", "copy", NULL };

enum { FOREIGN_DEPTH = 3 };

/* Owner, mode and times. */
static int copy_attributes(const char *from, const char *to)
{
	struct stat info;
	struct timespec times[2];

	if (stat(from, &info))
		return -errno;
	times[0] = info.st_atim;
	times[1] = info.st_mtim;
	if (!geteuid() && chown(to, info.st_uid, info.st_gid))
		return -errno;
	return chmod(to, info.st_mode & 07777) || utimensat(AT_FDCWD, to, times, 0) ? -errno : 0;
}

/*
 * Add a whiteout for the path @below the view to the layer @layer, and the directories above it
 * with the attributes of the view's own.
 */
static int hide_path(const struct tree *tree, const char *layer, const char *below)
{
	cleanup_free char *path = str_print("%s/%s", layer, below);
	size_t top = strlen(layer);
	int ret = 0;

	for (char *slash = path + top + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return -errno;
	}
	if (mknod(path, S_IFCHR, makedev(0, 0)) && errno != EEXIST)
		return -errno;
	for (char *slash = strrchr(path, '/'); !ret && slash != path + top;
	     slash = strrchr(path, '/')) {
		cleanup_free char *from = NULL;

		*slash = 0;
		from = str_print("%s%s", tree->view_dir, path + top);
		ret = copy_attributes(from, path);
	}
	return ret;
}

/* A layer between the directory and the workers' changes, in which hidden paths do not exist. */
static int make_hiding_layer(struct tree *tree)
{
	cleanup_free char *layer = tree_place(tree, 0, "hiding");
	int ret = 0;

	for (char **path = tree->hidden; path && *path && !ret; path++) {
		const char *below = tree_below(tree->view_dir, *path);

		if (!below || !*below)
			continue;
		if (!tree->hides && mkdir(layer, 0700))
			return -errno;
		tree->hides = true;
		ret = hide_path(tree, layer, below);
	}
	return ret;
}

static int enter_as_worker_0(void *arg, struct str *ret_text)
{
	struct tree *tree = arg;
	cleanup_free char *error = NULL;
	int ret = namespaces_settle(&tree->namespaces, &error);

	if (!ret && tree->kind == TREE_OVERLAY)
		ret = overlay_enter(tree, 0, &error);
	str_add(ret_text, error ? error : "");
	return ret;
}

/*
 * Make everything in a child, with which it ends, and without the parts that fail.
 * Return: 0; -errno, and *ret_what is what failed or "".
 */
static int try_in_child(struct tree *tree, char **ret_what)
{
	cleanup_free char *layers = tree_place(tree, 0, "layers"),
			  *memory = tree_place(tree, 0, "memory");
	int ret;

	do {
		free(steal(ret_what));
		ret = child_call_in(&tree->namespaces, enter_as_worker_0, tree, ret_what);
		if (ret && !(*ret_what && **ret_what)) { /* there was no child */
			free(*ret_what);
			*ret_what = str_copy(tree->namespaces.user ? "user namespace"
			                                           : "mount namespace");
		}
		(void)dir_remove(layers);
		(void)dir_remove(memory);
	} while (ret && parts_share(tree, *ret_what, strerror(-ret)));
	return ret;
}

static int try_kind(struct tree *tree, enum tree_kind kind, bool processes, char **ret_what)
{
	int ret;

	tree->kind = kind;
	tree->namespaces = (struct namespaces){ .mounts = kind == TREE_OVERLAY || processes,
		                                .processes = processes,
		                                .uid = geteuid(),
		                                .gid = getegid() };
	if (!tree->namespaces.mounts)
		return 0;
	tree->namespaces.user = geteuid() != 0;
	ret = try_in_child(tree, ret_what);
	/* root in a container without CAP_SYS_ADMIN */
	if (ret == -EPERM && !tree->namespaces.user) {
		tree->namespaces.user = true;
		ret = try_in_child(tree, ret_what);
	}
	return ret;
}

static char *describe_failure(const char *what, int error)
{
	return str_print("%s%s%s", what ? what : "", what && *what ? ": " : "", strerror(-error));
}

/* With processes of the worker's own if they work, else without, and then for a reason. */
static int try_processes(struct tree *tree, enum tree_kind kind, bool processes, char **ret_what)
{
	int ret = try_kind(tree, kind, processes, ret_what);

	free(steal(&tree->processes_reason));
	if (!ret || !processes)
		return ret;
	tree->processes_reason = describe_failure(*ret_what, ret);
	return try_kind(tree, kind, false, ret_what);
}

/* What an overlay without privilege could not change, all workers share. */
static void share_foreign(struct tree *tree)
{
	for (size_t i = 0; i < tree->parts.count; i++) {
		const char *path = tree->parts.list[i].path;
		int depth = strcmp(path, tree->home) ? FOREIGN_DEPTH : 0;
		cleanup_free char *foreign = NULL;
		struct stat info;

		if (tree->parts.list[i].kind != PART_OVERLAY || stat(path, &info) ||
		    info.st_mode & S_ISVTX || !strcmp(path, tree->view_dir))
			continue;
		foreign = tree_foreign_owner(path, depth);
		if (foreign && parts_share(tree, path, "it has files of another user or group"))
			i = 0; /* the list has changed; the first part stays */
	}
}

static int choose(struct tree *tree, const struct tree_setup *setup, char **ret_reason)
{
	cleanup_free char *what = NULL, *failure = NULL, *foreign = NULL;
	enum tree_kind kind = setup->requested;
	bool root = !tree->view_dir[1];
	int ret;

	if (kind == TREE_AUTO)
		kind = setup->workers > 1 ? TREE_OVERLAY : TREE_SHARED;
	if (kind == TREE_OVERLAY)
		parts_find(tree, setup);
	ret = root && kind != TREE_SHARED ? -EINVAL : 0;
	if (!ret && kind == TREE_OVERLAY)
		ret = make_hiding_layer(tree);
	ret = ret ? ret : try_processes(tree, kind, setup->processes, &what);
	if (!ret && kind == TREE_OVERLAY && tree->namespaces.user)
		foreign = tree_foreign_owner(tree->view_dir, FOREIGN_DEPTH);
	if (!ret && !foreign && kind == TREE_OVERLAY && tree->namespaces.user)
		share_foreign(tree);
	/* workers reach an overlay by its mount, and need the scratch directory for TMPDIR only */
	if (!ret && !foreign)
		return kind == TREE_OVERLAY && chmod(tree->scratch_dir, 0700) ? -errno : 0;
	failure = describe_failure(what, ret);
	*ret_reason = root ? str_copy("the project is the root directory")
	              : foreign
	                      ? str_print("'%s' belongs to another user or group, which an overlay "
	                                  "without privilege cannot keep",
	                                  foreign)
	                      : str_print("no overlay here (%s)", failure);
	if (setup->requested != TREE_AUTO)
		return foreign ? -EOVERFLOW : ret;
	return try_processes(tree, TREE_SHARED, setup->processes, &what);
}

int tree_open(const struct tree_setup *setup, struct tree **ret_tree, char **ret_reason)
{
	struct tree *tree = mem_alloc(sizeof(*tree));
	const char *home = getenv("HOME");
	int ret;

	tree->layers[0] = tree->layers[1] = -1;
	tree->project_dir = realpath(setup->project_dir, NULL);
	tree->hidden = strv_copy(setup->hidden);
	tree->scratch_dir = str_copy(setup->scratch_dir);
	tree->install_dir = setup->install_dir ? str_copy(setup->install_dir) : NULL;
	tree->cwd = realpath(setup->cwd, NULL);
	tree->home = home && *home == '/' ? realpath(home, NULL) : NULL;
	if (!tree->home)
		tree->home = str_copy("/");
	if (!tree->project_dir || !tree->cwd) {
		ret = -errno;
		tree_close(tree);
		return ret;
	}
	tree->view_dir = git_top(tree->project_dir, tree->home);
	ret = choose(tree, setup, ret_reason);
	if (ret)
		tree_close(tree);
	else
		*ret_tree = tree;
	return ret;
}

int tree_probe(const char *project_dir, const char *scratch_dir, bool *ret_user_namespace,
               char **ret_reason)
{
	const struct tree_setup setup = {
		.requested = TREE_OVERLAY,
		.workers = 2,
		.project_dir = project_dir,
		.cwd = project_dir,
		.scratch_dir = scratch_dir,
		.run_dir = scratch_dir,
	};
	struct tree *tree = NULL;
	int ret = tree_open(&setup, &tree, ret_reason);

	*ret_user_namespace = tree && tree->namespaces.user;
	tree_close(tree);
	return ret;
}

void tree_close(struct tree *tree)
{
	if (!tree)
		return;
	free(tree->project_dir);
	free(tree->view_dir);
	strv_free(tree->hidden);
	free(tree->scratch_dir);
	free(tree->install_dir);
	free(tree->cwd);
	free(tree->home);
	free(tree->processes_reason);
	parts_free(&tree->parts);
	strv_free(tree->notes);
	free(tree);
}

enum tree_kind tree_kind(const struct tree *tree)
{
	return tree ? tree->kind : TREE_SHARED;
}

char *const *tree_notes(const struct tree *tree)
{
	return tree->notes;
}

const struct namespaces *tree_namespaces(const struct tree *tree)
{
	return &tree->namespaces;
}

const char *tree_processes_reason(const struct tree *tree)
{
	return tree->processes_reason;
}

/* The first line of cp(1) that is not about a file that this user cannot read; NULL = none. */
static char *first_failure(const char *output)
{
	cleanup_strv char **lines = strv_split(output, "\n");

	for (char **line = lines; line && *line; line++) {
		const char *cause = strrchr(*line, ':');

		if (**line && (!cause || strcmp(cause, ": Permission denied") ||
		               (!str_starts(*line, "cp: cannot open '") &&
		                !str_starts(*line, "cp: cannot access '"))))
			return str_copy(*line);
	}
	return NULL;
}

static bool has_hidden(const struct tree *tree, const char *path)
{
	for (char **hidden = tree->hidden; hidden && *hidden; hidden++)
		if (tree_below(path, *hidden))
			return true;
	return false;
}

/*
 * Copy directory @from without what is hidden. cp(1) handles reflinks, sparse files, hard links,
 * ACLs and extended attributes. It may take minutes for a large project, and ends with the worker's
 * init process. Files that this user cannot read are not in the copy: the suite cannot read them
 * either.
 */
static int copy_dir(const struct tree *tree, const char *from, const char *copy, char **ret_failure)
{
	cleanup_str struct str output = { 0 };
	cleanup_strv char **envp = strv_copy(environ);
	/* all users can read the command line of cp, but must not learn the path */
	cleanup_close int fd = open(copy, O_PATH | O_DIRECTORY);
	cleanup_free char *to = str_print("/proc/self/fd/%d", fd);
	cleanup_dir DIR *dir = opendir(from);
	cleanup_strv char **argv = strv_split("cp -a --reflink=auto -t", " ");
	size_t options = strv_len(argv) + 2;
	struct dirent *entry;
	int ret = 0;

	strv_add(&argv, to);
	strv_add(&argv, "--");
	while (dir && (entry = readdir(dir)) && !ret) {
		cleanup_free char *path = str_print("%s/%s", from, entry->d_name);
		cleanup_free char *below = str_print("%s/%s", copy, entry->d_name);

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
		    tree_is_hidden(tree, path))
			continue;
		if (!has_hidden(tree, path))
			strv_add(&argv, path);
		else
			ret = mkdir(below, 0700) ? -errno
			                         : copy_dir(tree, path, below, ret_failure);
	}
	if (fd < 0 || !dir || ret)
		return ret ? ret : -errno;
	environ_set(&envp, "LC_ALL", "C");
	if (strv_len(argv) > options &&
	    child_exec(&(struct child_program){ .argv = argv, .envp = envp }, &output)) {
		(void)file_write_all(STDERR_FILENO, output.text, output.len);
		*ret_failure = first_failure(output.text ? output.text : "");
		if (*ret_failure || !output.len)
			return -EIO;
	}
	return copy_attributes(from, copy);
}

static int copy_enter(const struct tree *tree, unsigned int worker, const char *cwd,
                      char **ret_error)
{
	cleanup_free char *copy = tree_place(tree, worker, "copy"), *inside = NULL, *failure = NULL;
	const char *below = tree_below(tree->view_dir, cwd);
	int ret = mkdir(copy, 0700) ? -errno : copy_dir(tree, tree->view_dir, copy, &failure);

	inside = str_print("%s/%s", copy, below ? below : "");
	if (!ret && below && chdir(inside))
		ret = -errno;
	if (ret)
		*ret_error = str_print("copy of '%s'%s%s", tree->view_dir, failure ? ": " : "",
		                       failure ? failure : "");
	return ret;
}

int tree_enter(struct tree *tree, unsigned int worker, const char *cwd, char **ret_error)
{
	cleanup_free char *path = NULL;
	int ret;

	if (tree->kind == TREE_COPY)
		return copy_enter(tree, worker, cwd, ret_error);
	if (tree->kind != TREE_OVERLAY)
		return 0;
	ret = overlay_enter(tree, worker, &path);
	/* the old working directory is hidden by the new mounts */
	if (!ret && chdir(cwd)) {
		ret = -errno;
		path = str_copy(cwd);
	}
	if (ret)
		*ret_error = path ? str_print("private '%s'", path) : str_copy("mount namespace");
	return ret;
}

int tree_leave(const struct tree *tree)
{
	cleanup_free char *lower = str_print("/proc/self/fd/%d", tree->layers[0]),
			  *upper = str_print("/proc/self/fd/%d", tree->layers[1]);

	return tree->layers[1] < 0 ? 0 : tree_fill_renamed(lower, upper, lower, false, 0);
}
