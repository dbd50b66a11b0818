/* SPDX-License-Identifier: MIT */
/*
 * Explains whether the shim can be loaded into a program. It uses the shim's own verdict at exec
 * (core/elf.c). It follows #! lines as execve(2) does, and also through env(1), as in
 * `#!/usr/bin/env node`.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/json.h"
#include "tools/base/log.h"
#include "tools/cli/common/backends.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/explain/explain.h"
#include "tools/cli/common/output.h"
#include "tools/cli/common/term.h"
#include "tools/isolate/probe.h"

enum { CHAIN_MOST = PROBE_DEPTH + 1 };

struct link {
	char *path;
	enum berth_elf_verdict verdict;
	char *why; /* a clause for the message */
};

struct chain {
	struct link links[CHAIN_MOST];
	unsigned int count;
};

/* By enum probe_secure: why the loader ignores LD_PRELOAD when this user runs the file. */
static char *secure(const struct probe *probe)
{
	static const char *const reasons[] = {
		[PROBE_SET_UID] = "is set-user-id (of user %u), so the loader ignores LD_PRELOAD",
		[PROBE_SET_GID] = "is set-group-id (of group %u), so the loader ignores LD_PRELOAD",
		[PROBE_CAPABILITIES] = "has file capabilities, so the loader ignores LD_PRELOAD",
	};

	return str_print(reasons[probe->secure], (unsigned int)probe->owner);
}

/* The program that env(1) starts: the first word that is no option and no assignment. */
static char *env_target(const char *head)
{
	cleanup_free char *line = str_copy_len(head + 2, strcspn(head + 2, "\n"));
	cleanup_strv char **words = strv_split(line, " \t");

	for (size_t i = 1; i < strv_len(words); i++)
		if (words[i][0] != '-' && !strchr(words[i], '='))
			return str_copy(words[i]);
	return NULL;
}

static bool is_env(const char *path)
{
	const char *slash = strrchr(path, '/');

	return !strcmp(slash ? slash + 1 : path, "env");
}

/* Examine @path. Return: the next program of the chain; NULL at its end. */
static char *add_link(struct chain *chain, char *path)
{
	struct link *link = &chain->links[chain->count++];
	struct probe probe;
	char *next;

	probe_file(path, &probe);
	link->path = path;
	link->verdict = probe.verdict;
	if (probe.verdict != BERTH_ELF_SCRIPT) {
		link->why = probe.secure == PROBE_PLAIN ? str_copy(berth_elf_reason(probe.verdict))
		                                        : secure(&probe);
		return NULL;
	}
	link->why = str_print("is a script of %s", probe.interp);
	next = is_env(probe.interp) ? env_target(probe.head) : NULL;
	return next ? next : str_copy(probe.interp);
}

static int follow(const char *name, struct chain *chain, char **ret_missing)
{
	char *next = str_copy(name);

	while (next && chain->count < CHAIN_MOST) {
		char *path = probe_find(next);

		if (!path) {
			*ret_missing = next;
			return -ENOENT;
		}
		free(next);
		next = add_link(chain, path);
	}
	free(next);
	return 0;
}

/* The backends that cover a program, by verdict. A verdict without a row is unknown. */
static const struct cover {
	bool backends[ISOLATE_BACKENDS];
	const char *sentence; /* %s is the reason */
} covers[BERTH_ELF_VERDICTS] = {
#define EVERY \
	{ \
		[ISOLATE_PRELOAD] = true, [ISOLATE_SECCOMP] = true, [ISOLATE_BPF] = true \
	}
#define KERNEL \
	{ \
		[ISOLATE_SECCOMP] = true, [ISOLATE_BPF] = true \
	}
	[BERTH_ELF_GLIBC] = { EVERY, "it %s, so the shim enters through its loader" },
	[BERTH_ELF_MUSL] = { EVERY, "it %s, so the shim enters through its loader" },
	[BERTH_ELF_SCRIPT] = { { 0 }, "it %s, and the chain is too long to follow" },
	[BERTH_ELF_UNKNOWN] = { { 0 }, "it %s" },
	[BERTH_ELF_STATIC] = { KERNEL, "the shim cannot enter: it %s" },
	[BERTH_ELF_GO] = { KERNEL, "the shim cannot enter: it %s" },
	[BERTH_ELF_FOREIGN_LOADER] = { KERNEL, "the shim cannot enter: it %s" },
	[BERTH_ELF_UNREADABLE] = { KERNEL, "the shim may not enter: it %s" },
	/*
	 * An unprivileged seccomp filter needs no_new_privs, which takes away the program's extra
	 * rights.
	 */
	[BERTH_ELF_SECURE] = { { [ISOLATE_BPF] = true }, "the shim cannot enter: it %s" },
	[BERTH_ELF_FOREIGN_CLASS] = { { [ISOLATE_BPF] = true }, "the shim cannot enter: it %s" },
	[BERTH_ELF_FOREIGN_MACHINE] = { { [ISOLATE_BPF] = true }, "the shim cannot enter: it %s" },
#undef EVERY
#undef KERNEL
};

static char *conclusion(const struct link *last)
{
	const char *sentence = covers[last->verdict].sentence, *reason = strstr(sentence, "%s");

	return str_print("%.*s%s%s", (int)(reason - sentence), sentence, last->why, reason + 2);
}

static bool covered(const struct link *last, enum isolate_backend backend)
{
	return covers[last->verdict].backends[backend];
}

/* "covered by preload, seccomp; not available here: bpf" */
static char *who_covers(const struct link *last, const struct backends *backends)
{
	cleanup_strv char **here = NULL, **elsewhere = NULL;
	struct str text = { 0 };

	for (unsigned int i = ISOLATE_PRELOAD; i < ISOLATE_NONE; i++)
		if (covered(last, (enum isolate_backend)i))
			strv_add(backends->works[i] ? &here : &elsewhere, isolate_backend_names[i]);
	if (!here && !elsewhere)
		return NULL;
	if (!here)
		str_add(&text, "not covered: no backend that works here can; ");
	for (size_t i = 0; i < strv_len(here); i++)
		str_addf(&text, "%s%s", i ? ", " : "covered by ", here[i]);
	for (size_t i = 0; i < strv_len(elsewhere); i++)
		str_addf(&text, "%s%s",
		         i      ? ", "
		         : here ? "; not available here: "
		                : "not available here: ",
		         elsewhere[i]);
	return str_take(&text);
}

static void print_chain(const struct chain *chain)
{
	struct term_table table = { .wrap = true };

	for (unsigned int i = 0; i < chain->count; i++) {
		term_cell(&table, chain->links[i].path);
		term_cell(&table, chain->links[i].why);
		term_row(&table);
	}
	term_print(&table);
}

static void print_json(const struct chain *chain, const char *sentence,
                       const struct backends *backends)
{
	const struct link *last = &chain->links[chain->count - 1];
	json_t *array = json_array(), *covering = json_object(), *root;

	for (unsigned int i = 0; i < chain->count; i++)
		json_array_append_new(array, json_pack("{s:o, s:o}", "path",
		                                       json_text(chain->links[i].path), "why",
		                                       json_text(chain->links[i].why)));
	for (unsigned int i = ISOLATE_PRELOAD; i < ISOLATE_NONE; i++)
		json_object_set_new(covering, isolate_backend_names[i],
		                    json_pack("{s:b, s:b}", "covers",
		                              covered(last, (enum isolate_backend)i), "works",
		                              backends->works[i]));
	root = json_pack("{s:o, s:o, s:o}", "chain", array, "backends", covering, "verdict",
	                 json_text(sentence));
	output_json(root);
}

static void print_answer(const struct cli *cli, const struct chain *chain)
{
	const struct link *last = &chain->links[chain->count - 1];
	cleanup_free char *sentence = conclusion(last), *who = NULL;
	struct backends backends;

	backends_try(&backends);
	who = who_covers(last, &backends);
	if (cli->json) {
		print_json(chain, sentence, &backends);
	} else {
		print_chain(chain);
		term_paragraph(0, sentence);
		if (who)
			term_paragraph(0, who);
	}
	backends_free(&backends);
}

int explain_program(struct cli *cli, const char *name)
{
	struct chain chain = { 0 };
	cleanup_free char *missing = NULL;
	int ret = follow(name, &chain, &missing);

	if (!ret)
		print_answer(cli, &chain);
	else if (chain.count)
		log_line("'%s' needs '%s', which is not an executable in PATH",
		         chain.links[chain.count - 1].path, missing);
	else
		log_line("'%s' is neither a port nor an executable%s", name,
		         strchr(name, '/') ? "" : " in PATH");
	for (unsigned int i = 0; i < chain.count; i++) {
		free(chain.links[i].path);
		free(chain.links[i].why);
	}
	return ret ? 1 : 0;
}
