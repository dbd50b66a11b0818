# tests/fuzz: every .c is a libFuzzer target that includes the source it fuzzes and is linked to tools/base.
# `make fuzz` runs each for FUZZ_SECONDS on its corpus (tests/fuzz/corpus/NAME, if there is one); crashes stay in .out/fuzz.
FUZZ		:= $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS	:= -std=gnu11 -g -O1 -I. -I$(O)/gen -I/usr/include/postgresql -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined \
		   -fno-sanitize-recover=undefined
FUZZ_SECONDS	?= 20

$(O)/fuzz/%: tests/fuzz/%.c $(wildcard core/*.[ch] tools/*/*.[ch] tools/*/*/*.[ch])
	@mkdir -p $(@D)
	$(call quiet,FUZZ)$(CLANG) $(FUZZ_FLAGS) $< $(FUZZ_MORE) $(wildcard tools/base/*.c tools/process/*.c) $(TOOLS_LIBS) -o $@

# these files share too many names to be included in one file
$(O)/fuzz/report: private FUZZ_MORE = $(wildcard tools/report/*.c tools/report/history/*.c)
$(O)/fuzz/config: private FUZZ_MORE = $(filter-out %/lint.c,$(wildcard tools/cli/settings/*.c)) \
	tools/db/common/url.c tools/db/common/dotenv.c tools/run/options.c tools/run/tasks/shard.c

## make fuzz		run every fuzzer for FUZZ_SECONDS (20)
fuzz: $(FUZZ)
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ)
