# shim: libberth.so. It names no library that it needs, so that one file loads into glibc and musl
# programs alike: the program's libc has what it uses (dlsym, errno, environ, memcpy). Never
# instrumented by a sanitizer, because it is loaded into programs that are not. m=cov counts its
# lines; that build does not load into musl programs.
SHIM_SRC	:= $(wildcard shim/*.c) $(patsubst %,core/%.c,abstract addr elf launch policy portmap procnet)
SHIM_OBJ	:= $(SHIM_SRC:%.c=$(O)/shim-so/%.o)
SHIM_CFLAGS	:= -std=gnu11 -I. -MMD -MP -O2 -g -fPIC -fvisibility=hidden \
		   -fno-stack-protector -fno-plt $(WARNINGS)
# on arm64 compilers put atomics into libgcc, which a program may not have
SHIM_CFLAGS	+= $(if $(filter aarch64%,$(shell $(CC) -dumpmachine)),-mno-outline-atomics)
# noseparate-code: two mappings instead of four, a third of what every exec pays for the library
SHIM_LDFLAGS	:= -shared -nostdlib -Wl,-z,noseparate-code -Wl,-z,now -Wl,-z,relro \
		   -Wl,-z,nodelete -Wl,-soname,libberth.so
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

# Reporters: plugins of test runners that report which test runs.
REPORTERS	:= $(filter-out %.md,$(wildcard shim/reporters/*))
REPORTERS	:= $(REPORTERS:shim/%=$(O)/share/berth/%)

all: $(REPORTERS)

$(O)/share/berth/reporters/%: shim/reporters/%
	@mkdir -p $(@D)
	$(call quiet,COPY)cp $< $@
