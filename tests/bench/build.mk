# tests/bench: programs that measure one thing each, and the scripts that compare; tests/bench/run prints it all
BENCH	:= $(patsubst %.c,$(O)/%,$(wildcard tests/bench/*.c))

$(BENCH): $(O)/tests/bench/%: $(O)/tests/bench/%.o
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -o $@

# what the shim cannot enter, for the kernel backends
$(O)/tests/bench/calls-static: tests/bench/calls.c
	$(call quiet,TEST)mkdir -p $(@D) && $(CC) -std=gnu11 -D_GNU_SOURCE -I. -O2 -static -o $@ $<

## make bench		print the numbers of docs/benchmarks.md
bench: all tests $(BENCH) $(O)/tests/bench/calls-static
	tests/bench/run
