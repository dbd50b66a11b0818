# SPDX-License-Identifier: MIT
# tests/fuzz: each NAME.c includes what it fuzzes. FUZZ_SECONDS each; new inputs go to $(O)/fuzz/NAME.corpus.
FUZZ_SECONDS	?= 30
FUZZ_NAMES	:= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

## make fuzz		run every fuzzer for FUZZ_SECONDS (30)
fuzz: $(FUZZ_NAMES:%=fuzz-%)
.PHONY: $(FUZZ_NAMES:%=fuzz-%)

fuzz-%: $(O)/fuzz/%
	@mkdir -p $<.corpus
	$< -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -artifact_prefix=$(O)/fuzz/ $<.corpus $(wildcard tests/fuzz/corpus/$*)

$(O)/fuzz/%: tests/fuzz/%.c $(wildcard tools/pg/*.[ch] tools/base/*.[ch])
	@mkdir -p $(@D)
	$(call quiet,FUZZ)$(CLANG) -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -std=gnu11 -I. $< -o $@
