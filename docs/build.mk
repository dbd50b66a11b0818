# SPDX-License-Identifier: MIT
# docs: man pages, completions and the JSON schema of berth.yaml, in the layout of PREFIX. The
# command fills in options, keys, verbs and checks from its tables. No man pages without scdoc.
SCDOC	?= $(shell command -v scdoc)

define manpage
all: $(O)/share/man/man$(2)/$(1).$(2)
$(O)/share/man/man$(2)/$(1).$(2): docs/$(1).$(2).scd.in $(BERTH)
	@mkdir -p $$(@D)
	$$(call quiet,MAN)$(BERTH) help --template <$$< >$(O)/$(1).$(2).scd && \
		$(SCDOC) <$(O)/$(1).$(2).scd >$$@
endef
define completion
all: $(O)/share/$(2)
$(O)/share/$(2): $(BERTH)
	@mkdir -p $$(@D)
	$$(call quiet,COMPLETE)$(BERTH) completions $(1) >$$@
endef
$(if $(SCDOC),$(eval $(call manpage,berth,1))$(eval $(call manpage,berth.yaml,5)))
$(eval $(call completion,bash,bash-completion/completions/berth))
$(eval $(call completion,zsh,zsh/site-functions/_berth))
$(eval $(call completion,fish,fish/vendor_completions.d/berth.fish))

all: $(O)/share/berth/berth.schema.json
$(O)/share/berth/berth.schema.json: $(BERTH)
	@mkdir -p $(@D)
	$(call quiet,SCHEMA)$(BERTH) help --schema >$@
