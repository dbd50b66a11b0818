/* SPDX-License-Identifier: MIT */
/*
 * Two tables: the capabilities that a role keeps, and the system calls that it is refused. A
 * refused call fails and does not kill, so that a library which tries it goes on as on a machine
 * that forbids it.
 *
 * The table lists refused calls, not allowed ones, because libpq, OpenSSL, libdw and modules of the
 * C library run in these processes, too. Calls that are newer than the table fail with ENOSYS,
 * which every library expects.
 *
 * The filter is written here without libseccomp: it allocates nothing, and costs a comparison for
 * each call. Linux 5.11 and later remember which calls are always allowed; for older kernels the
 * calls of the supervisor's hot path stand first.
 *
 * Builds with sanitizers or coverage do without (BERTH_UNCONFINED), because those write files and
 * trace threads.
 */
#include "tools/process/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tools/base/cleanup.h"

#ifndef BERTH_UNCONFINED

#define ROLE(name) (1u << CONFINE_##name)
enum {
	SUPERVISOR = ROLE(SUPERVISOR),
	GUARD = ROLE(GUARD),
	RELAY = ROLE(RELAY),
	MONITOR = ROLE(MONITOR),
	CHILDLESS = GUARD | RELAY | MONITOR,
	ALL_ROLES = CHILDLESS | SUPERVISOR,
};

static const struct kept_capability {
	cap_value_t capability;
	unsigned int roles, needs; /* only for one of these needs; 0 = always */
	cap_value_t instead_of;    /* only if that one is missing; 0 = whatever there is */
} kept[] = {
	/* a worker of root may have changed its user */
	{ CAP_KILL, SUPERVISOR | GUARD, 0, 0 },
	{ CAP_SYS_PTRACE, SUPERVISOR | GUARD | MONITOR, 0,
	  0 }, /* read /proc, descriptors and memory of workers */
	/* collect and remove what a worker wrote */
	{ CAP_DAC_OVERRIDE, SUPERVISOR | GUARD, 0, 0 },
	{ CAP_FOWNER, SUPERVISOR | GUARD, 0, 0 },
	{ CAP_DAC_READ_SEARCH, RELAY | MONITOR, 0,
	  0 }, /* libpq reads ~/.pgpass under `sudo -E`; symbols of all programs */
	{ CAP_DAC_OVERRIDE, RELAY, CONFINE_FOR_SOCKET, 0 },
	{ CAP_BPF, SUPERVISOR | MONITOR, CONFINE_FOR_BPF, 0 },
	{ CAP_PERFMON, SUPERVISOR | MONITOR, CONFINE_FOR_BPF, 0 },
	{ CAP_NET_ADMIN, SUPERVISOR | MONITOR, CONFINE_FOR_BPF | CONFINE_FOR_FAULTS, 0 },
	{ CAP_SYS_ADMIN, SUPERVISOR | MONITOR, CONFINE_FOR_BPF, CAP_BPF }, /* as before Linux 5.8 */
	{ CAP_SYS_ADMIN, SUPERVISOR, CONFINE_FOR_SERVERS, 0 },             /* overlays */
	{ CAP_CHOWN, SUPERVISOR, CONFINE_FOR_SERVERS, 0 },
	{ CAP_SETUID, SUPERVISOR, CONFINE_FOR_SERVERS, 0 },
	{ CAP_SETGID, SUPERVISOR, CONFINE_FOR_SERVERS, 0 },
};

#define CALLS(...) \
	(const int[]) \
	{ \
		__VA_ARGS__, -1 \
	}
static const struct refused_calls {
	unsigned int roles, unless; /* needs */
	const int *calls;           /* ends with -1 */
} refused[] = {
	/* the kernel's code, the clock, the power switch */
	{ ALL_ROLES, 0,
	  CALLS(SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load,
	        SYS_kexec_file_load, SYS_reboot, SYS_swapon, SYS_swapoff, SYS_settimeofday,
	        SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname,
	        SYS_setdomainname, SYS_acct, SYS_quotactl, SYS_quotactl_fd, SYS_syslog,
	        SYS_vhangup) },
	/* ways around this filter and permissions, and parts of the kernel that are not used */
	{ ALL_ROLES, CONFINE_FOR_SERVERS,
	  CALLS(SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register, SYS_userfaultfd,
	        SYS_personality, SYS_open_by_handle_at, SYS_fanotify_init, SYS_ptrace,
	        SYS_process_madvise, SYS_move_pages, SYS_migrate_pages, SYS_kcmp, SYS_nfsservctl) },
	/* libpq may use Kerberos, whose keys are there */
	{ ALL_ROLES & ~RELAY, CONFINE_FOR_SERVERS,
	  CALLS(SYS_keyctl, SYS_add_key, SYS_request_key) },
	{ SUPERVISOR | MONITOR, CONFINE_FOR_BPF, CALLS(SYS_bpf, SYS_perf_event_open) },
	{ GUARD | RELAY, 0, CALLS(SYS_bpf, SYS_perf_event_open) },
	{ ALL_ROLES, CONFINE_FOR_SERVERS,
	  CALLS(SYS_execve, SYS_execveat, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot,
	        SYS_unshare, SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
	        SYS_fspick, SYS_mount_setattr, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
	        SYS_setresuid, SYS_setresgid, SYS_setgroups) },
	{ ALL_ROLES, 0, CALLS(SYS_setns) },
	{ CHILDLESS, 0, CALLS(SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd) },
	{ GUARD, 0,
	  CALLS(SYS_socket, SYS_socketpair, SYS_bind, SYS_listen, SYS_connect, SYS_accept,
	        SYS_accept4) },
	{ RELAY | MONITOR, 0,
	  CALLS(SYS_kill, SYS_tkill, SYS_pidfd_send_signal, SYS_rt_sigqueueinfo,
	        SYS_rt_tgsigqueueinfo) },
	{ RELAY, 0,
	  CALLS(SYS_mkdirat, SYS_mknodat, SYS_renameat, SYS_renameat2, SYS_linkat, SYS_symlinkat,
	        SYS_truncate, SYS_fchmod, SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_setxattr,
	        SYS_lsetxattr, SYS_fsetxattr) },
#ifdef __x86_64__ /* older forms of the calls */
	{ ALL_ROLES, 0, CALLS(SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS__sysctl) },
	{ CHILDLESS, 0, CALLS(SYS_fork, SYS_vfork) },
	{ RELAY, 0,
	  CALLS(SYS_creat, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_rename, SYS_link, SYS_symlink,
	        SYS_chmod, SYS_chown, SYS_lchown) },
#endif
};

/* Calls whose argument decides. Its flags and numbers are in the lower of its two halves. */
enum test { ANY_OF, NONE_OF, OTHER_THAN };
static const struct refused_argument {
	unsigned int roles;
	int call;
	unsigned int argument;
	/* refused if the argument has one bit of, no bit of, or differs from: */
	enum test test;
	unsigned int value; /* 0 = our own process */
} refused_arguments[] = {
	{ CHILDLESS, SYS_clone, 0, NONE_OF, CLONE_THREAD },
	{ RELAY | MONITOR, SYS_tgkill, 0, OTHER_THAN, 0 }, /* abort(3) */
	{ RELAY, SYS_openat, 2, ANY_OF, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC },
#ifdef __x86_64__
	{ RELAY, SYS_open, 1, ANY_OF, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC },
#endif
};

/* A filter cannot read their flags in memory. Libraries use clone(2) and openat(2) instead. */
static const int newer[] = { SYS_clone3, SYS_openat2 };

/* The supervisor may make all of these. */
static const int hot[] = {
	SYS_ioctl,      SYS_epoll_pwait, SYS_ppoll,    SYS_process_vm_readv,
	SYS_pidfd_open, SYS_pidfd_getfd, SYS_close,    SYS_read,
	SYS_write,      SYS_sendto,      SYS_recvfrom,
#ifdef __x86_64__
	SYS_epoll_wait, SYS_poll,
#endif
};

/* the last call of Linux 6.1; new calls have one number on all machines since 5.1 */
enum { NEWEST = SYS_set_mempolicy_home_node, FILTER_MAX = 512 };

#if defined(__x86_64__)
enum { OUR_ARCH = AUDIT_ARCH_X86_64, LOW_HALF = 0 };
#elif defined(__aarch64__)
enum { OUR_ARCH = AUDIT_ARCH_AARCH64, LOW_HALF = 0 };
#endif

struct filter_program {
	struct sock_filter code[FILTER_MAX];
	unsigned short len;
};

static void add(struct filter_program *program, int code, unsigned int k, unsigned int yes,
                unsigned int no)
{
	const struct sock_filter step = { (unsigned short)code, (unsigned char)yes,
		                          (unsigned char)no, k };

	/* the kernel refuses a program that ends without a return, so a full one fails */
	if (program->len < FILTER_MAX)
		program->code[program->len++] = step;
}

static void add_load(struct filter_program *program, size_t offset)
{
	add(program, BPF_LD | BPF_W | BPF_ABS, (unsigned int)offset, 0, 0);
}

static void add_return(struct filter_program *program, unsigned int action)
{
	add(program, BPF_RET | BPF_K, action, 0, 0);
}

static void add_call(struct filter_program *program, int call, unsigned int action)
{
	add(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call, 0, 1);
	add_return(program, action);
}

static void add_argument_test(struct filter_program *program, const struct refused_argument *row)
{
	unsigned int value = row->value ? row->value : (unsigned int)getpid();
	bool equal = row->test == OTHER_THAN;
	bool refuses = row->test == ANY_OF; /* when the comparison is true */

	add(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)row->call, 0, 4);
	add_load(program,
	         offsetof(struct seccomp_data, args) + row->argument * sizeof(uint64_t) + LOW_HALF);
	add(program, BPF_JMP | (equal ? BPF_JEQ : BPF_JSET) | BPF_K, value, refuses ? 0 : 1,
	    refuses ? 1 : 0);
	add_return(program, SECCOMP_RET_ERRNO | EPERM);
	add_return(program, SECCOMP_RET_ALLOW);
}

static void write_filter(struct filter_program *program, unsigned int role, unsigned int needs)
{
	add_load(program, offsetof(struct seccomp_data, arch));
	add(program, BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	/* our programs never make a call of another architecture */
	add_return(program, SECCOMP_RET_KILL_PROCESS);
	add_load(program, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; role & SUPERVISOR && i < ARRAY_LEN(hot); i++)
		add_call(program, hot[i], SECCOMP_RET_ALLOW);
	/* also the calls of x32, which have higher numbers */
	add(program, BPF_JMP | BPF_JGT | BPF_K, NEWEST, 0, 1);
	add_return(program, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; role & CHILDLESS && i < ARRAY_LEN(newer); i++)
		add_call(program, newer[i], SECCOMP_RET_ERRNO | ENOSYS);
	for (const struct refused_calls *row = refused; row < refused + ARRAY_LEN(refused); row++)
		for (const int *call = row->calls;
		     row->roles & role && !(row->unless & needs) && *call >= 0; call++)
			add_call(program, *call, SECCOMP_RET_ERRNO | EPERM);
	for (size_t i = 0; i < ARRAY_LEN(refused_arguments); i++)
		if (refused_arguments[i].roles & role)
			add_argument_test(program, &refused_arguments[i]);
	add_return(program, SECCOMP_RET_ALLOW);
}

static bool has_capability(cap_t caps, cap_value_t capability)
{
	cap_flag_value_t has;

	return !cap_get_flag(caps, capability, CAP_PERMITTED, &has) && has == CAP_SET;
}

static int drop_capabilities(unsigned int role, unsigned int needs)
{
	cap_t had = cap_get_proc(), caps = cap_init();
	int ret = 0;

	for (size_t i = 0; had && caps && i < ARRAY_LEN(kept); i++) {
		const struct kept_capability *row = &kept[i];

		if (!(row->roles & role) || (row->needs && !(row->needs & needs)) ||
		    !has_capability(had, row->capability) ||
		    (row->instead_of && has_capability(had, row->instead_of)))
			continue;
		cap_set_flag(caps, CAP_PERMITTED, 1, &row->capability, CAP_SET);
		cap_set_flag(caps, CAP_EFFECTIVE, 1, &row->capability, CAP_SET);
	}
	if (!had || !caps || cap_set_proc(caps))
		ret = -errno;
	cap_free(had);
	cap_free(caps);
	return ret;
}

/*
 * Our memory holds passwords of databases. A relay must stay dumpable, because its user finds it by
 * its sockets (`berth who`, --inject). So it gets a limit of one byte, which also keeps a core from
 * being piped to a program, core(5).
 */
static void drop_core(unsigned int role)
{
	static const struct rlimit one = { 1, 1 };

	if (role & RELAY)
		setrlimit(RLIMIT_CORE, &one);
	else
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int confine(enum confine_role which, unsigned int needs)
{
	unsigned int role = 1u << which;
	struct filter_program program = { .len = 0 };
	struct sock_fprog filter = { .filter = program.code };
	int ret = drop_capabilities(role, needs);

	drop_core(role);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	write_filter(&program, role, needs);
	filter.len = program.len;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &filter))
		ret = ret ? ret : -errno;
	return ret;
}

#else

int confine(enum confine_role role, unsigned int needs)
{
	(void)role;
	(void)needs;
	return 0;
}

#endif
