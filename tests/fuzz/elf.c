/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as the head of a program: a verdict, never a read out of bounds, and an interpreter
 * that ends.
 */
#include "core/elf.c"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *exact = malloc(size ? size : 1);
	char interp[BERTH_ELF_INTERP];
	enum berth_elf_verdict verdict;

	memcpy(exact, data, size);
	verdict = berth_elf_judge(exact, size, interp);
	if (verdict >= BERTH_ELF_VERDICTS || verdict == BERTH_ELF_SECURE)
		abort();
	if (verdict == BERTH_ELF_SCRIPT && (!interp[0] || strlen(interp) >= sizeof(interp)))
		abort();
	free(exact);
	return 0;
}
