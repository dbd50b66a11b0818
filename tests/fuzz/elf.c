/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the head of a program: a verdict, never a read out of bounds, and an interpreter
 * that ends.
 */
#include "core/elf.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *file;
static size_t file_size;

static size_t read_at(int fd, void *to, size_t len, uint64_t at)
{
	(void)fd;
	if (at >= file_size)
		return 0;
	len = len < file_size - at ? len : file_size - at;
	memcpy(to, file + at, len);
	return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	char interp[BERTH_ELF_INTERP];
	enum berth_elf_verdict verdict;

	memcpy(exact, data, size);
	verdict = berth_elf_judge(exact, size, interp);
	file = data;
	file_size = size;
	verdict = berth_elf_judge_rest(verdict, exact, size, 0, read_at);
	if (verdict >= BERTH_ELF_VERDICTS || verdict == BERTH_ELF_SECURE)
		abort();
	if (verdict == BERTH_ELF_SCRIPT && (!interp[0] || strlen(interp) >= sizeof(interp)))
		abort();
	free(exact);
	return 0;
}
