/* SPDX-License-Identifier: MIT */
/*
 * `berth completions SHELL`: the tables as a completion script. The words of a run's command are
 * completed as a command of their own. For what only this machine or project knows, a script asks
 * `berth completions runs` and its like.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/cli/common/results.h"
#include "tools/cli/settings/config.h"
#include "tools/cli/settings/project.h"
#include "tools/state/state.h"

static void put_word(const char *text)
{
	cleanup_free char *word = str_shell_word(text);

	fputs(word, stdout);
}

/* "auto copy shared" */
static void put_names(const struct option *option)
{
	for (const char *const *name = option->names; *name; name++)
		printf("%s%s", name == option->names ? "" : " ", *name);
}

/* ---- words of this machine and project ---- */

/* What a script executes for them; the argument is for put_words(). */
#define ASK "berth completions %s 2>/dev/null"

/* Shells expand words: those that need quotes are not offered. */
static void put_plain(const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._/@+,-";

	if (word && *word && *word != '-' && !word[strspn(word, plain)])
		puts(word);
}

/* Ids of runs, names of environments, or tasks: of what is live. */
static void put_live(const struct cli *cli, const char *kind)
{
	bool tasks = !strcmp(kind, "tasks"), runs = !strcmp(kind, "runs");
	struct run_state *list = NULL;
	size_t count = 0;

	(void)cli;
	if (state_list(&list, &count))
		return;
	for (size_t i = 0; i < count; i++) {
		if (!tasks)
			put_plain(runs ? list[i].id : list[i].name);
		for (size_t w = 0; tasks && w < list[i].worker_count; w++)
			put_plain(list[i].workers[w].task);
	}
	state_list_free(list, count);
}

static void put_profiles(const struct cli *cli, const char *kind)
{
	cleanup_free char *path = project_config("berth.yaml");
	cleanup_strv char **errors = NULL;
	struct config *config = NULL;

	(void)cli;
	(void)kind;
	if (!path || config_read(path, &config, &errors))
		return;
	for (char **name = config->profiles; name && *name; name++)
		put_plain(*name);
	config_free(config);
}

static void put_recorded(const struct cli *cli, const char *kind)
{
	cleanup_free char *dir = results_dir(cli);
	cleanup_strv char **runs = results_runs(dir);

	(void)kind;
	for (char **run = runs; run && *run; run++)
		put_plain(*run);
}

static bool put_words(const struct cli *cli, const char *kind)
{
	static const struct {
		const char *kind;
		void (*put)(const struct cli *cli, const char *kind);
	} kinds[] = {
		{ "runs", put_live },        { "environments", put_live }, { "tasks", put_live },
		{ "records", put_recorded }, { "profiles", put_profiles },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (!strcmp(kinds[i].kind, kind)) {
			kinds[i].put(cli, kind);
			return true;
		}
	return false;
}

/* Return: what put_words() calls the values of @option; NULL if it has none. */
static const char *words_of(const struct option *option)
{
	return option->id == OPTION_profile  ? "profiles"
	       : option->id == OPTION_run_id ? "runs"
	       : option->id == OPTION_worker ? "tasks"
	                                     : NULL;
}

/* What the first argument of a verb may be. */
struct args {
	struct str words;  /* each with a space before it */
	const char *asked; /* for put_words(); NULL = none */
	bool files, commands;
};

/*
 * Read them from the usage of the verb, such as "[quick|full]", "[VERB|berth.yaml]", or "list |
 * drop NAME...": alternatives, of which the first word counts. Capitals are a placeholder.
 */
static struct args args_of(const struct verb *verb)
{
	cleanup_strv char **alternatives = strv_split(verb->usage, "|");
	struct args args = { .commands = verb->args_max == ARGS_COMMAND };

	for (char **alternative = alternatives; alternative && *alternative; alternative++) {
		const char *word = *alternative + strspn(*alternative, "[ ");
		int len = (int)strcspn(word, " ]");

		if (*word >= 'a' && *word <= 'z')
			str_addf(&args.words, " %.*s", len, word);
		for (unsigned int i = 0; i < VERBS && str_starts(word, "VERB"); i++)
			str_addf(&args.words, " %s", verb_table[i].name);
		if (len == 4 && str_starts(word, "NAME") && verb->id != VERB_mark)
			args.asked = "environments";
		if (len == 3 && str_starts(word, "RUN"))
			args.asked = "records";
		args.files |= str_starts(word, "FILE");
		args.commands |= str_starts(word, "PROGRAM");
	}
	return args;
}

static void bash_args(const struct verb *verb)
{
	struct args args = args_of(verb);

	printf("args=(");
	if (args.words.len)
		printf("-W '%s'", args.words.text + 1);
	if (args.asked)
		printf("-W \"$(" ASK ")\"", args.asked);
	printf("%s%s) ", args.commands ? " -c -f" : "", args.files ? " -f" : "");
	str_free(&args.words);
}

static void bash_flags(unsigned int verb)
{
	for_each_option (option) {
		if (!option_in(option, verb))
			continue;
		printf(" --%s", option->name);
		if (option->letter)
			printf(" -%c", option->letter);
	}
}

static void bash_values(unsigned int verb, const struct option *option)
{
	printf("\t%s:--%s", verb_table[verb].name, option->name);
	if (option->letter)
		printf("|%s:-%c", verb_table[verb].name, option->letter);
	printf(") ");
	if (words_of(option)) {
		printf("COMPREPLY=($(compgen -W \"$(" ASK ")\" -- \"$word\")); ", words_of(option));
	} else if (option->type->values == VALUES_NAMES) {
		printf("COMPREPLY=($(compgen -W '");
		put_names(option);
		printf("' -- \"$word\")); ");
	} else if (option->type->values == VALUES_FILE) {
		printf("COMPREPLY=($(compgen -f -- \"$word\")); ");
	} else if (option->type->values == VALUES_DIRECTORY) {
		printf("COMPREPLY=($(compgen -d -- \"$word\")); ");
	}
	printf("return ;;\n");
}

static void write_bash(void)
{
	printf("# bash completion for berth\n_berth() {\n"
	       "\tlocal word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} "
	       "verb=${COMP_WORDS[1]} flags args i given=0\n"
	       "\tCOMPREPLY=()\n"
	       "\tif ((COMP_CWORD == 1)); then\n\t\tCOMPREPLY=($(compgen -W '");
	for (unsigned int verb = 0; verb < VERBS; verb++)
		printf("%s%s", verb ? " " : "", verb_table[verb].name);
	printf("' -- \"$word\"))\n\t\treturn\n\tfi\n"
	       "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
	       "\t\tif [[ ${COMP_WORDS[i]} == -- ]] && declare -F _command_offset >/dev/null; "
	       "then\n"
	       "\t\t\t_command_offset $((i + 1))\n\t\t\treturn\n\t\tfi\n"
	       "\t\t[[ ${COMP_WORDS[i]} == -* ]] || given=1\n\tdone\n"
	       "\tcase $verb:$last in\n");
	for (unsigned int verb = 0; verb < VERBS; verb++)
		for_each_option (option)
			if (option_in(option, verb) && option->arg)
				bash_values(verb, option);
	printf("\tesac\n\tcase $verb in\n");
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		printf("\t%s) ", verb_table[verb].name);
		bash_args(&verb_table[verb]);
		printf("flags='");
		bash_flags(verb);
		printf("' ;;\n");
	}
	printf("\tesac\n"
	       "\tif [[ $word == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$flags\" -- "
	       "\"$word\"))\n"
	       "\telif ((${#args[@]})) && [[ $given == 0 || $verb == run ]]; then\n"
	       "\t\tCOMPREPLY=($(compgen \"${args[@]}\" -- \"$word\"))\n\tfi\n}\n"
	       "complete -o filenames -F _berth berth\n");
}

/* Description for _arguments: brackets and colons have a meaning there */
static void zsh_text(const char *text)
{
	for (; *text; text++)
		printf(strchr("[]:'", *text) ? (*text == '\'' ? "'\\''" : "\\%c") : "%c", *text);
}

static void zsh_option(const struct option *option)
{
	printf("\t\t\t");
	if (option->letter)
		printf("'(-%c --%s)'{-%c%s,--%s%s}'", option->letter, option->name, option->letter,
		       option->arg ? "+" : "", option->name, option->arg ? "=" : "");
	else
		printf("'%s--%s%s", option->type->list ? "*" : "", option->name,
		       option->arg ? "=" : "");
	printf("[");
	zsh_text(option->help);
	printf("]");
	if (option->arg) {
		printf(":");
		zsh_text(option->arg);
		printf(":");
	}
	if (words_of(option)) {
		printf("($(" ASK "))", words_of(option));
	} else if (option->type->values == VALUES_NAMES) {
		printf("(");
		put_names(option);
		printf(")");
	} else if (option->type->values == VALUES_FILE) {
		printf("_files");
	} else if (option->type->values == VALUES_DIRECTORY) {
		printf("_directories");
	}
	printf("' \\\n");
}

static void zsh_args(const struct verb *verb)
{
	struct args args = args_of(verb);

	if (verb->args_max == ARGS_COMMAND)
		printf("'*::command:_normal'");
	else if (args.words.len)
		printf("'1:argument:(%s)'", args.words.text + 1);
	else if (args.asked)
		printf("'1:argument:($(" ASK "))'", args.asked);
	else
		printf("'1:argument:%s'", args.commands ? "_command_names -e"
		                          : args.files  ? "_files"
		                                        : " ");
	str_free(&args.words);
}

static void write_zsh(void)
{
	printf("#compdef berth\n# zsh completion for berth\n_berth() {\n\tlocal -a "
	       "verbs\n\tverbs=(\n");
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		printf("\t\t'%s:", verb_table[verb].name);
		zsh_text(verb_table[verb].help);
		printf("'\n");
	}
	printf("\t)\n\tif ((CURRENT == 2)); then\n\t\t_describe verb verbs\n\t\treturn\n\tfi\n"
	       "\tshift words\n\t((CURRENT--))\n\tcase $words[1] in\n");
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		printf("\t%s)\n\t\t_arguments -s \\\n", verb_table[verb].name);
		for_each_option (option)
			if (option_in(option, verb))
				zsh_option(option);
		printf("\t\t\t");
		zsh_args(&verb_table[verb]);
		printf(" ;;\n");
	}
	printf("\tesac\n}\nif [ \"$funcstack[1]\" = _berth ]; then\n\t_berth "
	       "\"$@\"\nelse\n\tcompdef _berth "
	       "berth\nfi\n");
}

static void fish_option(const char *verb, const struct option *option)
{
	printf("complete -c berth -n '__fish_seen_subcommand_from %s' -l %s", verb, option->name);
	if (option->letter)
		printf(" -s %c", option->letter);
	if (words_of(option)) {
		printf(" -xa '(" ASK ")'", words_of(option));
	} else if (option->type->values == VALUES_NAMES) {
		printf(" -xa '");
		put_names(option);
		printf("'");
	} else if (option->type->values == VALUES_FILE) {
		printf(" -rF");
	} else if (option->type->values == VALUES_DIRECTORY) {
		printf(" -xa '(__fish_complete_directories)'");
	} else if (option->arg) {
		printf(" -x");
	}
	printf(" -d ");
	put_word(option->help);
	putchar('\n');
}

/* Without a row of its own a verb has files as arguments. */
static void fish_args(const struct verb *verb)
{
	struct args args = args_of(verb);

	if (args.asked)
		printf("complete -c berth -n '__fish_seen_subcommand_from %s' -fa '(" ASK ")'\n",
		       verb->name, args.asked);
	else if (args.files || args.commands)
		printf("complete -c berth -n '__fish_seen_subcommand_from %s' %s\n", verb->name,
		       args.commands ? "-xa '(__fish_complete_subcommand)'" : "-F");
	else
		printf("complete -c berth -n '__fish_seen_subcommand_from %s' -fa '%s'\n",
		       verb->name, args.words.len ? args.words.text + 1 : "");
	str_free(&args.words);
}

static void write_fish(void)
{
	printf("# fish completion for berth\n");
	for (unsigned int verb = 0; verb < VERBS; verb++) {
		printf("complete -c berth -n __fish_use_subcommand -fa %s -d ",
		       verb_table[verb].name);
		put_word(verb_table[verb].help);
		putchar('\n');
		fish_args(&verb_table[verb]);
		for_each_option (option)
			if (option_in(option, verb))
				fish_option(verb_table[verb].name, option);
	}
}

int verb_completions(struct cli *cli)
{
	static const struct {
		const char *shell;
		void (*write)(void);
	} shells[] = {
		{ "bash", write_bash },
		{ "zsh", write_zsh },
		{ "fish", write_fish },
	};

	for (size_t i = 0; i < ARRAY_LEN(shells); i++)
		if (!strcmp(cli->args[0], shells[i].shell)) {
			shells[i].write();
			return 0;
		}
	if (put_words(cli, cli->args[0]))
		return 0;
	return cli_usage(cli, "expected bash, zsh or fish, got '%s'", cli->args[0]);
}
