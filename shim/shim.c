/* SPDX-License-Identifier: MIT */
/*
 * How the shim wakes up: the constructor finds the next definition of every intercepted function and maps the worker's
 * port map. Both can be asked for earlier, by a library whose constructor runs before ours; then the map is attached by
 * that caller (raw system calls only, racers store the same value) and functions fall back to the bare system call.
 */
#include "shim/shim.h"

#include <limits.h>
#include <sys/mman.h>

extern char **environ;

struct shim_next shim_next;
static struct berth_portmap *attached;	/* NULL = not tried yet */
static char nowhere;			/* its address in `attached`: tried, this process is in no worker */

size_t shim_strlen(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

bool shim_starts_with(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return false;
	return true;
}

long shim_result(long kernel)
{
	if (kernel < 0 && kernel >= -4095) {
		errno = (int)-kernel;
		return -1;
	}
	return kernel;
}

static const char *map_path(char *const *envp)
{
	for (; envp && *envp; envp++)
		if (shim_starts_with(*envp, "BERTH_MAP="))
			return *envp + sizeof("BERTH_MAP=") - 1;
	return NULL;
}

static struct berth_portmap *map_file(const char *path)
{
	long fd = sys(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0, 0);
	struct berth_portmap *map;
	long at;

	if (fd < 0)
		return NULL;
	at = sys(SYS_mmap, 0, sizeof(*map), PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	sys(SYS_close, fd, 0, 0, 0, 0);
	if (at < 0 && at >= -4095)
		return NULL;
	map = (struct berth_portmap *)at;
	if (berth_portmap_valid(map))
		return map;
	sys(SYS_munmap, map, sizeof(*map), 0, 0, 0);
	return NULL;
}

/*
 * Before libc has set `environ` (a program's own preinit function runs that early) the kernel still knows what the
 * environment was. @ret_path has PATH_MAX bytes.
 */
static const char *map_path_from_proc(char *ret_path)
{
	static const char name[] = "BERTH_MAP=";
	long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0, 0);
	size_t at = 0; /* how much of the entry fits the name so far, then of the path */
	bool fits = true;
	char part[512];
	long got;

	while (fd >= 0 && (got = sys(SYS_read, fd, part, sizeof(part), 0, 0)) > 0)
		for (long i = 0; i < got; i++) {
			if (at < sizeof(name) - 1) {
				fits = fits && part[i] == name[at];
				at = part[i] ? at + fits : 0;
				fits = fits || !part[i];
				continue;
			}
			ret_path[at - (sizeof(name) - 1)] = part[i];
			if (!part[i] || ++at - (sizeof(name) - 1) == PATH_MAX) {
				sys(SYS_close, fd, 0, 0, 0, 0);
				return part[i] ? NULL : ret_path;
			}
		}
	if (fd >= 0)
		sys(SYS_close, fd, 0, 0, 0, 0);
	return NULL;
}

static struct berth_portmap *attach(char *const *envp)
{
	char room[PATH_MAX];
	const char *path = envp ? map_path(envp) : map_path_from_proc(room);
	struct berth_portmap *map = path ? map_file(path) : NULL;
	struct berth_portmap *none = NULL;
	void *value = map ? (void *)map : (void *)&nowhere;

	if (!__atomic_compare_exchange_n(&attached, &none, value, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) && map)
		sys(SYS_munmap, map, sizeof(*map), 0, 0, 0); /* another thread was first */
	return __atomic_load_n(&attached, __ATOMIC_ACQUIRE);
}

struct berth_portmap *shim_attached(void)
{
	struct berth_portmap *map = __atomic_load_n(&attached, __ATOMIC_ACQUIRE);

	if (__builtin_expect(!map, 0))
		map = attach(environ);
	return (void *)map == (void *)&nowhere ? NULL : map;
}

struct berth_portmap *shim_map(void)
{
	struct berth_portmap *map = shim_attached();

	return map && map->flags & BERTH_MAP_PATHS_ONLY ? NULL : map;
}

/* dlsym() returns an object pointer for a function; POSIX requires that this copy works. */
static void resolve(const char *name, void *ret_function)
{
	void *found = dlsym(RTLD_NEXT, name);

	__builtin_memcpy(ret_function, &found, sizeof(found));
}

static void resolve_all(void)
{
#define RESOLVE_NEXT(name) resolve(#name, &shim_next.name);
#define RESOLVE_OVER(name)
#define CALL(name, class, entry, calls, net) RESOLVE_##calls(name)
#include "core/calls.def"
}

/* glibc hands the environment to constructors, musl has set `environ` before it runs any. */
__attribute__((constructor)) static void wake_up(int argc, char **argv, char **envp)
{
	int saved = errno;

	(void)argc;
	(void)argv;
	resolve_all();
	shim_env_save(environ ? environ : envp);
	shim_attached();
	errno = saved;
}
