/* SPDX-License-Identifier: MIT */
/* The choice of a tree. */
#include "tools/run/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "tools/base/str.h"

struct tree {
	enum run_tree kind;
};

int tree_open(const struct tree_setup *setup, struct tree **ret_tree, char **ret_reason)
{
	if (setup->wanted != RUN_TREE_AUTO && setup->wanted != RUN_TREE_SHARED) {
		*ret_reason = str_copy("not part of this build");
		return -ENOTSUP;
	}
	*ret_tree = mem_alloc(sizeof(**ret_tree));
	(*ret_tree)->kind = RUN_TREE_SHARED;
	return 0;
}

void tree_close(struct tree *tree)
{
	free(tree);
}

enum run_tree tree_kind(const struct tree *tree)
{
	return tree->kind;
}

bool tree_private_tmp(const struct tree *tree)
{
	return tree->kind == RUN_TREE_OVERLAY;
}

bool tree_in_user_namespace(const struct tree *tree)
{
	(void)tree;
	return false;
}

int tree_prepare(const struct tree *tree, unsigned int worker)
{
	(void)tree;
	(void)worker;
	return 0;
}

int tree_enter(const struct tree *tree, unsigned int worker, const char *cwd, char **ret_error)
{
	(void)tree;
	(void)worker;
	(void)cwd;
	(void)ret_error;
	return 0;
}

int tree_collect(const struct tree *tree, unsigned int worker, const char *to_dir, char *const *globs,
		 unsigned int *ret_changed)
{
	(void)tree;
	(void)worker;
	(void)to_dir;
	(void)globs;
	*ret_changed = 0;
	return 0;
}
