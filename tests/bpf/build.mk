# SPDX-License-Identifier: MIT
# tests/bpf: the monitor against programs that say what they did. driver watches, oracle is watched; findings.sh compares;
# beyond.sh does for what is neither TCP nor a system call; equal.sh holds the monitor against strace, ss and /proc, on the
# programs of mixed/
BPF_TEST_OBJ	:= $(filter $(O)/tools/watch/% $(O)/tools/base/% $(O)/tools/process/%,$(TOOLS_OBJ))
BPF_TESTS	:= $(O)/tests/bpf/driver $(O)/tests/bpf/oracle $(O)/tests/bpf/oracle-static $(O)/tests/bpf/oracle-bare $(O)/tests/bpf/beyond
TESTS		+= $(BPF_TESTS)

$(O)/tests/bpf/driver: $(O)/tests/bpf/driver.o $(BPF_TEST_OBJ) $(CORE_OBJ)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -lbpf -lelf -ljansson -lcap -o $@

# a user's program: never instrumented, with debug information, because its stack is part of what is compared
$(O)/tests/bpf/oracle: tests/bpf/oracle.c
	$(call quiet,TEST)mkdir -p $(@D) && $(CC) -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-inline $(WARNINGS) -pthread -o $@ $<

$(O)/tests/bpf/oracle-static: tests/bpf/oracle.c
	$(call quiet,TEST)mkdir -p $(@D) && $(CC) -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-inline $(WARNINGS) -pthread -static -o $@ $<

# as most programs are built: the walk of its stack ends at the C library
$(O)/tests/bpf/oracle-bare: tests/bpf/oracle.c
	$(call quiet,TEST)mkdir -p $(@D) && $(CC) -std=gnu11 -g -O2 -fomit-frame-pointer -fno-inline $(WARNINGS) -pthread -o $@ $<

$(O)/tests/bpf/beyond: tests/bpf/beyond.c
	$(call quiet,TEST)mkdir -p $(@D) && $(CC) -std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-inline $(WARNINGS) -o $@ $< -luring
