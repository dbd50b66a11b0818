/* SPDX-License-Identifier: MIT */
/*
 * An exec that fails says why, leaves the process as it was, and costs no descriptor: every member
 * of the family.
 */
#include "t.h"
#include <elf.h>
#include <sys/stat.h>
#include <sys/syscall.h>

enum { PORT = 4950 };

static char *no_argv[] = { (char *)"x", NULL }, *no_env[] = { (char *)"COLOUR=green", NULL };
static char *preloads[] = { (char *)"LD_PRELOAD=/no/such.so:/no/other.so",
	                    (char *)"ASAN_OPTIONS=a=b:verify_asan_link_order=1", NULL };
static char *const *volatile nowhere = (char *const *)16;
static char place[] = "/tmp/exec-fails-XXXXXX";

static const char *in_place(const char *name)
{
	static char path[4][128];
	static int next;
	char *to = path[next++ % 4];

	snprintf(to, sizeof(path[0]), "%s/%s", place, name);
	return to;
}

static void make_of(const char *name, const void *content, size_t len, mode_t mode)
{
	int fd = (int)MUST(open(in_place(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));

	MUST(write(fd, content, len));
	MUST(fchmod(fd, mode));
	close(fd);
}

static void make(const char *name, const char *content, mode_t mode)
{
	make_of(name, content, strlen(content), mode);
}

/* A program without a loader, which no preload enters. */
static void make_static(const char *name, mode_t mode)
{
	const struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment;
	} program = {
		{ .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
		               EV_CURRENT },
		  .e_type = ET_EXEC,
		  .e_machine = EM_X86_64,
		  .e_version = EV_CURRENT,
		  .e_phoff = sizeof(Elf64_Ehdr),
		  .e_ehsize = sizeof(Elf64_Ehdr),
		  .e_phentsize = sizeof(Elf64_Phdr),
		  .e_phnum = 1 },
		{ .p_type = PT_LOAD,
		  .p_flags = PF_R,
		  .p_vaddr = 0x400000,
		  .p_filesz = 120,
		  .p_memsz = 120,
		  .p_align = 4096 },
	};

	make_of(name, &program, sizeof(program), mode);
}

/* Each member of the family, with a path. */
static void all_fail(int error, const char *name)
{
	const char *path = in_place(name);
	int dir = (int)MUST(open(place, O_PATH | O_CLOEXEC)), fd = open(path, O_PATH | O_CLOEXEC);

	say("%s\n", name);
	FAILS(error, execv(path, no_argv));
	FAILS(error, execve(path, no_argv, no_env));
	FAILS(error, execl(path, "x", NULL));
	FAILS(error, execle(path, "x", NULL, no_env));
	FAILS(error, execveat(dir, name, no_argv, no_env, 0));
	FAILS(error, (int)syscall(SYS_execve, path, no_argv, no_env));
	FAILS(error, (int)syscall(SYS_execveat, dir, name, no_argv, no_env, 0));
	if (fd >= 0) {
		FAILS(error, execveat(fd, "", no_argv, no_env, AT_EMPTY_PATH));
		FAILS(error, fexecve(fd, no_argv, no_env));
	}
	close(fd);
	close(dir);
}

static void by_name(void)
{
	FAILS(ENOENT, execvp("no-such-program", no_argv));
	FAILS(ENOENT, execvpe("no-such-program", no_argv, no_env));
	FAILS(ENOENT, execlp("no-such-program", "x", NULL));
	FAILS(ENOENT, execvp("", no_argv));
	FAILS(EACCES, execvp("not-executable", no_argv));
	FAILS(EACCES, execvp(in_place("not-executable"), no_argv));
	MUST(unsetenv("PATH"));
	FAILS(ENOENT, execvp("no-such-program", no_argv));
	MUST(setenv("PATH", "", 1));
	FAILS(ENOENT, execlp("no-such-program", "x", NULL));
}

int main(void)
{
	static const char *const made[] = {
		"not-executable", "no-format", "short-elf", "no-interpreter",
		"empty",          "static",    "loop"
	};
	int before, after;

	MUST(mkdtemp(place) ? 0 : -1);
	before = (int)MUST(open("/", O_RDONLY | O_CLOEXEC));
	make("not-executable", "\177ELF", 0600);
	make("no-format", "neither a program nor a script\n", 0700);
	make("short-elf", "\177ELF\2\1\1", 0700);
	make("no-interpreter", "#!/no/such/interpreter\n", 0700);
	make("empty", "", 0700);
	make_static("static", 0600);
	MUST(symlink("loop", in_place("loop")));
	all_fail(ENOENT, "missing");
	all_fail(EACCES, "not-executable");
	all_fail(EACCES, "static");
	all_fail(EACCES, ".");
	all_fail(ENOEXEC, "no-format");
	all_fail(ENOEXEC, "short-elf");
	all_fail(ENOEXEC, "empty");
	all_fail(ENOTDIR, "empty/below");
	FAILS(ENOENT, execv(in_place("no-interpreter"), no_argv));
	FAILS(ELOOP, execv(in_place("loop"), no_argv));
	FAILS(EINVAL, fexecve(-1, no_argv, no_env));
	FAILS(ENOENT, execve(in_place("missing"), no_argv, preloads));
	FAILS(EFAULT, execve("/bin/true", nowhere, no_env));
	FAILS(EFAULT, execve("/bin/true", no_argv, nowhere));
	MUST(setenv("PATH", place, 1));
	by_name();
	after = (int)MUST(open("/", O_RDONLY | O_CLOEXEC));
	EQ(before + 1, after);
	round_trip("127.0.0.1", PORT); /* all is as before */
	for (size_t i = 0; i < sizeof(made) / sizeof(*made); i++)
		MUST(unlink(in_place(made[i])));
	return rmdir(place);
}
