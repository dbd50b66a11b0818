/* SPDX-License-Identifier: MIT */
/* The same steps as shim/launch.c, with a libc at hand. */
#include "tools/isolate/exec_command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/base/str.h"
#include "tools/isolate/probe.h"

static void note_escape(struct berth_portmap *map, enum berth_elf_verdict verdict, const char *path)
{
	struct berth_note note = { .kind = BERTH_NOTE_ESCAPE,
		                   .error = (int32_t)verdict,
		                   .pid = getpid() };

	if (!map || !berth_portmap_escape_first(map, path))
		return;
	strncpy(note.text, path, sizeof(note.text) - 1);
	berth_portmap_note(map, &note);
}

int isolate_exec_command(struct berth_portmap *map, const char *launcher, char **argv)
{
	cleanup_free char *path = probe_find(argv[0]);
	enum berth_elf_verdict verdict = path ? probe_chain(path) : BERTH_ELF_UNKNOWN;
	bool under_net = launcher && verdict != BERTH_ELF_SECURE;

	if (berth_elf_escapes(verdict) && !under_net)
		note_escape(map, verdict, path);
	if (berth_elf_escapes(verdict) && under_net) {
		cleanup_free char **list = mem_alloc((strv_len(argv) + 3) * sizeof(*list));

		list[0] = (char *)(uintptr_t)launcher;
		list[1] = path;
		memcpy(list + 2, argv, strv_len(argv) * sizeof(*list));
		execv(launcher, list); /* if that fails, without it */
	}
	execvp(argv[0], argv);
	return -errno;
}
