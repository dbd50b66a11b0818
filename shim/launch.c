/* SPDX-License-Identifier: MIT */
/*
 * A program that the shim cannot enter: it is started under the seccomp filter where there is one.
 * Where there is none, a note names it, so that the run can report it.
 *
 * Once the launcher has been executed there is no way back to the caller. So what execve(2) would
 * refuse is found out before: the program was read (shim/probe.c), and it may be executed. What
 * remains (ETXTBSY, a missing loader) ends the launcher with 126 or 127, as a shell would.
 */
#include "shim/shim.h"

enum { FACCESSAT2 = 439 };

void shim_note_escape(enum berth_elf_verdict verdict, const char *path)
{
	struct berth_portmap *map = shim_map();
	struct berth_note note;

	if (map && berth_elf_escapes(verdict) &&
	    berth_launch_note(map, BERTH_NOTE_ESCAPE, (int)verdict, path ? path : "", &note))
		shim_note(map, &note);
}

static bool may_execute(const char *path)
{
	long ret = sys(FACCESSAT2, AT_FDCWD, path, X_OK, AT_EACCESS, 0);

	return ret == -ENOSYS ? !sys(SYS_faccessat, AT_FDCWD, path, X_OK, 0, 0) : !ret;
}

const char *shim_launcher(enum berth_elf_verdict verdict, const char *path)
{
	const char *launcher;

	if (!berth_elf_escapes(verdict)) /* @path may be anything, but one that escapes was read */
		return NULL;
	if (path && *path && !may_execute(path))
		return NULL; /* what does not start does not escape */
	launcher = path && *path ? shim_env_launcher() : NULL;
	if (berth_launch_decide(verdict, launcher) == BERTH_LAUNCH_FILTERED)
		return launcher;
	shim_note_escape(verdict, path);
	return NULL;
}

size_t shim_launch_size(const char *launcher, char *const *argv)
{
	size_t count = 0;

	if (!launcher)
		return 1;
	while (argv && argv[count])
		count++;
	return count + BERTH_LAUNCH_ARGV_EXTRA;
}

char *const *shim_launch_fill(char **list, const char *launcher, const char *path,
                              char *const *argv)
{
	if (!launcher)
		return argv;
	berth_launch_argv(list, launcher, path, argv);
	return list;
}
