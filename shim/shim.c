/* SPDX-License-Identifier: MIT */
/*
 * The start of the shim: the constructor finds the next definition of every intercepted function
 * and maps the worker's port map. A library whose constructor runs before ours may need both
 * earlier. Then that caller attaches the map (by raw system calls; racing threads store the same
 * value), and hooks make bare system calls.
 */
#include "shim/shim.h"

#include <limits.h>
#include <link.h>
#include <sys/mman.h>

#pragma weak dl_iterate_phdr

extern char **environ;

struct shim_next shim_next;
enum { NOWHERE = 2, VIEW = SHIM_VIEW };

static const char map_name[] = "BERTH_MAP=", view_name[] = "BERTH_VIEW=";

long shim_result(long kernel)
{
	if (kernel < 0 && kernel >= -4095) {
		errno = (int)-kernel;
		return -1;
	}
	return kernel;
}

static const char *value(char *const *envp, const char *name)
{
	for (; *envp; envp++)
		if (shim_starts_with(*envp, name))
			return *envp + shim_strlen(name);
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
 * A program's preinit function runs before libc has set `environ`. Then the environment is read
 * from the kernel. @ret_path has PATH_MAX bytes.
 */
static const char *value_from_proc(const char *name, char *ret_path)
{
	size_t name_len = shim_strlen(name);
	long fd = sys(SYS_openat, AT_FDCWD, "/proc/self/environ", O_RDONLY | O_CLOEXEC, 0, 0);
	size_t at = 0; /* bytes of the entry that match so far: of the name, then of the path */
	bool fits = true;
	char part[512];
	long got;

	while (fd >= 0 && (got = sys(SYS_read, fd, part, sizeof(part), 0, 0)) > 0)
		for (long i = 0; i < got; i++) {
			if (at < name_len) {
				fits = fits && part[i] == name[at];
				at = part[i] ? at + fits : 0;
				fits = fits || !part[i];
				continue;
			}
			ret_path[at - name_len] = part[i];
			if (!part[i] || ++at - name_len == PATH_MAX) {
				sys(SYS_close, fd, 0, 0, 0, 0);
				return part[i] ? NULL : ret_path;
			}
		}
	if (fd >= 0)
		sys(SYS_close, fd, 0, 0, 0, 0);
	return NULL;
}

static uintptr_t attach_as(char *const *envp, const char *name, uintptr_t how)
{
	char buffer[PATH_MAX];
	const char *path = envp ? value(envp, name) : value_from_proc(name, buffer);
	struct berth_portmap *map = path ? map_file(path) : NULL;

	return map ? (uintptr_t)map | how : 0;
}

static uintptr_t attach(char *const *envp)
{
	uintptr_t none = 0, found = attach_as(envp, map_name, 0);

	if (!found)
		found = attach_as(envp, view_name, VIEW);
	if (!__atomic_compare_exchange_n(&shim_state, &none, found ? found : NOWHERE, false,
	                                 __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE) &&
	    found)
		sys(SYS_munmap, found & ~(uintptr_t)VIEW, sizeof(struct berth_portmap), 0, 0,
		    0); /* another thread was first */
	return __atomic_load_n(&shim_state, __ATOMIC_ACQUIRE);
}

static uintptr_t state(void)
{
	uintptr_t found = __atomic_load_n(&shim_state, __ATOMIC_ACQUIRE);

	return __builtin_expect(!found, 0) ? attach(environ) : found;
}

struct berth_portmap *shim_attached(void)
{
	uintptr_t found = state();

	return found == NOWHERE ? NULL : (struct berth_portmap *)(found & ~(uintptr_t)VIEW);
}

struct berth_portmap *shim_map(void)
{
	uintptr_t found = state();

	return found & (NOWHERE | VIEW) ? NULL : (struct berth_portmap *)found;
}

/* dlsym() returns an object pointer for a function; POSIX allows this copy. */
static void resolve(const char *name, void *ret_function)
{
	void *found = shim_next.dlsym(RTLD_NEXT, name);

	__builtin_memcpy(ret_function, &found, sizeof(found));
}

/* musl has no dlvsym(3). Its linker puts the names behind the table of symbols. */
static int find_in_musl(struct dl_phdr_info *info, size_t size, void *ret_function)
{
	const char *base = info->dlpi_name, *names = NULL;
	const ElfW(Dyn) *dynamic = NULL;
	const ElfW(Sym) *symbol = NULL;

	(void)size;
	for (const char *at = base; *at; at++)
		if (*at == '/')
			base = at + 1;
	if (!shim_starts_with(base, "ld-musl") && !shim_starts_with(base, "libc."))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
			dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
	for (; dynamic && dynamic->d_tag; dynamic++)
		if (dynamic->d_tag == DT_SYMTAB)
			symbol = (const void *)(info->dlpi_addr + dynamic->d_un.d_ptr);
		else if (dynamic->d_tag == DT_STRTAB)
			names = (const void *)(info->dlpi_addr + dynamic->d_un.d_ptr);
	for (; names && symbol && (const char *)(symbol + 1) <= names; symbol++)
		if (shim_starts_with(names + symbol->st_name, "dlsym") &&
		    !names[symbol->st_name + 5]) {
			uintptr_t found = info->dlpi_addr + symbol->st_value;

			__builtin_memcpy(ret_function, &found, sizeof(found));
			return 1;
		}
	return 0;
}

/* dlsym(3) is a hook itself. Berth needs glibc 2.34. */
static void find_dlsym(void)
{
	void *found;

	if (dlvsym) {
		found = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.34");
		__builtin_memcpy(&shim_next.dlsym, &found, sizeof(found));
	} else if (dl_iterate_phdr) {
		dl_iterate_phdr(find_in_musl, &shim_next.dlsym);
	}
}

void shim_resolve(void)
{
	find_dlsym();
	if (!shim_next.dlsym)
		return;
#define RESOLVE_NEXT(name) resolve(#name, &shim_next.name);
#define RESOLVE_OVER(name)
#define CALL(name, class, entry, calls, action) RESOLVE_##calls(name)
#include "core/calls.def"
}

/* glibc passes the environment to constructors; musl has set `environ` before it runs any. */
__attribute__((constructor)) static void shim_start(int argc, char **argv, char **envp)
{
	int saved;

	(void)argc;
	(void)argv;
	if (!__errno_location)
		return; /* without libc no function of it is called */
	saved = errno;
	shim_resolve();
	shim_env_save(environ ? environ : envp);
	shim_attached();
	errno = saved;
}
