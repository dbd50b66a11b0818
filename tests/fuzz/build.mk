# SPDX-License-Identifier: MIT
# tests/fuzz: every .c is a libFuzzer program with a corpus in the folder of its name; `make fuzz` runs each for FUZZ_SECONDS
FUZZ_SECONDS	?= 20
FUZZ_SRC	:= $(wildcard tests/fuzz/*.c)
FUZZ		:= $(FUZZ_SRC:%.c=$(O)/%)
FUZZ_OBJ	:= $(patsubst %.c,$(O)/fuzz/%.o,$(filter-out tools/cli/main.c,$(TOOLS_SRC)) $(CORE_SRC))
FUZZ_FLAGS	:= -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined

$(O)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CLANG)$(CLANG) $(filter-out -O2,$(BASE_CFLAGS)) $(FUZZ_FLAGS) $(CFLAGS) -c $< -o $@

$(FUZZ): $(O)/tests/fuzz/%: $(O)/fuzz/tests/fuzz/%.o $(FUZZ_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CLANG) -fsanitize=fuzzer,address,undefined $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@

## make fuzz		run every fuzzer for FUZZ_SECONDS
fuzz: $(FUZZ)
	@for fuzzer in $(FUZZ); do \
		name=$${fuzzer##*/}; found=$(O)/fuzz/corpus/$$name; mkdir -p $$found; echo "fuzz $$name"; \
		$$fuzzer -max_total_time=$(FUZZ_SECONDS) -timeout=5 -print_final_stats=0 -verbosity=0 \
			-artifact_prefix=$(O)/fuzz/$$name- $$found tests/fuzz/$$name || exit 1; \
	done
