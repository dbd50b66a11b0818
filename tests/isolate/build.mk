# SPDX-License-Identifier: MIT
# tests/isolate: a driver that starts programs under one backend, and the programs that it starts.
# Those are a user's programs, dynamic and static, never instrumented.
ISOLATE_OBJ	:= $(CORE_OBJ) $(patsubst %.c,$(O)/%.o,$(filter tools/base/% tools/process/% tools/isolate/% tools/ports/%,$(TOOLS_SRC)))
ISOLATE_DRIVER	:= $(O)/tests/isolate/driver
ISOLATE_NAMES	:= $(patsubst tests/isolate/programs/%.c,%,$(wildcard tests/isolate/programs/*.c))
ISOLATE_PROGRAM	= $(call quiet,TEST)mkdir -p $(@D) && $(1) -std=gnu11 -D_GNU_SOURCE -O1 $(WARNINGS) -o $@ $< -pthread
TESTS		+= $(ISOLATE_DRIVER) $(O)/tests/isolate/loader $(O)/tests/isolate/refuse $(SHIM_STATIC_TESTS) $(ISOLATE_NAMES:%=$(O)/tests/isolate/%) \
		   $(ISOLATE_NAMES:%=$(O)/tests/isolate/%-static)

$(ISOLATE_DRIVER): $(O)/tests/isolate/driver.o $(ISOLATE_OBJ)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@

$(O)/tests/isolate/loader: $(O)/tests/isolate/loader.o
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -lbpf -o $@

$(O)/tests/isolate/refuse: $(O)/tests/isolate/refuse.o
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ -lseccomp -o $@

$(ISOLATE_NAMES:%=$(O)/tests/isolate/%): $(O)/tests/isolate/%: tests/isolate/programs/%.c
	$(call ISOLATE_PROGRAM,$(CC)) $(LIBS)

$(ISOLATE_NAMES:%=$(O)/tests/isolate/%-static): $(O)/tests/isolate/%-static: tests/isolate/programs/%.c
	$(call ISOLATE_PROGRAM,$(CC) -static) $(LIBS)

$(O)/tests/isolate/uring $(O)/tests/isolate/uring-static: private LIBS = -luring

# With musl's compiler the static C program of the tests is a musl one as well; with Go there is one
# in Go.
ifneq ($(shell command -v musl-gcc),)
TESTS		+= $(O)/tests/isolate/stress-musl
$(O)/tests/isolate/stress-musl: tests/isolate/programs/stress.c
	$(call ISOLATE_PROGRAM,musl-gcc -static)
endif
ifneq ($(shell command -v go),)
# web-pie looks like a program that is linked to libc: it has a loader and no build id
TESTS		+= $(O)/tests/isolate/web $(O)/tests/isolate/web-pie
$(O)/tests/isolate/web-pie: private GO_FLAGS = -buildmode=pie -ldflags=-buildid=
$(O)/tests/isolate/web $(O)/tests/isolate/web-pie: tests/isolate/programs/web.go
	$(call quiet,GO)GOCACHE=$(abspath $(O))/go GO111MODULE=off CGO_ENABLED=0 go build $(GO_FLAGS) -o $@ $<
endif
