/* SPDX-License-Identifier: MIT */
/* berth: parse, dispatch, exit. What a verb does is in VERB.c; what it accepts is in verbs.def and options.def. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/log.h"
#include "tools/cli/settings/cli.h"
#include "tools/cli/help/help.h"

/* Whoever starts us may have closed them. The next files that we open would get their numbers, and then be written to. */
static void keep_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Who starts us may ignore SIGCHLD, and then nobody can wait for a child. A run sees to it itself: its command gets it back. */
static void keep_children(const struct verb *verb)
{
	if (verb != &verb_table[VERB_run])
		signal(SIGCHLD, SIG_DFL);
}

/* Half an answer with status 0 would be taken for a whole one. */
static int end_answer(int status)
{
	errno = EIO; /* of an earlier write only that it failed is known */
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	log_line("unable to write to stdout: %s", strerror(errno));
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status;

	keep_streams();
	status = cli_parse(&cli, argc, argv);
	log_verbosity = (int)cli.verbose;
	keep_children(cli.verb);
	if (!status)
		status = cli.help ? help_verb(cli.verb) : cli.verb->run(&cli);
	cli_free(&cli);
	return end_answer(status);
}
