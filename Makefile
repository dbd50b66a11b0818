# Berth. `make` leaves .out/bin/berth, which runs in place; `make help` lists the verbs.
#
#	V=1		show the commands		m=asan|tsan|cov	another build beside the first, in .out/m
#	DESTDIR= PREFIX=	for make install	WERROR=1	as CI builds

MAKEFLAGS	+= --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all check lint format fuzz bench ci install uninstall help clean

PREFIX		?= /usr/local
DESTDIR		?=
CC		= gcc
CLANG		?= clang
VERSION		:= 0.1.0
$(if $(shell command -v $(CC) 2>&1),,$(info hint: '$(CC)' is missing; scripts/bootstrap installs what building needs))

O		:= .out$(if $m,/$m)
# what watches itself writes files and traces its own threads: tools/process/confine.c
MODE_asan	:= -DBERTH_UNCONFINED -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
MODE_tsan	:= -DBERTH_UNCONFINED -O1 -fsanitize=thread
MODE_cov	:= -DBERTH_UNCONFINED -O0 --coverage
OPTIMIZE	:= $(if $m,$(MODE_$m),-O2)
WARNINGS	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
		   $(if $(WERROR),-Werror)
CFLAGS		?= -g
BASE_CFLAGS	:= -std=gnu11 -I. -I$(O)/gen -MMD -MP -D_GNU_SOURCE -DBERTH_VERSION='"$(VERSION)"' $(WARNINGS) $(OPTIMIZE)
LDFLAGS		?=

ifeq ($(V),1)
quiet		=
else
quiet		= @printf '  %-8s %s\n' '$(1)' '$(patsubst $(O)/%,%,$@)';
endif

all:

include core/build.mk shim/build.mk $(wildcard bpf/build.mk) tools/build.mk $(wildcard tests/*/build.mk) \
	$(wildcard docs/build.mk)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(BASE_CFLAGS) $(CFLAGS) -c $< -o $@

## make install		copy the command, its shim, man pages and completions to DESTDIR/PREFIX
install: all
	@scripts/install $(O) "$(DESTDIR)" "$(PREFIX)"
## make uninstall	remove exactly what install put there
uninstall:
	@scripts/install --remove "$(DESTDIR)" "$(PREFIX)"
## make deb		a Debian package of it in .out/deb
.PHONY: deb
deb: all
	@scripts/deb $(VERSION)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make all		build everything into .out/
## make tests		build every test program
.PHONY: tests
tests: all $(TESTS)
## make check		run the tests (scripts/test)
check:
	scripts/test
## make lint		architecture checks and analysers
lint: all
	@for check in scripts/check-*; do echo "$$check"; "$$check" || exit 1; done
	scripts/lint
## make format		lay out every C file by .clang-format
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i
COVER		?= unit shim/preload.sh shim/escape.sh isolate run/status.sh run/borders.sh run/ports.sh db/private.sh db/kinds.sh cli
## make coverage		lines and branches of each room that the groups COVER run; scripts/coverage --lines ROOM names the rest
.PHONY: coverage tsan
coverage:
	@find .out/cov -name '*.gcda' -delete 2>/dev/null || :
	@# counting is no tail call, so that dlopen_runpath fails here; whether tests pass is for make check to say
	-scripts/test --m=cov --quick $(COVER)
	@scripts/coverage
## make tsan		the port map under threads with ThreadSanitizer; nothing else of ours has threads
tsan:
	@$(MAKE) m=tsan .out/tsan/tests/unit/portmap
	setarch -R .out/tsan/tests/unit/portmap
## make ci		what CI runs
ci:
	.ci/run
## make clean		remove .out/
clean:
	rm -rf .out

-include $(shell find $(O) -name '*.d' -type f 2>/dev/null)
