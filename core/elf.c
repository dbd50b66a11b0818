/* SPDX-License-Identifier: MIT */
/*
 * Reads as much of an ELF file (elf(5)) as tells whether LD_PRELOAD works in it. Each read is
 * checked against the bytes at hand, because the file may be anything. Linkers write program
 * headers, PT_INTERP and PT_NOTE into the first page; beyond it only the mark of Go is looked for.
 */
#include "core/elf.h"

enum { CLASS_64 = 2, TYPE_EXEC = 2, TYPE_DYN = 3, PT_LOAD_ = 1, PT_INTERP_ = 3, PT_NOTE_ = 4 };
enum { EHDR_SIZE = 64, PHDR_SIZE = 56, SHDR_SIZE = 64, NOTES_MAX = 16, WRITABLE = 2 };
enum { PART = 1024, NAMES_MAX = 64 * 1024, SEGMENT_MAX = 1024 * 1024 };
#if defined(__x86_64__)
enum { OWN_MACHINE = 62 };
#elif defined(__aarch64__)
enum { OWN_MACHINE = 183 };
#elif defined(__riscv)
enum { OWN_MACHINE = 243 };
#else
#error "name this machine's e_machine, elf(5)"
#endif

struct head {
	const uint8_t *byte;
	size_t len;
};

/* A little-endian number of @width bytes; 0 beyond the end. */
static uint64_t number(const struct head *head, uint64_t at, unsigned int width)
{
	uint64_t value = 0;

	if (at > head->len || width > head->len - at)
		return 0;
	for (unsigned int i = width; i-- > 0;)
		value = value << 8 | head->byte[at + i];
	return value;
}

static bool has(const struct head *head, uint64_t at, const char *text, size_t len)
{
	return at <= head->len && len <= head->len - at &&
	       !__builtin_memcmp(head->byte + at, text, len);
}

static bool contains(const struct head *head, uint64_t at, uint64_t len, const char *text,
                     size_t text_len)
{
	for (uint64_t i = 0; i + text_len <= len; i++)
		if (has(head, at + i, text, text_len))
			return true;
	return false;
}

static enum berth_elf_verdict judge_loader(const struct head *head, uint64_t at, uint64_t len)
{
	if (len > 256)
		return BERTH_ELF_FOREIGN_LOADER;
	if (contains(head, at, len, "/ld-musl-", 9))
		return BERTH_ELF_MUSL;
	/* ld-linux-x86-64.so.2, ld-linux-aarch64.so.1; Nix and others move the directory only */
	if (contains(head, at, len, "/ld-linux", 9))
		return BERTH_ELF_GLIBC;
	return BERTH_ELF_FOREIGN_LOADER;
}

/*
 * The linker of Go puts its note first. The system's linker, which links programs with cgo, puts
 * its own notes before it in the same segment. A note is: length of its name, length of its text,
 * type (4: Go build id), name, text; both padded to four bytes.
 */
static bool has_go_note(const struct head *head, uint64_t at, uint64_t len)
{
	uint64_t end = at + len;

	for (int i = 0; i < NOTES_MAX && len <= head->len && at + 12 <= end; i++) {
		if (number(head, at + 8, 4) == 4 && has(head, at + 12, "Go\0", 4))
			return true;
		at += 12 + ((number(head, at, 4) + 3) & ~3ull) +
		      ((number(head, at + 4, 4) + 3) & ~3ull);
	}
	return false;
}

static enum berth_elf_verdict judge_segments(const struct head *head)
{
	uint64_t table = number(head, 32, 8);
	uint64_t size = number(head, 54, 2);
	uint64_t count = number(head, 56, 2);
	enum berth_elf_verdict verdict = BERTH_ELF_STATIC;

	if (size < PHDR_SIZE)
		return BERTH_ELF_UNKNOWN;
	for (uint64_t i = 0; i < count && i < 64; i++) {
		uint64_t at = table + i * size;
		uint64_t type = number(head, at, 4);
		uint64_t offset = number(head, at + 8, 8);
		uint64_t len = number(head, at + 32, 8);

		if (type == PT_INTERP_)
			verdict = judge_loader(head, offset, len);
		else if (type == PT_NOTE_ && has_go_note(head, offset, len))
			return BERTH_ELF_GO;
	}
	return verdict;
}

static enum berth_elf_verdict judge_script(const struct head *head, char *ret_interp)
{
	size_t at = 2, out = 0;

	while (at < head->len && (head->byte[at] == ' ' || head->byte[at] == '\t'))
		at++;
	while (at < head->len && out < BERTH_ELF_INTERP - 1 && head->byte[at] > ' ')
		ret_interp[out++] = (char)head->byte[at++];
	ret_interp[out] = 0;
	return out ? BERTH_ELF_SCRIPT : BERTH_ELF_UNKNOWN;
}

enum berth_elf_verdict berth_elf_judge(const void *bytes, size_t len, char *ret_interp)
{
	struct head head = { bytes, len < BERTH_ELF_HEAD ? len : BERTH_ELF_HEAD };
	uint64_t type;

	if (has(&head, 0, "#!", 2))
		return judge_script(&head, ret_interp);
	if (!has(&head, 0, "\177ELF", 4) || head.len < EHDR_SIZE)
		return BERTH_ELF_UNKNOWN;
	if (head.byte[4] != CLASS_64)
		return BERTH_ELF_FOREIGN_CLASS;
	type = number(&head, 16, 2);
	if (type != TYPE_EXEC && type != TYPE_DYN)
		return BERTH_ELF_UNKNOWN;
	if (number(&head, 18, 2) != OWN_MACHINE)
		return BERTH_ELF_FOREIGN_MACHINE;
	return judge_segments(&head);
}

/* contains(), in the file: at most @max of the @len bytes at @at. */
static bool file_contains(int fd, berth_elf_read_fn read, uint64_t at, uint64_t len, uint64_t max,
                          const char *text, size_t text_len)
{
	uint8_t part[PART];

	for (len = len < max ? len : max; len >= text_len;) {
		size_t want = len < PART ? (size_t)len : PART;
		struct head head = { part, read(fd, part, want, at) };

		if (contains(&head, 0, head.len, text, text_len))
			return true;
		if (head.len < want || head.len == len)
			return false;
		at += head.len - (text_len - 1); /* it may lie across two parts */
		len -= head.len - (text_len - 1);
	}
	return false;
}

/* As debug/buildinfo of Go does: by the section's name; without sections, in the data. */
enum berth_elf_verdict berth_elf_judge_rest(enum berth_elf_verdict verdict, const void *bytes,
                                            size_t len, int fd, berth_elf_read_fn read)
{
	static const char name[] = ".go.buildinfo", magic[] = "\377 Go buildinf:";
	struct head head = { bytes, len }, names;
	uint64_t sections = number(&head, 40, 8), count = number(&head, 60, 2);
	uint8_t header[SHDR_SIZE];

	if (verdict != BERTH_ELF_GLIBC && verdict != BERTH_ELF_MUSL)
		return verdict;
	if (sections && count) {
		names = (struct head){ header, read(fd, header, SHDR_SIZE,
			                            sections + number(&head, 62, 2) * SHDR_SIZE) };
		return file_contains(fd, read, number(&names, 24, 8), number(&names, 32, 8),
		                     NAMES_MAX, name, sizeof(name))
		               ? BERTH_ELF_GO
		               : verdict;
	}
	count = number(&head, 56, 2);
	for (uint64_t i = 0, at = number(&head, 32, 8); i < count && i < 64; i++, at += PHDR_SIZE)
		if (number(&head, at, 4) == PT_LOAD_ && number(&head, at + 4, 4) & WRITABLE &&
		    file_contains(fd, read, number(&head, at + 8, 8), number(&head, at + 32, 8),
		                  SEGMENT_MAX, magic, sizeof(magic) - 1))
			return BERTH_ELF_GO;
	return verdict;
}

const char *berth_elf_reason(enum berth_elf_verdict verdict)
{
	static const char *const reasons[BERTH_ELF_VERDICTS] = {
		[BERTH_ELF_GLIBC] = "is dynamically linked to glibc",
		[BERTH_ELF_MUSL] = "is dynamically linked to musl",
		[BERTH_ELF_SCRIPT] = "is a script",
		[BERTH_ELF_UNKNOWN] = "is not a program that Berth can read",
		[BERTH_ELF_STATIC] = "is statically linked",
		[BERTH_ELF_GO] = "is a Go program, which makes its system calls without libc",
		[BERTH_ELF_FOREIGN_CLASS] = "is a 32-bit program",
		[BERTH_ELF_FOREIGN_MACHINE] = "is built for another processor",
		[BERTH_ELF_FOREIGN_LOADER] = "uses a loader that is neither glibc's nor musl's",
		[BERTH_ELF_SECURE] = "is set-user-id, set-group-id or has file capabilities",
		[BERTH_ELF_UNREADABLE] = "may be executed, but not read",
		[BERTH_ELF_HIDDEN] = "runs where the shim or the port map cannot be read",
	};

	return (unsigned int)verdict < BERTH_ELF_VERDICTS ? reasons[verdict] : "is unknown";
}
