/* SPDX-License-Identifier: MIT */
/*
 * A program that the shim cannot enter: started under the seccomp filter where there is one, and noted, by name, where there is
 * none, so that the run can say so instead of sharing ports in silence.
 *
 * Once the launcher has been executed there is no way back to the caller, so what execve(2) would refuse is found out before:
 * the program was read (shim/probe.c), and it may be executed. What remains (ETXTBSY, a missing loader) ends the launcher
 * with 126 or 127, as a shell would.
 */
#include "shim/shim.h"

enum { FACCESSAT2 = 439 };

void shim_note_escape(enum berth_elf_verdict verdict, const char *path)
{
	struct berth_portmap *map = shim_map();

	if (map && berth_elf_escapes(verdict) && berth_portmap_escape_first(map, path ? path : ""))
		shim_note(map, BERTH_NOTE_ESCAPE, -1, 0, 0, (int)verdict, path);
}

static bool may_execute(const char *path)
{
	long ret = sys(FACCESSAT2, AT_FDCWD, path, X_OK, AT_EACCESS, 0);

	return ret == -ENOSYS ? !sys(SYS_faccessat, AT_FDCWD, path, X_OK, 0, 0) : !ret;
}

const char *shim_launcher(enum berth_elf_verdict verdict, const char *path)
{
	const char *launcher = shim_env_launcher();

	if (!berth_elf_escapes(verdict))
		return NULL;
	if (path && *path && !may_execute(path))
		return NULL; /* it will not start, so it escapes nobody */
	/* no_new_privs would take from a setuid program what it is for */
	if (!launcher || verdict == BERTH_ELF_SECURE || !path || !*path) {
		shim_note_escape(verdict, path);
		return NULL;
	}
	return launcher;
}

size_t shim_launch_size(const char *launcher, char *const *argv)
{
	size_t count = 0;

	if (!launcher)
		return 1;
	while (argv && argv[count])
		count++;
	return count + 3; /* the launcher, the path, the end */
}

char *const *shim_launch_fill(char **list, const char *launcher, const char *path,
                              char *const *argv)
{
	char **to = list;

	if (!launcher)
		return argv;
	*to++ = (char *)(uintptr_t)launcher;
	*to++ = (char *)(uintptr_t)path;
	while (argv && *argv)
		*to++ = *argv++;
	*to = NULL;
	return list;
}
