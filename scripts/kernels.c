/* SPDX-License-Identifier: MIT */
/*
 * Process 1 of the machine that scripts/kernels boots: load the modules /0.ko, /1.ko ..., make the
 * host's root with a tmpfs above it the root, run the command in argv, and turn the machine off.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	perror(what);
	sleep(1);
	reboot(RB_AUTOBOOT); /* under qemu -no-reboot: the end */
}

static void load_modules(void)
{
	for (int i = 0;; i++) {
		char path[16];
		int fd;

		snprintf(path, sizeof(path), "/%d.ko", i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return;
		if (syscall(SYS_finit_module, fd, "", 0))
			perror(path);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	int status = 0;
	pid_t pid;

	(void)argc;
	load_modules();
	must(mount("host", "/lower", "9p", MS_RDONLY,
	           "trans=virtio,version=9p2000.L,cache=loose,msize=512000"),
	     "9p");
	must(mount("above", "/above", "tmpfs", 0, ""), "tmpfs");
	must(mkdir("/above/upper", 0755), "mkdir");
	must(mkdir("/above/work", 0755), "mkdir");
	must(mount("root", "/root", "overlay", 0,
	           "lowerdir=/lower,upperdir=/above/upper,workdir=/above/work"),
	     "overlay");
	must(mount("dev", "/root/dev", "devtmpfs", 0, ""), "devtmpfs");
	must(mount("proc", "/root/proc", "proc", 0, ""), "proc");
	must(mount("sys", "/root/sys", "sysfs", 0, ""), "sysfs");
	must(chdir("/root"), "chdir");
	must(mount(".", "/", NULL, MS_MOVE, NULL), "move");
	must(chroot("."), "chroot");
	pid = fork();
	if (!pid) {
		setsid();
		execv(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	while (waitpid(-1, &status, 0) != pid)
		;
	printf("exit status %d\n", WEXITSTATUS(status));
	fflush(stdout);
	sleep(1);
	reboot(RB_AUTOBOOT);
	return 1;
}
