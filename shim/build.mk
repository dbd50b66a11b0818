# shim: libberth.so for glibc, and for musl where musl-gcc is installed. Never instrumented by a sanitizer: it is loaded
# into programs that are not.
SHIM_SRC	:= $(wildcard shim/*.c) core/addr.c core/elf.c core/portmap.c
SHIM_CFLAGS	:= -std=gnu11 -I. -MMD -MP -O2 -g -fPIC -fvisibility=hidden -fno-stack-protector $(WARNINGS)
SHIM_LDFLAGS	:= -shared -Wl,-z,now -Wl,-z,relro -Wl,-z,defs -Wl,-z,nodelete
SHIM		:= $(O)/lib/berth/libberth.so
SHIM_MUSL	:= $(if $(MUSL_CC),$(O)/lib/berth/musl/libberth.so)

all: $(SHIM) $(SHIM_MUSL)

$(O)/shim-glibc/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(SHIM_CFLAGS) -c $< -o $@

$(O)/shim-musl/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,MUSL)$(MUSL_CC) $(SHIM_CFLAGS) -c $< -o $@

$(SHIM): $(SHIM_SRC:%.c=$(O)/shim-glibc/%.o)
	@mkdir -p $(@D)
	$(call quiet,LD)$(CC) $(SHIM_LDFLAGS) -Wl,-soname,libberth.so $^ -o $@

$(SHIM_MUSL): $(SHIM_SRC:%.c=$(O)/shim-musl/%.o)
	@mkdir -p $(@D)
	$(call quiet,LD)$(MUSL_CC) $(SHIM_LDFLAGS) -Wl,-soname,libberth.so $^ -o $@
