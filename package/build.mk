# What users get, unsigned and signed.
# The zip depends on the sources alone, not on where, when and by whom it is made. In the signed one, build/signed takes
# the place of build: .sys signed, catalog made and signed, both put into the libraries, which are linked anew and signed.

# Beside each zip stands one with the symbols of its files, ...-symbols.zip, which is made along with it.

PACKAGE := $B/$(NAME)-$(VERSION).zip
PACKAGE_SIGNED := $B/$(NAME)-$(VERSION)-signed.zip
PACKAGE_FILES := $(wildcard package/*.in LICENSE *.md docs/*.md include/*.h examples/* examples/*/*)
SG := $B/signed

$(PACKAGE): $(LIBRARIES) $(TOOLS) $(foreach arch,amd64 arm64,$(addprefix $B/$(arch)/$(NAME).,inf sys cat)) package/package.py $(PACKAGE_FILES)
	@$(PYTHON) package/package.py $(NAME) $(VERSION) $B $@

# Whose signatures build/signed carries: with another key all are made anew.
export KEY CERT SIGN TIMESTAMP
$(SG)/by: FORCE
	@mkdir -p $(@D)
	@echo '$(KEY) $(CERT) $(SIGN) $(TIMESTAMP) $(DRIVERS)' | cmp -s - $@ || echo '$(KEY) $(CERT) $(SIGN) $(TIMESTAMP) $(DRIVERS)' >$@
FORCE:

ifdef DRIVERS# what came back from Microsoft: DRIVERS/amd64 and DRIVERS/arm64, each with .sys, .inf and .cat
define signed_driver_rules
$(SG)/$(1)/$(NAME).%: $(DRIVERS)/$(1)/$(NAME).% $(SG)/by $B/$(1)/$(NAME).sys
	@mkdir -p $$(@D)
	@cp $$< $$@
	@cp $B/$(1)/$(NAME).sys.pdb $$(@D)/

$(SG)/$(1)/$(NAME).cat: $(DRIVERS)/$(1)/$(NAME).cat $(addprefix $(SG)/$(1)/$(NAME).,inf sys)
	@$(PYTHON) package/catalog.py --read $$^ >/dev/null
	@cp $$< $$@
endef
else
define signed_driver_rules
$(SG)/$(1)/$(NAME).sys: $B/$(1)/$(NAME).sys package/sign $(SG)/by
	@mkdir -p $$(@D)
	@cp $$< $$@
	@cp $$<.pdb $$@.pdb
	@package/sign $$@

$(SG)/$(1)/$(NAME).inf: $B/$(1)/$(NAME).inf $(SG)/by
	@mkdir -p $$(@D)
	@cp $$< $$@

$(SG)/$(1)/$(NAME).cat: package/catalog.py $(SG)/$(1)/$(NAME).inf $(SG)/$(1)/$(NAME).sys
	@$(PYTHON) $$^ $$@
	@package/sign $$@
endef
endif
$(foreach arch,amd64 arm64,$(eval $(call signed_driver_rules,$(arch))))

define signed_library_rules
$(foreach other,$(LIBRARIES_IN_$(1)),$(eval $(call carried_library_rule,$(SG),$(1),$(other))))
$(SG)/$(1)/obj/library/library.res: library/library.rc library/resource.h $(IDENTITY_H) \
    $(if $(filter x86,$(1)),,$(addprefix $(SG)/$(1)/$(NAME).,inf sys cat)) $(LIBRARIES_IN_$(1):%=$(SG)/$(1)/obj/library/library-%.bin)
	@mkdir -p $$(@D)
	@$(RC) /I $(SG)/$(1) /I $(SG)/$(1)/obj/library $(LIBRARY_RCFLAGS_$(1)) /fo $$@ $$<

$(SG)/$(1)/$(NAME).dll: $(LIBRARY_SOURCES:%.c=$B/$(1)/obj/%.o) $B/$(1)/obj/library/loadconfig.o \
    $(LIBRARY_IMPORTS:%=$B/$(1)/obj/library/%.lib) $(SG)/$(1)/obj/library/library.res library/library.def package/sign
	@$(LLD) $(LIBRARY_LDFLAGS) $(LIBRARY_LDFLAGS_$(1)) /def:library/library.def /implib:$(SG)/$(1)/$(NAME).lib /pdb:$$@.pdb /out:$$@ \
	    $$(filter-out %.def %/sign,$$^)
	@package/sign $$@

$(SG)/$(1)/wintun.dll: $(SG)/$(1)/$(NAME).dll
	@cp $$< $$@

$(SG)/$(1)/$(NAME).exe: $B/$(1)/$(NAME).exe package/sign $(SG)/by
	@mkdir -p $$(@D)
	@cp $$< $$@
	@cp $$<.pdb $$@.pdb
	@package/sign $$@
endef
$(foreach arch,x86 amd64 arm64,$(eval $(call signed_library_rules,$(arch))))

$(PACKAGE_SIGNED): $(patsubst $B/%,$(SG)/%,$(LIBRARIES) $(TOOLS)) $(foreach arch,amd64 arm64,$(addprefix $(SG)/$(arch)/$(NAME).,inf sys cat)) \
    package/package.py $(PACKAGE_FILES)
	@$(if $(KEY)$(SIGN),rm -f $(SG)/test.cer,cp build/signing/test.cer $(SG)/)
	@$(PYTHON) package/package.py $(NAME) $(VERSION) $(SG) $@
