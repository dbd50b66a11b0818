# SPDX-License-Identifier: MIT
# docs: man pages. What the tables know is filled in by the command itself; skipped where scdoc is not installed.
SCDOC	?= $(shell command -v scdoc)
MANPAGES := $(if $(SCDOC),$(O)/share/man/man1/berth.1 $(O)/share/man/man5/berth.yaml.5)

all: $(MANPAGES)

define manpage
$(O)/share/man/man$(2)/$(1).$(2): docs/$(1).$(2).scd.in $(BERTH)
	@mkdir -p $$(@D)
	$$(call quiet,MAN)$(BERTH) help --template <$$< >$(O)/$(1).$(2).scd && $(SCDOC) <$(O)/$(1).$(2).scd >$$@
endef
$(eval $(call manpage,berth,1))
$(eval $(call manpage,berth.yaml,5))
