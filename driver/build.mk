# plaintun.sys, for amd64 and arm64.
# /release fills in the checksum, without which Windows does not load a driver. An import library holds what its .def
# names and no more: a call to anything else does not link.

DRIVER_SOURCES := $(wildcard driver/*.c)
DRIVER_HEADERS := $(IDENTITY_H) $(wildcard driver/*.h ring/*.h wdk/*.h)

define driver_rules
$(B)/$(1)/obj/driver/%.o: driver/%.c $(DRIVER_HEADERS) Makefile driver/build.mk
	@mkdir -p $$(@D)
	@$(CLANG) $(PE_CFLAGS_$(1)) -c $$< -o $$@

$(B)/$(1)/obj/driver/loadconfig.o: wdk/loadconfig.c Makefile driver/build.mk
	@mkdir -p $$(@D)
	@$(CLANG) $(PE_CFLAGS_$(1)) -c $$< -o $$@

$(B)/$(1)/obj/driver/driver.res: driver/driver.rc $(IDENTITY_H) Makefile driver/build.mk
	@mkdir -p $$(@D)
	@$(RC) /fo $$@ $$<

$(B)/$(1)/lib/%.lib: wdk/%.def
	@mkdir -p $$(@D)
	@$(DLLTOOL) -m $(MACHINE_$(1)) -d $$< -l $$@

$(B)/$(1)/$(NAME).sys: $(DRIVER_SOURCES:driver/%.c=$(B)/$(1)/obj/driver/%.o) $(B)/$(1)/obj/driver/loadconfig.o $(B)/$(1)/obj/driver/driver.res \
    $(B)/$(1)/lib/ntoskrnl.lib $(B)/$(1)/lib/hal.lib $(B)/$(1)/lib/ndis.lib
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /version:10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf \
	    /dynamicbase /highentropyva /nxcompat /brepro $(DEBUG_LDFLAGS) /pdb:$$@.pdb /out:$$@ $$^

$B/$(1)/$(NAME).inf: $B/identity/$(1)/$(NAME).inf
	@mkdir -p $$(@D)
	@cp $$< $$@

$B/$(1)/$(NAME).cat: package/catalog.py $B/$(1)/$(NAME).inf $B/$(1)/$(NAME).sys
	@$(PYTHON) $$^ $$@
endef
$(foreach arch,amd64 arm64,$(eval $(call driver_rules,$(arch))))

DRIVER_FILES := $(foreach arch,amd64 arm64,$(addprefix $B/$(arch)/$(NAME).,sys inf cat))
