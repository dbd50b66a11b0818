/* SPDX-License-Identifier: MIT */
/*
 * Execute a command in a place where the kernel refuses some calls, as container runtimes and
 * sandboxes do: refuse PLACE COMMAND...
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANY     SCMP_A0_64(SCMP_CMP_GE, 0)
#define FLAG(n) SCMP_A0_64(SCMP_CMP_MASKED_EQ, n, n)
#define LISTENER \
	SCMP_A1_64(SCMP_CMP_MASKED_EQ, SECCOMP_FILTER_FLAG_NEW_LISTENER, \
	           SECCOMP_FILTER_FLAG_NEW_LISTENER)

/*
 * docker: its default profile without capabilities. apparmor: Ubuntu's user namespaces, without
 * rights. gvisor: what its kernel lacks.
 */
static const struct {
	const char *places;
	int call, error;
	struct scmp_arg_cmp argument;
} refusals[] = {
	{ "docker userns", SCMP_SYS(clone), EPERM, FLAG(CLONE_NEWUSER) },
	{ "docker userns", SCMP_SYS(clone3), ENOSYS, ANY },
	{ "docker userns", SCMP_SYS(unshare), EPERM, FLAG(CLONE_NEWUSER) },
	{ "docker", SCMP_SYS(clone), EPERM, FLAG(CLONE_NEWPID) },
	{ "docker", SCMP_SYS(unshare), EPERM, ANY },
	{ "docker", SCMP_SYS(setns), EPERM, ANY },
	{ "docker", SCMP_SYS(mount), EPERM, ANY },
	{ "apparmor", SCMP_SYS(mount), EACCES, ANY },
	{ "docker", SCMP_SYS(umount2), EPERM, ANY },
	{ "docker gvisor", SCMP_SYS(open_tree), ENOSYS, ANY },
	{ "docker gvisor", SCMP_SYS(move_mount), ENOSYS, ANY },
	{ "docker gvisor", SCMP_SYS(fsopen), ENOSYS, ANY },
	{ "docker gvisor", SCMP_SYS(io_uring_setup), ENOSYS, ANY },
	{ "docker gvisor", SCMP_SYS(perf_event_open), ENOSYS, ANY },
	{ "docker bpf", SCMP_SYS(bpf), EPERM, ANY },
	{ "gvisor", SCMP_SYS(bpf), ENOSYS, ANY },
	{ "gvisor notify", SCMP_SYS(seccomp), EINVAL, LISTENER },
	{ "gvisor", SCMP_SYS(pidfd_getfd), ENOSYS, ANY },
	{ "gvisor", SCMP_SYS(socket), EPROTONOSUPPORT, SCMP_A2_64(SCMP_CMP_EQ, NETLINK_SOCK_DIAG) },
};

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	size_t rules = 0;

	for (size_t i = 0; argc > 2 && i < sizeof(refusals) / sizeof(*refusals); i++) {
		if (!strstr(refusals[i].places, argv[1]))
			continue;
		rules++;
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refusals[i].error),
		                     refusals[i].call, 1, refusals[i].argument))
			return 125;
	}
	if (!rules || seccomp_load(filter)) {
		fprintf(stderr,
		        "usage: refuse docker|userns|apparmor|bpf|gvisor|notify COMMAND...\n");
		return 125;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
