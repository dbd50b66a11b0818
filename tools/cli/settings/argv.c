/* SPDX-License-Identifier: MIT */
/*
 * argv -> struct cli, by the tables. Short options may be bundled (-vv, -n8). A long option takes
 * its argument after `=` or as the next word. --no-NAME undoes what berth.yaml switched on. `--`
 * ends the options. For `run` the first word that is no option ends them too, so that the command
 * keeps its own options. For `up` that word is a name.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/base/cleanup.h"
#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"

int cli_usage(const struct cli *cli, const char *format, ...)
{
	cleanup_free char *text = NULL;
	va_list list;

	va_start(list, format);
	text = str_vprint(format, list);
	va_end(list);
	log_line("%s", text);
	log_hint("berth help%s%s", cli->verb ? " " : "", cli->verb ? cli->verb->name : "");
	return EXIT_USAGE;
}

/* @shown is the option as the user typed it; @name is its long name, NULL for a letter. */
static int unknown_option(const struct cli *cli, const char *shown, const char *name)
{
	const char *names[OPTIONS], *near;
	size_t count = 0;

	for (size_t i = 0; i < OPTIONS; i++)
		if (option_in(&option_table[i], cli->verb->id))
			names[count++] = option_table[i].name;
	near = name ? option_nearest(name, names, count) : NULL;
	if (near)
		return cli_usage(cli, "unknown option '%s' of 'berth %s': did you mean '--%s'?",
		                 shown, cli->verb->name, near);
	return cli_usage(cli, "unknown option '%s' of 'berth %s'", shown, cli->verb->name);
}

static int set(struct cli *cli, const struct option *option, const char *shown, const char *text)
{
	cleanup_free char *expected = NULL, *got = NULL;

	if (!option_set(cli, option, (struct set_by){ LAYER_FLAG, 0 }, text))
		return 0;
	expected = option_expected(option);
	got = str_redacted(text);
	return cli_usage(cli, "%s: expected %s, got '%s'", shown, expected, got);
}

/* Parse --NAME, --NAME=TEXT, --NAME TEXT or --no-NAME. @ret_words: how many words that was. */
static int parse_long(struct cli *cli, char **words, int *ret_words)
{
	size_t len = strcspn(words[0] + 2, "=");
	cleanup_free char *name = str_copy_len(words[0] + 2, len);
	cleanup_free char *shown = str_print("--%s", name);
	const char *text = words[0][2 + len] ? words[0] + 2 + len + 1 : NULL;
	const struct option *option = option_by_name(cli->verb->id, name);

	*ret_words = 1;
	if (!option && str_starts(name, "no-")) {
		option = option_by_name(cli->verb->id, name + 3);
		if (option && !option->arg && !text)
			return set(cli, option, shown, "false");
		option = NULL;
	}
	if (!option)
		return unknown_option(cli, shown, name);
	if (!option->arg && text)
		return cli_usage(cli, "%s takes no argument, got '%s'", shown, text);
	if (option->arg && !text) {
		text = words[1];
		*ret_words = 2;
	}
	if (option->arg && !text)
		return cli_usage(cli, "%s needs an argument: %s", shown, option->arg);
	return set(cli, option, shown, option->arg ? text : "true");
}

/* Parse -vv, -n8, -n 8 or -vn8. @ret_words: how many words that was. */
static int parse_short(struct cli *cli, char **words, int *ret_words)
{
	int ret = 0;

	*ret_words = 1;
	for (const char *letter = words[0] + 1; !ret && *letter; letter++) {
		const struct option *option = option_by_letter(cli->verb->id, *letter);
		char shown[] = { '-', *letter, 0 };

		if (!option)
			return unknown_option(cli, shown, NULL);
		if (!option->arg) {
			ret = set(cli, option, shown, "true");
			continue;
		}
		if (letter[1])
			return set(cli, option, shown, letter[1] == '=' ? letter + 2 : letter + 1);
		*ret_words = 2;
		if (!words[1])
			return cli_usage(cli, "%s needs an argument: %s", shown, option->arg);
		return set(cli, option, shown, words[1]);
	}
	return ret;
}

static int parse_words(struct cli *cli, char **words)
{
	bool named = cli->verb->args_max == ARGS_NAME_COMMAND;
	int ret, taken;

	while (*words) {
		if (!strcmp(*words, "--")) {
			words++;
			break;
		}
		if (str_starts(*words, "--")) {
			ret = parse_long(cli, words, &taken);
		} else if (words[0][0] == '-' && words[0][1]) {
			ret = parse_short(cli, words, &taken);
		} else {
			if (cli->verb->args_max == ARGS_COMMAND)
				break;
			strv_add(&cli->args, *words);
			ret = 0;
			taken = 1;
		}
		if (ret)
			return ret;
		for (; taken; taken--)
			str_hide_passwords(*words++);
	}
	for (; *words; words++) {
		strv_add(named ? &cli->run.command : &cli->args, *words);
		str_hide_passwords(*words);
	}
	return 0;
}

static int check_args(const struct cli *cli)
{
	int count = (int)strv_len(cli->args), max = cli->verb->args_max;

	if (max == ARGS_NAME_COMMAND)
		max = 1;
	if (cli->help)
		return 0;
	if (count < cli->verb->args_min)
		return cli_usage(cli, "'berth %s' needs an argument: %s", cli->verb->name,
		                 cli->verb->usage);
	if (max != ARGS_COMMAND && count > max)
		return cli_usage(cli, "'berth %s' has an argument too many: '%s'", cli->verb->name,
		                 cli->args[max]);
	return 0;
}

static const struct verb *verb_of_alias(const char *word)
{
	static const struct {
		const char *word;
		unsigned int verb;
	} aliases[] = {
		{ "--help", VERB_help },
		{ "-h", VERB_help },
		{ "--version", VERB_version },
		{ "-V", VERB_version },
	};

	for (size_t i = 0; i < ARRAY_LEN(aliases); i++)
		if (!strcmp(word, aliases[i].word))
			return &verb_table[aliases[i].verb];
	return NULL;
}

/* The verb of other tools, or in other words, that means one of ours. */
static const char *verb_of_synonym(const char *word)
{
	static const struct {
		const char *word, *verb;
	} synonyms[] = {
		{ "status", "ps" },      { "list", "ps" },      { "ls", "ps" },
		{ "stop", "down" },      { "kill", "recover" }, { "clean", "reap" },
		{ "prune", "reap" },     { "shell", "exec" },   { "enter", "exec" },
		{ "start", "run" },      { "test", "run" },     { "validate", "check" },
		{ "history", "trends" },
	};

	for (size_t i = 0; i < ARRAY_LEN(synonyms); i++)
		if (!strcmp(word, synonyms[i].word))
			return synonyms[i].verb;
	return NULL;
}

static int unknown_verb(const struct cli *cli, const char *word)
{
	const char *meant = verb_of_synonym(word), *near = meant ? meant : verb_nearest(word);

	if (*word == '-')
		return cli_usage(cli, "unknown option '%s': options come after the verb", word);
	if (near) {
		log_line("unknown verb '%s': did you mean '%s'?", word, near);
		log_hint("berth help %s", near);
		return EXIT_USAGE;
	}
	return cli_usage(cli, "unknown verb '%s'", word);
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	int ret;

	if (argc < 2)
		return cli_usage(cli, "a verb is missing");
	cli->verb = verb_find(argv[1]);
	if (!cli->verb)
		cli->verb = verb_of_alias(argv[1]);
	if (!cli->verb)
		return unknown_verb(cli, argv[1]);
	ret = parse_words(cli, argv + 2);
	return ret ? ret : check_args(cli);
}

void cli_free(struct cli *cli)
{
	strv_free(cli->args);
	free(cli->profile);
	free(cli->server);
	free(cli->config);
	free(cli->run_id);
	free(cli->worker);
	free(cli->ready);
	run_options_free(&cli->run);
	*cli = (struct cli){ 0 };
}
