/* SPDX-License-Identifier: MIT */
/*
 * confine(): refused calls fail, needed calls and threads work, and missing capabilities are no
 * error.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/base/cleanup.h"
#include "tools/process/confine.h"

enum {
	S = 1 << CONFINE_SUPERVISOR,
	G = 1 << CONFINE_GUARD,
	R = 1 << CONFINE_RELAY,
	M = 1 << CONFINE_MONITOR,
	ROLES = 4,
	ALL = (1 << ROLES) - 1
};
enum { FCHMODAT2 = 452 }; /* newer than the table: Linux 6.6 */

/* Each makes one call. Return: -1 and errno on failure. */
static long do_exec(void)
{
	return execl("/no/such", "such", (char *)NULL);
}
static long do_ptrace(void)
{
	return ptrace(PTRACE_CONT, 0, NULL, NULL);
}
static long do_module(void)
{
	return syscall(SYS_delete_module, "no_such_module", 0);
}
static long do_mount(void)
{
	return syscall(SYS_mount, "", "/no/such", "", 0, NULL);
}
static long do_bpf(void)
{
	return syscall(SYS_bpf, -1, NULL, 0);
}
static long do_ring(void)
{
	return syscall(SYS_io_uring_setup, 0, NULL);
}
static long do_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}
static long do_signal(void)
{
	return kill(getppid(), 0);
}
static long do_signal_thread(void)
{
	return syscall(SYS_tgkill, getppid(), getppid(), 0);
}
static long do_signal_self(void)
{
	return syscall(SYS_tgkill, getpid(), getpid(), 0);
}
static long do_write(void)
{
	return open("/dev/null", O_WRONLY);
}
static long do_read(void)
{
	return open("/dev/null", O_RDONLY);
}
static long do_chmod(void)
{
	return chmod("/no/such", 0);
}
static long do_mounts(void)
{
	return setns(-1, CLONE_NEWNS);
}
static long do_network(void)
{
	return setns(-1, CLONE_NEWNET);
}
static long do_identity(void)
{
	return setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1);
}

static long do_fork(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static long do_peek(void)
{
	char from = 1, to = 0;
	struct iovec local = { &to, 1 }, remote = { &from, 1 };

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
}

static const struct attempt {
	const char *name;
	long (*act)(void);
	int refused, unless; /* roles; needs */
} attempts[] = {
	{ "execve", do_exec, ALL, CONFINE_FOR_SERVERS },
	{ "mount", do_mount, ALL, CONFINE_FOR_SERVERS },
	{ "setresuid", do_identity, ALL, CONFINE_FOR_SERVERS },
	{ "ptrace", do_ptrace, ALL, CONFINE_FOR_SERVERS },
	{ "io_uring_setup", do_ring, ALL, CONFINE_FOR_SERVERS },
	{ "delete_module", do_module, ALL, 0 },
	{ "bpf", do_bpf, ALL, CONFINE_FOR_BPF },
	{ "setns of mounts", do_mounts, ALL, 0 },
	{ "setns of the network", do_network, ALL, 0 },
	{ "fork", do_fork, ALL & ~S, 0 },
	{ "process_vm_readv", do_peek, ALL & ~S, 0 },
	{ "socket", do_socket, G, 0 },
	{ "kill", do_signal, R | M, 0 },
	{ "tgkill of another", do_signal_thread, R | M, 0 },
	{ "tgkill of itself", do_signal_self, 0, 0 },
	{ "open for writing", do_write, R, 0 },
	{ "open for reading", do_read, 0, 0 },
	{ "chmod", do_chmod, R, 0 },
};

/* In a confined child. Return: the number of the first wrong row, from 1; 0 if all are right. */
static int try_all(enum confine_role role, unsigned int needs)
{
	for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
		const struct attempt *row = &attempts[i];
		bool wanted = row->refused & 1 << role && !((unsigned int)row->unless & needs),
		     refused;

		if (!wanted && geteuid())
			continue; /* the kernel may refuse it without our filter */
		errno = 0;
		refused = row->act() == -1 && errno == EPERM;
		if (refused != wanted)
			return (int)i + 1;
	}
	return 0;
}

static void *touch(void *arg)
{
	*(int *)arg = 1;
	return NULL;
}

static int start_thread(enum confine_role role, unsigned int needs)
{
	pthread_t thread;
	int touched = 0;

	(void)role;
	(void)needs;
	return pthread_create(&thread, NULL, touch, &touched) || pthread_join(thread, NULL) ||
	       !touched;
}

static int use_young(enum confine_role role, unsigned int needs)
{
	(void)needs;
	return syscall(FCHMODAT2, -1, NULL, 0, 0) != -1 || errno != ENOSYS ||
	       (role != CONFINE_SUPERVISOR &&
	        (syscall(SYS_clone3, NULL, 0) != -1 || errno != ENOSYS));
}

static int look_at_flags(enum confine_role role, unsigned int needs)
{
	struct rlimit core;
	bool none;

	(void)needs;
	getrlimit(RLIMIT_CORE, &core);
	none = role == CONFINE_RELAY ? core.rlim_max == 1 : !prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	return !none || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1;
}

/* Return: the exit status of @act in a confined child. */
static int confined(enum confine_role role, unsigned int needs, bool bare,
                    int (*act)(enum confine_role role, unsigned int needs))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		cap_t none = cap_init();

		if (bare && cap_set_proc(none))
			_exit(98);
		cap_free(none);
		if (confine(role, needs))
			_exit(99);
		_exit(act(role, needs));
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void in_every_role(bool bare, int (*act)(enum confine_role role, unsigned int needs))
{
	static const struct {
		enum confine_role role;
		unsigned int needs;
	} rows[] = {
		{ CONFINE_SUPERVISOR, 0 },
		{ CONFINE_SUPERVISOR, CONFINE_FOR_BPF },
		{ CONFINE_SUPERVISOR, CONFINE_FOR_FAULTS },
		{ CONFINE_SUPERVISOR, CONFINE_FOR_BPF | CONFINE_FOR_SERVERS },
		{ CONFINE_GUARD, 0 },
		{ CONFINE_RELAY, 0 },
		{ CONFINE_RELAY, CONFINE_FOR_SOCKET },
		{ CONFINE_MONITOR, 0 },
		{ CONFINE_MONITOR, CONFINE_FOR_BPF },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int status = confined(rows[i].role, rows[i].needs, bare, act);

		if (status)
			print_message("# role %d, needs %u: %d %s\n", rows[i].role, rows[i].needs,
			              status,
			              status <= (int)ARRAY_LEN(attempts) ? attempts[status - 1].name
			                                                 : "");
		assert_int_equal(status, 0);
	}
}

static void test_calls(void **state)
{
	(void)state;
	in_every_role(false, try_all);
}
static void test_without_capabilities(void **state)
{
	(void)state;
	in_every_role(true, look_at_flags);
}
static void test_threads(void **state)
{
	(void)state;
	in_every_role(false, start_thread);
}
static void test_flags(void **state)
{
	(void)state;
	in_every_role(false, look_at_flags);
}

static void test_young(void **state)
{
	(void)state;
	if (syscall(FCHMODAT2, -1, NULL, 0, 0) == -1 && errno == ENOSYS)
		return; /* this kernel has no call that is newer than the table */
	in_every_role(false, use_young);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_young),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_without_capabilities),
	};

#ifdef BERTH_UNCONFINED
	puts("1..1\nok 1 # SKIP a build with sanitizers is not confined");
	return 0;
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
