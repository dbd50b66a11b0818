# tests/bench: programs that measure one thing each; tests/bench/run compares them
BENCH	:= $(patsubst %.c,$(O)/%,$(wildcard tests/bench/*.c))

$(BENCH): $(O)/tests/bench/%: $(O)/tests/bench/%.o
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -o $@

## make bench		print the numbers of docs/benchmarks.md
bench: all $(BENCH)
	tests/bench/run
