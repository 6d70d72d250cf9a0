# plaintun.dll and its copy wintun.dll, for x86, amd64 and arm64; session.c, packets.c, offload.c and join.c natively.
# No C runtime: Debian has none for arm64. library/<dll>.def lists what is imported from that DLL. A library carries the
# driver for its own machine, and whole libraries for the other machines whose Windows runs its programs (library/native.c).

LIBRARY_HEADERS := $(IDENTITY_H) wdk/missing.h $(wildcard library/*.h include/*.h ring/*.h)
LIBRARY_SOURCES := $(wildcard library/*.c)
LIBRARY_IMPORTS := kernel32 advapi32 cfgmgr32 setupapi newdev iphlpapi ole32
LIBRARY_CFLAGS  := $(WIN_CFLAGS_ALL) $(DEBUG_CFLAGS) -ffreestanding -mguard=cf -fno-stack-protector -mno-stack-arg-probe \
    -Wframe-larger-than=3584
LIBRARY_LDFLAGS := /nologo /dll /entry:DllMain /nodefaultlib /WX /release /guard:cf /dynamicbase /nxcompat /brepro \
    $(DEBUG_LDFLAGS)

LIBRARIES_IN_x86   := amd64 arm64
LIBRARIES_IN_amd64 := arm64
LIBRARY_RCFLAGS_x86   := /D CARRIES_AMD64 /D CARRIES_ARM64
LIBRARY_RCFLAGS_amd64 := /D CARRIES_DRIVER /D CARRIES_ARM64
LIBRARY_RCFLAGS_arm64 := /D CARRIES_DRIVER

# build folder, the library that carries, the one that is carried
define carried_library_rule
$(1)/$(2)/obj/library/library-$(3).bin: $(1)/$(3)/$(NAME).dll
	@mkdir -p $$(@D)
	@cp $$< $$@
endef

define library_rules
$B/$(1)/obj/library/%.o: library/%.c $(LIBRARY_HEADERS) Makefile library/build.mk
	@mkdir -p $$(@D)
	@$(CLANG) $(LIBRARY_CFLAGS) $(WIN_CFLAGS_$(1)) $$(if $$(filter runtime,$$*),-fno-builtin) -c $$< -o $$@

$B/$(1)/obj/library/loadconfig.o: wdk/loadconfig.c Makefile library/build.mk
	@mkdir -p $$(@D)
	@$(CLANG) $(LIBRARY_CFLAGS) $(WIN_CFLAGS_$(1)) -c $$< -o $$@

$(foreach other,$(LIBRARIES_IN_$(1)),$(eval $(call carried_library_rule,$B,$(1),$(other))))
$B/$(1)/obj/library/library.res: library/library.rc library/resource.h $(IDENTITY_H) \
    $(if $(filter x86,$(1)),,$(addprefix $B/$(1)/$(NAME).,inf sys cat)) $(LIBRARIES_IN_$(1):%=$B/$(1)/obj/library/library-%.bin)
	@$(RC) /I $B/$(1) /I $B/$(1)/obj/library $(LIBRARY_RCFLAGS_$(1)) /fo $$@ $$<

$B/$(1)/$(NAME).dll: $(LIBRARY_SOURCES:%.c=$B/$(1)/obj/%.o) $B/$(1)/obj/library/loadconfig.o \
    $(LIBRARY_IMPORTS:%=$B/$(1)/obj/library/%.lib) $B/$(1)/obj/library/library.res library/library.def
	@$(LLD) $(LIBRARY_LDFLAGS) $(LIBRARY_LDFLAGS_$(1)) /def:library/library.def /implib:$B/$(1)/$(NAME).lib /pdb:$$@.pdb /out:$$@ \
	    $$(filter-out %.def,$$^)

# Made along with the DLL.
$B/$(1)/$(NAME).lib: $B/$(1)/$(NAME).dll ;

# The drop-in: the same file under the name that applications look for beside their .exe.
$B/$(1)/wintun.dll: $B/$(1)/$(NAME).dll
	@cp $$< $$@
endef

$B/amd64/obj/library/%.lib: library/%.def
	@mkdir -p $(@D)
	@$(DLLTOOL) -m $(MACHINE_amd64) -d $< -l $@

$B/arm64/obj/library/%.lib: library/%.def
	@mkdir -p $(@D)
	@$(DLLTOOL) -m $(MACHINE_arm64) -d $< -l $@

$B/x86/obj/library/%.lib: library/%.def $(LIBRARY_SOURCES:%.c=$B/x86/obj/%.o) scripts/stdcall
	@scripts/stdcall $(filter %.def %.o,$^) >$(@:.lib=.def)
	@$(DLLTOOL) -k -m $(MACHINE_x86) -d $(@:.lib=.def) -l $@

LIBRARY_LDFLAGS_x86   := /subsystem:windows,10.0 /safeseh
LIBRARY_LDFLAGS_amd64 := /subsystem:windows,10.0 /highentropyva
LIBRARY_LDFLAGS_arm64 := /subsystem:windows,10.0 /highentropyva
$(foreach arch,x86 amd64 arm64,$(eval $(call library_rules,$(arch))))

LIBRARIES := $(foreach arch,x86 amd64 arm64,$B/$(arch)/$(NAME).dll $B/$(arch)/wintun.dll)

# session.c, packets.c, offload.c and join.c natively, on as much of Windows as they use: tests/unit/windows.
LIBRARY_UNIT := $B/unit/library.asan $B/unit/library.tsan
LIBRARY_UNIT_SOURCES := tests/unit/library.c library/session.c library/packets.c library/offload.c library/join.c
$B/unit/library.asan: LIBRARY_UNIT_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all
$B/unit/library.tsan: LIBRARY_UNIT_FLAGS := -fsanitize=thread -fno-sanitize-recover=all
$B/unit/library.arm64: LIBRARY_UNIT_FLAGS := $(ARM64_LDFLAGS)
$B/unit/library.arm64: | $(ARM64_ROOT)
$(LIBRARY_UNIT) $B/unit/library.arm64: $(LIBRARY_UNIT_SOURCES) $(LIBRARY_HEADERS) $(wildcard tests/unit/windows/*.h)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O1 -g $(WARN) -fshort-wchar $(LIBRARY_UNIT_FLAGS) -Itests/unit/windows \
	    -I. -I$B/identity $(LIBRARY_UNIT_SOURCES) -o $@ -lcmocka -pthread

.PHONY: check-library
check-library: $(LIBRARY_UNIT)
	@for Test in $^; do echo "$$Test"; timeout 120 $$Test || exit 1; done
