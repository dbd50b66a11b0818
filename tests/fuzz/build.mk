# tests/fuzz: every .c is a libFuzzer target that includes the source it fuzzes. What that needs comes
# from an archive, so that each file is compiled once.
# `make fuzz` runs each for FUZZ_SECONDS on its corpus (tests/fuzz/corpus/NAME, if there is one);
# crashes stay in .out/fuzz.
FUZZ		:= $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_FLAGS	:= -std=gnu11 -g -O1 -I. -I$(O)/gen -I/usr/include/postgresql -D_GNU_SOURCE \
		   -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
FUZZ_SECONDS	?= 20
FUZZ_OBJ	:= $(patsubst %.c,$(O)/fuzz/%.o,$(wildcard tools/base/*.c tools/process/*.c \
		   tools/report/*.c tools/report/history/*.c tools/cli/settings/*.c) \
		   tools/db/common/url.c tools/db/common/dotenv.c tools/run/options.c \
		   tools/run/tasks/shard.c)

$(O)/fuzz/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CLANG) $(FUZZ_FLAGS) -MMD -c $< -o $@

$(O)/fuzz/tools.a: $(FUZZ_OBJ)
	$(call quiet,AR)rm -f $@; $(AR) rcs $@ $^

$(O)/fuzz/%: $(O)/fuzz/tests/fuzz/%.o $(O)/fuzz/tools.a
	$(call quiet,FUZZ)$(CLANG) $(FUZZ_FLAGS) $^ $(TOOLS_LIBS) -o $@

.SECONDARY: $(FUZZ:$(O)/fuzz/%=$(O)/fuzz/tests/fuzz/%.o)
-include $(FUZZ_OBJ:.o=.d) $(FUZZ:$(O)/fuzz/%=$(O)/fuzz/tests/fuzz/%.d)

## make fuzz		run every fuzzer for FUZZ_SECONDS (20)
fuzz: $(FUZZ)
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(FUZZ)
