# Berth. `make` builds .out/bin/berth, which runs in place. `make help` lists the targets.
#
#	V=1			show the commands
#	WERROR=1		stop at warnings, as CI does
#	m=asan|tsan|cov		a sanitizer or coverage build in .out/asan, .out/tsan or .out/cov
#	DESTDIR= PREFIX=	where `make install` puts files

MAKEFLAGS	+= --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.PHONY: all check lint format fuzz bench ci install uninstall help clean

PREFIX		?= /usr/local
DESTDIR		?=
CC		= gcc
CLANG		?= clang
VERSION		:= 0.1.0
# the date in man pages and archives
ifndef SOURCE_DATE_EPOCH
export SOURCE_DATE_EPOCH := $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
endif
$(if $(shell command -v $(CC) 2>&1),,$(info hint: '$(CC)' is missing: run scripts/bootstrap))

O		:= .out$(if $m,/$m)
# Sanitizers write files and trace threads, which tools/process/confine.c would forbid.
MODE_asan	:= -DBERTH_UNCONFINED -O1 -fno-omit-frame-pointer \
		   -fsanitize=address,undefined -fno-sanitize-recover=undefined
MODE_tsan	:= -DBERTH_UNCONFINED -O1 -fsanitize=thread
MODE_cov	:= -DBERTH_UNCONFINED -O0 --coverage
OPTIMIZE	:= $(if $m,$(MODE_$m),-O2)
WARNINGS	:= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
		   $(if $(WERROR),-Werror)
CFLAGS		?= -g
BASE_CFLAGS	:= -std=gnu11 -I. -I$(O)/gen -MMD -MP -D_GNU_SOURCE \
		   -DBERTH_VERSION='"$(VERSION)"' $(WARNINGS) $(OPTIMIZE)
LDFLAGS		?=

ifeq ($(V),1)
quiet		=
else
quiet		= @printf '  %-8s %s\n' '$(1)' '$(patsubst $(O)/%,%,$@)';
endif

all:

include core/build.mk shim/build.mk $(wildcard bpf/build.mk) tools/build.mk
include $(wildcard tests/*/build.mk) $(wildcard docs/build.mk)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call quiet,CC)$(CC) $(BASE_CFLAGS) $(CFLAGS) -c $< -o $@

## make install		copy the command, the shim, man pages and completions to DESTDIR/PREFIX
install: all
	@scripts/install $(O) "$(DESTDIR)" "$(PREFIX)"
## make uninstall	remove exactly the files that `make install` has copied
uninstall:
	@scripts/install --remove "$(DESTDIR)" "$(PREFIX)"
## make deb		build a Debian package in .out/deb
.PHONY: deb
deb: all
	@scripts/deb $(VERSION)

## make dist		build a tar.gz in .out/dist that runs on every Linux with glibc 2.34
.PHONY: dist
dist: all $(O)/dist/berth
	@scripts/dist $(VERSION) $(O)/dist/berth
## make npm		build npm packages in .out/npm
.PHONY: npm
npm: dist
	@scripts/npm $(VERSION)

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make all		build everything into .out/
## make tests		build every test program
.PHONY: tests
tests: all $(TESTS)
## make check		install what the tests need, then run all of them
## make check T=GROUP	run one test (T=unit/portmap, T=run/output.sh) or folder; installs nothing
T		?=
check:
	scripts/test $(if $T,--no-install $T)
## make lint		run the architecture checks and the analysers
lint: all
	@for check in scripts/check-*; do echo "$$check"; "$$check" || exit 1; done
	scripts/lint
## make format		lay out every C file by .clang-format
format:
	git ls-files '*.c' '*.h' | xargs clang-format -i
## make hooks		install scripts/pre-push as the pre-push hook of this clone
.PHONY: hooks
hooks:
	@hook=$$(git rev-parse --git-path hooks)/pre-push && mkdir -p "$${hook%/*}" && \
		printf '#!/bin/sh\nexec scripts/pre-push "$$@"\n' >"$$hook" && chmod 755 "$$hook"
COVER		?= unit shim/preload.sh shim/escape.sh isolate run/status.sh run/borders.sh \
		   run/ports.sh db/private.sh db/kinds.sh cli
## make coverage		lines and branches that the groups in COVER run, for each folder
.PHONY: coverage tsan
coverage:
	@find .out/cov -name '*.gcda' -delete 2>/dev/null || :
	@# The counters take the place of tail calls, so dlopen_runpath fails in this build. Ignore it.
	-scripts/test --m=cov --quick $(COVER)
	@scripts/coverage
## make tsan		test the port map with threads under ThreadSanitizer
tsan:
	@$(MAKE) m=tsan .out/tsan/tests/unit/portmap
	setarch -R .out/tsan/tests/unit/portmap
## make kernels	boot Debian's kernels under qemu and say what works there (root; scripts/kernels)
.PHONY: kernels
kernels: all tests
	scripts/kernels
## make distros	run the tests in Debian 13 and in unstable (root; scripts/distro)
.PHONY: distros
distros:
	scripts/distro trixie
	scripts/distro sid
## make ci		run what CI runs
ci:
	.ci/run
## make clean		remove .out/
clean:
	rm -rf .out

-include $(shell find $(O) -path '*/roots' -prune -o -name '*.d' -type f -print 2>/dev/null)
