/* SPDX-License-Identifier: MIT */
/* core/elf: verdicts on real programs of this machine and on broken ones. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/elf.h"
#include "tests/unit/test.h"

static char head[BERTH_ELF_HEAD], interp[BERTH_ELF_INTERP];

static size_t read_at(int fd, void *to, size_t len, uint64_t at)
{
	ssize_t got = pread(fd, to, len, (off_t)at);

	return got < 0 ? 0 : (size_t)got;
}

static enum berth_elf_verdict judge(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = read(fd, head, sizeof(head));
	enum berth_elf_verdict verdict;

	assert_true(got > 0);
	verdict = berth_elf_judge(head, (size_t)got, interp);
	verdict = berth_elf_judge_rest(verdict, head, (size_t)got, fd, read_at);
	close(fd);
	return verdict;
}

static const char *source = "";

/* Compile @source and a main function; the file's name. */
static const char *compile(const char *compiler, const char *flags)
{
	static char dir[] = "/tmp/berth-elf-XXXXXX", path[64];
	char command[512];

	if (!path[0])
		assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(command, sizeof(command),
	         "echo '%s int main(void){return 0;}' | %s %s -xc - -o %s", source, compiler, flags,
	         path);
	assert_int_equal(system(command), 0);
	return path;
}

static void forget(const char *path)
{
	char dir[64];

	unlink(path);
	snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = 0;
	rmdir(dir);
}

static void programs_are_told_apart(void **state)
{
	(void)state;
	assert_int_equal(judge("/bin/sh"), BERTH_ELF_GLIBC);
	assert_int_equal(judge(compile("gcc", "-static")), BERTH_ELF_STATIC);
	assert_int_equal(judge(compile("gcc", "-static-pie")), BERTH_ELF_STATIC);
	assert_int_equal(judge(compile("musl-gcc", "")), BERTH_ELF_MUSL);
	assert_int_equal(judge(compile("gcc", "-Wl,--dynamic-linker=/opt/other/loader.so")),
	                 BERTH_ELF_FOREIGN_LOADER);
}

static void scripts_name_their_interpreter(void **state)
{
	static const char text[] = "#! \t/usr/bin/env node\nx";

	(void)state;
	assert_int_equal(berth_elf_judge(text, sizeof(text), interp), BERTH_ELF_SCRIPT);
	assert_string_equal(interp, "/usr/bin/env");
	assert_int_equal(berth_elf_judge("#!", 2, interp), BERTH_ELF_UNKNOWN);
	assert_int_equal(berth_elf_judge("#!\n", 3, interp), BERTH_ELF_UNKNOWN);
}

static void other_kinds_by_their_header(void **state)
{
	(void)state;
	assert_int_equal(judge("/bin/sh"), BERTH_ELF_GLIBC);
	head[18] = (char)0x7e;
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_FOREIGN_MACHINE);
	head[4] = 1;
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_FOREIGN_CLASS);
	assert_int_equal(berth_elf_judge("hello", 5, interp), BERTH_ELF_UNKNOWN);
	assert_int_equal(berth_elf_judge("", 0, interp), BERTH_ELF_UNKNOWN);
}

/*
 * What a header says of its program's segments, in a program for this machine that has no other
 * fault.
 */
static void a_header_is_not_believed(void **state)
{
	(void)state;
	assert_int_equal(judge("/bin/sh"), BERTH_ELF_GLIBC);
	/* the loader's name, in the second segment, has no end */
	memset(head + 64 + 56 + 32, 0xff, 8);
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_FOREIGN_LOADER);
	memset(head + 32, 0xff, 8); /* the table lies nowhere */
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_STATIC);
	head[54] = 55; /* its entries are too short */
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_UNKNOWN);
	head[54] = 56;
	head[16] = 1; /* an object file */
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_UNKNOWN);
}

static void a_go_note_is_found(void **state)
{
	(void)state;
	assert_int_equal(judge("/bin/sh"), BERTH_ELF_GLIBC);
	/* make the second program header a note that lies in the unused tail of the page */
	head[64 + 56] = 4;
	memset(head + 64 + 56 + 8, 0, 8);
	head[64 + 56 + 9] = 0x0f; /* offset 0xf00 */
	memcpy(head + 0xf00, "\4\0\0\0\0\0\0\0\4\0\0\0Go\0\0", 16);
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_GO);
	/*
	 * behind a build id of 20 bytes, as a program that uses cgo has it; and beyond the segment
	 */
	head[64 + 56 + 32] = 52;
	memcpy(head + 0xf00, "\4\0\0\0\24\0\0\0\3\0\0\0GNU\0", 16);
	memcpy(head + 0xf00 + 36, "\4\0\0\0\0\0\0\0\4\0\0\0Go\0\0", 16);
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_GO);
	head[64 + 56 + 32] = 36;
	assert_int_equal(berth_elf_judge(head, sizeof(head), interp), BERTH_ELF_STATIC);
}

/* The build id is optional; neither a stripped program nor one without sections lacks the rest. */
static void go_is_found_without_its_note(void **state)
{
	static const char no_sections[24];
	const char *path;
	int fd;

	(void)state;
	source = "__attribute__((section(\".go.buildinfo\"))) char mark[] = \"x\";";
	assert_int_equal(judge(compile("gcc", "-s")), BERTH_ELF_GO);
	assert_int_equal(judge(compile("musl-gcc", "-s")), BERTH_ELF_GO);
	source = "char mark[5000] = {[4000] = 255, 32, 71, 111, 32, 98, 117, 105, 108, 100, 105, "
		 "110, 102, 58};"; /* "\377 Go buildinf:" */
	path = compile("gcc", "");
	assert_int_equal(judge(path), BERTH_ELF_GLIBC);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, no_sections, 8, 40), 8);
	assert_int_equal(pwrite(fd, no_sections, 6, 58), 6);
	close(fd);
	assert_int_equal(judge(path), BERTH_ELF_GO);
	source = "";
	forget(compile("gcc", ""));
}

static void every_verdict_has_a_reason(void **state)
{
	(void)state;
	for (int i = 0; i < BERTH_ELF_VERDICTS; i++)
		assert_non_null(berth_elf_reason((enum berth_elf_verdict)i));
	assert_non_null(berth_elf_reason((enum berth_elf_verdict)99));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_told_apart),
		cmocka_unit_test(scripts_name_their_interpreter),
		cmocka_unit_test(other_kinds_by_their_header),
		cmocka_unit_test(a_header_is_not_believed),
		cmocka_unit_test(a_go_note_is_found),
		cmocka_unit_test(go_is_found_without_its_note),
		cmocka_unit_test(every_verdict_has_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
