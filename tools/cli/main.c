/* SPDX-License-Identifier: MIT */
/*
 * berth: parse the command line, call the verb, exit. Each verb has a file of its own;
 * settings/verbs.def and settings/options.def say what it accepts. Nothing calls this file, so it
 * may call all verbs.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/log.h"
#include "tools/cli/help/help.h"
#include "tools/cli/settings/cli.h"

static int (*const verb_functions[VERBS])(struct cli *cli) = {
#define VERB(name, ...) [VERB_##name] = verb_##name,
#include "tools/cli/settings/verbs.def"
};

/*
 * The caller may have closed the standard streams. Then the next files that berth opens would get
 * the numbers 0 to 2, and output would go into them.
 */
static void open_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/*
 * The caller may ignore SIGCHLD, and waitpid(2) would then find no child. `berth run` handles the
 * signal itself, because its command must start with the caller's setting.
 */
static void reset_sigchld(const struct verb *verb)
{
	if (verb != &verb_table[VERB_run])
		signal(SIGCHLD, SIG_DFL);
}

/* A reader would take half an answer with status 0 for the whole. */
static int flush_stdout(int status)
{
	errno = EIO; /* stdio keeps no errno of an earlier write */
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	log_line("unable to write to stdout: %s", strerror(errno));
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct cli cli = { 0 };
	int status;

	open_standard_streams();
	status = cli_parse(&cli, argc, argv);
	log_verbosity = (int)cli.verbose;
	reset_sigchld(cli.verb);
	if (!status)
		status = cli.help ? help_verb(cli.verb, cli.help_all)
		                  : verb_functions[cli.verb->id](&cli);
	cli_free(&cli);
	return flush_stdout(status);
}
