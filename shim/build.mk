# shim: libberth.so. It names no library that it needs, so that one file loads into glibc and musl programs alike: what it
# uses (dlsym, errno, environ, memcpy) the program's own libc has. Never instrumented by a sanitizer, in any mode: it is
# loaded into programs that are not. m=cov counts its lines, which costs the promise to musl there.
SHIM_SRC	:= $(wildcard shim/*.c) core/addr.c core/elf.c core/launch.c core/policy.c core/portmap.c core/procnet.c
SHIM_OBJ	:= $(SHIM_SRC:%.c=$(O)/shim-so/%.o)
SHIM_CFLAGS	:= -std=gnu11 -I. -MMD -MP -O2 -g -fPIC -fvisibility=hidden -fno-stack-protector -fno-plt $(WARNINGS)
# on arm64 compilers put atomics into libgcc, which no program need have
SHIM_CFLAGS	+= $(if $(filter aarch64%,$(shell $(CC) -dumpmachine)),-mno-outline-atomics)
# noseparate-code: two mappings instead of four, a third of what every exec pays for the library
SHIM_LDFLAGS	:= -shared -nostdlib -Wl,-z,noseparate-code -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-soname,libberth.so
SHIM		:= $(O)/lib/berth/libberth.so

ifeq ($m,cov)
SHIM_CFLAGS	+= -O1 --coverage -fprofile-update=atomic
SHIM_LDFLAGS	:= $(filter-out -nostdlib,$(SHIM_LDFLAGS)) --coverage
endif

all: $(SHIM)

$(O)/shim-so/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(SHIM_CFLAGS) -c $< -o $@

$(SHIM): $(SHIM_OBJ)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(SHIM_LDFLAGS) $^ -o $@

# Reporters: they tell which test runs, from inside the suite's runner.
REPORTERS	:= $(patsubst shim/%,$(O)/share/berth/%,$(wildcard shim/reporters/*))

all: $(REPORTERS)

$(O)/share/berth/reporters/%: shim/reporters/%
	@mkdir -p $(@D)
	$(call quiet,COPY)cp $< $@
