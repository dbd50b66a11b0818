/* SPDX-License-Identifier: MIT */
#include "tools/run/worker/ask.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/process/family.h"
#include "tools/process/proc.h"

/*
 * Once: many programs take a second SIGTERM as "at once". But a shell's child that has not become
 * its program yet handles the signal as the shell and forgets it in exec; so a process that runs
 * another program now is asked again.
 */
static void ask_to_end(struct asked *asked, pid_t pid)
{
	cleanup_free char *program = proc_program(pid);
	struct asked_process *known = asked->list;

	while (known < asked->list + asked->count && known->pid != pid)
		known++;
	if (known == asked->list + asked->count) {
		asked->list = mem_grow(asked->list, asked->count + 1, sizeof(*known));
		known = &asked->list[asked->count++];
		*known = (struct asked_process){ .pid = pid };
	} else if (str_equal(known->program, program)) {
		return;
	}
	free(known->program);
	known->program = steal(&program);
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
}

void ask_all(struct asked *asked)
{
	cleanup_pids struct pids pids = { 0 };

	process_descendants(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++)
		ask_to_end(asked, pids.list[i]);
}

/*
 * A process that was born while ask_all() walked, or whose parent SIGTERM ended, has not been asked
 * and would use up the whole grace. It is our child since its parent died. A child of a live
 * process is left to that one's clean-up.
 */
void ask_orphans(struct asked *asked)
{
	cleanup_pids struct pids pids = { 0 };

	process_children(getpid(), &pids);
	for (size_t i = 0; i < pids.count; i++)
		ask_to_end(asked, pids.list[i]);
}
