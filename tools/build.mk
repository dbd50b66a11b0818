# tools: the `berth` command, one program from the sources of all modules.
TOOLS_SRC	:= $(filter-out $(TOOLS_LEFT_OUT),$(wildcard tools/*/*.c tools/*/*/*.c))
TOOLS_SRC	:= $(filter-out tools/isolate/launch.c,$(TOOLS_SRC))
TOOLS_OBJ	:= $(TOOLS_SRC:%.c=$(O)/%.o)
# libpq, OpenSSL, sqlite and libdw are loaded when they are needed: tools/base/library.h
TOOLS_LIBS	:= -lseccomp -lbpf -lyaml -ljansson -lexpat -lcap -lm -lpthread
BERTH		:= $(O)/bin/berth

BASE_CFLAGS	+= -I/usr/include/postgresql

all: $(BERTH)

$(BERTH): $(TOOLS_OBJ) $(CORE_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(OPTIMIZE) $(LDFLAGS) $^ $(TOOLS_LIBS) -o $@

# `berth help agents` prints that page.
$(O)/tools/cli/help/help.o: $(O)/gen/agents.h
$(O)/gen/agents.h: docs/agents.md
	@mkdir -p $(@D)
	$(call quiet,GEN)sed '1d; s/[\\"]/\\&/g; s/.*/"&",/' $< >$@

# The same for `make dist`: whatever has a static archive is inside.
$(O)/dist/berth: $(TOOLS_OBJ) $(CORE_OBJ) scripts/dist.c
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(OPTIMIZE) -D_GNU_SOURCE $(WARNINGS) $(LDFLAGS) $^ -Wl,-Bstatic \
		$(filter-out -lpthread,$(TOOLS_LIBS)) -lelf -lz -Wl,-Bdynamic -s -o $@

# The launcher starts other people's programs: static, small, never instrumented.
LAUNCHER	:= $(O)/lib/berth/berth-launch

all: $(LAUNCHER)

$(LAUNCHER): tools/isolate/launch.c tools/isolate/seccomp/install.c core/launch.c core/portmap.c
	@mkdir -p $(@D)
	$(call quiet,LAUNCH)$(CC) -std=gnu11 -I. -D_GNU_SOURCE $(WARNINGS) -O2 -g -static $^ -o $@
