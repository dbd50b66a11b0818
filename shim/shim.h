/* SPDX-License-Identifier: MIT */
#ifndef BERTH_SHIM_H
#define BERTH_SHIM_H
/*
 * shim/ runs in the suite's processes. Its rules:
 *
 *	1. No malloc, no stdio, no lock, no thread, no file descriptor kept (poisoned at the end of
 *	   this file).
 *	2. No static write in a hook. The constructor writes, or an atomic store of a value that
 *	   every racing thread would have stored (a library whose constructor binds before this one
 *	   has run). The one exception is thread-local (shim/address.c: known pages).
 *	3. Async-signal-safe and vfork-safe: a hook may run in a signal handler, in the child of a
 *	   vfork that borrows its parent's memory, and in a process with a lock whose holder fork
 *	   did not copy.
 *	4. libc's contract to the letter: return value, errno (untouched on success), lengths,
 *	   cancellation points. The caller's memory is written only where the kernel would write it.
 *	5. The next definition of a symbol is called, so other preloads and sanitizers keep working.
 *	6. A failure of Berth never aborts a program: the call passes, and a note reports it.
 *
 * One file for each family of calls. The flow of each hook:
 *
 *	way in	(bind, connect, sendto)
 *		shim_address_copy() copies the address, core/policy.h decides, and the next function
 *		gets the copy.
 *	way out	(accept, getsockname, recvfrom)
 *		The next function writes into the caller's memory, then shim_address_restore() puts
 *		the virtual port there.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <spawn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/abstract.h"
#include "core/addr.h"
#include "core/elf.h"
#include "core/launch.h"
#include "core/policy.h"
#include "core/portmap.h"
#include "shim/sys.h"

#define EXPORT __attribute__((visibility("default")))

/* A Go program that is built as PIE has the loader, but not libc: the shim must load there, too. */
#pragma weak __errno_location
#pragma weak environ
#pragma weak fileno
#pragma weak dlvsym
#pragma weak __res_state
#pragma weak __res_ninit

/*
 * The next definition of every intercepted function: one field for each row of core/calls.def that
 * says NEXT. NULL before the constructor has run, and for what this libc does not have. Then the
 * hook makes the bare system call.
 */
struct shim_next {
	int (*bind)(int, const struct sockaddr *, socklen_t);
	int (*connect)(int, const struct sockaddr *, socklen_t);
	int (*accept)(int, struct sockaddr *, socklen_t *);
	int (*accept4)(int, struct sockaddr *, socklen_t *, int);
	int (*getsockname)(int, struct sockaddr *, socklen_t *);
	int (*getpeername)(int, struct sockaddr *, socklen_t *);
	ssize_t (*sendto)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	int (*sendmmsg)(int, struct mmsghdr *, unsigned int, int);
	ssize_t (*recvfrom)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
	ssize_t (*recvmsg)(int, struct msghdr *, int);
	int (*recvmmsg)(int, struct mmsghdr *, unsigned int, int, struct timespec *);
	ssize_t (*__recvfrom_chk)(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
	long (*syscall)(long, ...);
	int (*execve)(const char *, char *const *, char *const *);
	int (*execvpe)(const char *, char *const *, char *const *);
	int (*fexecve)(int, char *const *, char *const *);
	int (*execveat)(int, const char *, char *const *, char *const *, int);
	int (*posix_spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *,
	                   const posix_spawnattr_t *, char *const *, char *const *);
	int (*posix_spawnp)(pid_t *, const char *, const posix_spawn_file_actions_t *,
	                    const posix_spawnattr_t *, char *const *, char *const *);
	void *(*dlopen)(const char *, int);
	void *(*dlmopen)(long, const char *, int);
	int (*open)(const char *, int, ...);
	int (*open64)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	int (*openat64)(int, const char *, int, ...);
	int (*__open_2)(const char *, int);
	int (*__open64_2)(const char *, int);
	int (*__openat_2)(int, const char *, int);
	int (*__openat64_2)(int, const char *, int);
	FILE *(*fopen)(const char *, const char *);
	FILE *(*fopen64)(const char *, const char *);
	void *(*dlsym)(void *, const char *);
	int (*system)(const char *);
	FILE *(*popen)(const char *, const char *);
	int (*getaddrinfo)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct hostent *(*gethostbyname)(const char *);
	/* shim/resolver.c */
#define SHIM_QUERY   const char *, int, int, unsigned char *, int
#define SHIM_DOMAIN  const char *, const char *, int, int, unsigned char *, int
#define SHIM_MESSAGE const unsigned char *, int, unsigned char *, int
	int (*res_query)(SHIM_QUERY), (*__res_query)(SHIM_QUERY);
	int (*res_search)(SHIM_QUERY), (*__res_search)(SHIM_QUERY);
	int (*res_querydomain)(SHIM_DOMAIN), (*__res_querydomain)(SHIM_DOMAIN);
	int (*res_send)(SHIM_MESSAGE), (*__res_send)(SHIM_MESSAGE);
	int (*res_nquery)(res_state, SHIM_QUERY), (*__res_nquery)(res_state, SHIM_QUERY);
	int (*res_nsearch)(res_state, SHIM_QUERY), (*__res_nsearch)(res_state, SHIM_QUERY);
	int (*res_nquerydomain)(res_state, SHIM_DOMAIN);
	int (*__res_nquerydomain)(res_state, SHIM_DOMAIN);
	int (*res_nsend)(res_state, SHIM_MESSAGE), (*__res_nsend)(res_state, SHIM_MESSAGE);
};
extern struct shim_next shim_next;

/* Fill shim_next: in the constructor, or earlier in a hook that no system call can replace. */
void shim_resolve(void);
#define SHIM_NEXT(name) \
	(__builtin_expect(!shim_next.name, 0) ? (shim_resolve(), shim_next.name) : shim_next.name)

/* This worker's map, attached by the first caller; NULL if the process is not in a worker. */
struct berth_portmap *shim_attached(void);

/* The same for ports: NULL, too, where the kernel rewrites ports (BERTH_VIEW). */
struct berth_portmap *shim_map(void);

/* 0 = not tried yet; 2 = in no worker; else the map's address, and SHIM_VIEW in its lowest bit */
extern uintptr_t shim_state;
enum { SHIM_VIEW = 1 };

/* True if the kernel rewrites ports; for a caller that has the map. */
static inline bool shim_is_view(void)
{
	return __atomic_load_n(&shim_state, __ATOMIC_RELAXED) & SHIM_VIEW;
}

/* True if @len bytes at @at can be read. One system call for a page that is not known to be. */
bool shim_readable(const void *at, size_t len);

/* Return: how many of @count headers can be read, from the first on. */
unsigned int shim_readable_messages(const struct mmsghdr *messages, unsigned int count);

/* Return: BERTH_TCP or BERTH_UDP; -1 if @fd is neither (ICMP, SCTP, raw, Unix, not a socket). */
int shim_proto(int fd);

/* The same for a decision on @port: the socket is asked only if the verdict depends on it. */
int shim_proto_for(const struct berth_portmap *map, int fd, uint16_t port);

/* Turn the kernel's -errno into libc's -1 and errno. */
long shim_result(long kernel);

/* A socket address, copied: the caller's own is never written (rule 4). */
struct shim_copy {
	struct berth_addr addr;
	struct berth_decision decision; /* shim_address_outbound() only */
	bool is_name;                   /* of the decision: it is about an abstract name */
	socklen_t len;
	unsigned char bytes[sizeof(struct sockaddr_un)];
};

/**
 * Copy @sa if the port policy decides on its port.
 * Return: false for everything else: NULL, unreadable, short, other families, remote hosts, port 0.
 */
bool shim_address_copy(const struct berth_portmap *map, const void *sa, socklen_t len,
                       enum berth_addr_use use, struct shim_copy *ret_copy);

/**
 * Decide about the destination of a connect or a send.
 * Return: BERTH_PASS: make the call with @sa, then shim_note_outbound() if it worked; BERTH_USE:
 * make it with @ret_copy; BERTH_REFUSE: return shim_refuse().
 */
enum berth_verdict shim_address_outbound(const struct berth_portmap *map, int fd, const void *sa,
                                         socklen_t len, enum berth_addr_use use,
                                         struct shim_copy *ret_copy);

/* Leave the decision's note, if there is one and it is news. */
void shim_note_outbound(struct berth_portmap *map, const struct shim_copy *copy);

/* The answer to BERTH_REFUSE: the note, and ECONNREFUSED in errno. Return: -1. */
int shim_refuse(struct berth_portmap *map, const struct shim_copy *copy);

/* Copy @sa, of any length that a Unix socket can have. Return: false if it is no such address. */
bool shim_unix_copy(const void *sa, socklen_t len, struct shim_copy *ret_copy);

/**
 * Put the virtual port, or the name that the program knows, into an address that the kernel has
 * just written.
 * @space	bytes that the caller offered
 * @full	bytes of the address, which may be more than @space (accept(2): truncation)
 * Return: the length for the caller: @full, or that of the name.
 */
socklen_t shim_address_restore(const struct berth_portmap *map, void *sa, socklen_t space,
                               socklen_t full);

/**
 * The same for the answer of system call @number about @fd. An address that did not fit is asked
 * for again, and cut off as the kernel did.
 */
socklen_t shim_name_restore(const struct berth_portmap *map, long number, int fd, void *sa,
                            socklen_t space, socklen_t full);

/* The space that a caller offers: *len; 0 if it cannot be read (the kernel will say EFAULT). */
socklen_t shim_address_space(const void *sa, const socklen_t *len);

/* Add this process and the time to @note and leave it. */
void shim_note(struct berth_portmap *map, struct berth_note *note);

/* Leave the note of @decision, if there is one and it is news. */
void shim_note_decision(struct berth_portmap *map, const struct berth_decision *decision,
                        const struct berth_ip *ip);

/*
 * The environment of a program to be started. It is sized first and filled then, because its memory
 * is on the caller's stack (rules 1 and 3):
 *
 *	struct shim_env env = shim_env_plan(envp, verdict);
 *	char *pointers[env.pointers], text[env.bytes];
 *	envp = shim_env_fill(&env, pointers, text);
 */
struct shim_env {
	char *const *old;
	size_t pointers, bytes; /* that the caller must provide; at least 1 each */
	const char *shim;       /* NULL if the program cannot load it */
	bool as_is;             /* nothing is missing: shim_env_fill() returns the old one */
};
void shim_env_save(char *const *envp);
struct shim_env shim_env_plan(char *const *envp, enum berth_elf_verdict verdict);
char *const *shim_env_fill(const struct shim_env *env, char **pointers, char *text);

/*
 * A program that the shim cannot enter is started through the launcher (tools/isolate/launch.c),
 * which installs the seccomp filter: LAUNCHER PATH ARGV0 ARGUMENT... The memory is the caller's
 * stack.
 *
 *	const char *launcher = shim_launcher(verdict, path);
 *	char *list[shim_launch_size(launcher, argv)];
 *	argv = shim_launch_fill(list, launcher, path, argv);
 */
/* NULL: start @path itself */
const char *shim_launcher(enum berth_elf_verdict verdict, const char *path);
size_t shim_launch_size(const char *launcher, char *const *argv);
char *const *shim_launch_fill(char **list, const char *launcher, const char *path,
                              char *const *argv);

/* Leave a note that @path escapes, once for each program. */
void shim_note_escape(enum berth_elf_verdict verdict, const char *path);

/* The launcher; NULL if there is none, or none that this process can use. */
const char *shim_env_launcher(void);

/* True if programs that this process executes cannot read the shim or the port map. */
bool shim_env_is_hidden(void);

/**
 * The kind of program that @path is, relative to directory @dir (AT_FDCWD); if @path is NULL, that
 * the open file @dir is. Follows #! lines. A path that does not exist is BERTH_ELF_UNKNOWN.
 */
enum berth_elf_verdict shim_probe(int dir, const char *path);
/* The same for a name to be found in PATH. @ret_path: PATH_MAX bytes, "" = not found. */
enum berth_elf_verdict shim_probe_in_path(const char *file, char *ret_path);

static inline size_t shim_strlen(const char *text)
{
	size_t len = 0;

	while (text[len])
		len++;
	return len;
}

static inline bool shim_starts_with(const char *text, const char *prefix)
{
	while (*prefix)
		if (*text++ != *prefix++)
			return false;
	return true;
}

#pragma GCC poison malloc calloc realloc free strdup printf fprintf snprintf sprintf getenv setenv \
	putenv
#pragma GCC poison pthread_mutex_lock pthread_once pthread_create opendir readdir

#endif
