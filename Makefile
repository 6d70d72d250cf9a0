# plaintun: one Makefile, read from top to bottom. `make` alone lists the targets.
# Everything made lies under build/. Sections: help, prerequisites, toolchain, wdk, ring, driver, library, tool, host,
# simulator, fuzzing, examples, package, tests, demo, bench, clean.

MAKEFLAGS += --no-builtin-rules
SHELL     := /bin/bash
.SHELLFLAGS := -o pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

# Who the product is: names and version, from one file that scripts/identity reads. IDENTITY=path/acme.identity makes a
# private copy, in build/identities/acme. $(NAME) is what its files are called, $(VERSION) its version.
IDENTITY := package/plaintun.identity
B := $(if $(filter-out package/plaintun.identity,$(IDENTITY)),build/identities/$(basename $(notdir $(IDENTITY))),build)
ifneq ($(shell scripts/identity '$(IDENTITY)' $B/identity >&2; echo $$?),0)
$(error nothing is made for IDENTITY=$(IDENTITY))
endif
include $B/identity/identity.mk
IDENTITY_H := $B/identity/identity.h

# --- help ------------------------------------------------------------------------------------------------------------

.PHONY: help
help: ## list the targets
	@echo "$(NAME) $(VERSION): a layer 3 TUN driver for Windows, tested in Wine on Linux"
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 28

comma := ,

# --- prerequisites ---------------------------------------------------------------------------------------------------
# deps installs what is missing and touches no network when nothing is. Targets that run Wine need root and more.

PACKAGES_BUILD := clang-19 lld-19 llvm-19 libclang-rt-19-dev mingw-w64-common mingw-w64-x86-64-dev \
    gcc-mingw-w64-x86-64-win32 libcmocka-dev spin python3 python3-asn1crypto python3-pefile clang-format-19
PACKAGES_RUN := wine wine64 iproute2 iputils-ping iperf3 python3-pytest python3-scapy gnuplot-nox procps cmake pkgconf openssl osslsigncode

.PHONY: deps check-system check-machine
deps: check-system ## install the Debian packages that are missing (asks no questions)
	@scripts/deps $(PACKAGES_BUILD) $(PACKAGES_RUN)

check-system:
	@scripts/prerequisites build

check-machine: check-system
	@scripts/prerequisites run

# --- toolchain -------------------------------------------------------------------------------------------------------
# PE_CFLAGS_<arch>: kernel code without a C runtime. WIN_CFLAGS: user-mode Windows code on mingw-w64's headers.

CLANG   := clang-19
PYTHON  := /usr/bin/python3# Debian's, which has the packages above
LLD     := lld-link-19
DLLTOOL := llvm-dlltool-19
RC      := llvm-rc-19 /nologo /I . /I $B/identity
WARN    := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter -Werror

MACHINE_x86   := i386
MACHINE_amd64 := i386:x86-64
MACHINE_arm64 := arm64
TRIPLE_amd64  := x86_64-pc-windows-msvc
TRIPLE_arm64  := aarch64-pc-windows-msvc

# Symbols, for those who read a crash dump: in a .pdb beside the file, and no path of this machine in either.
DEBUG_CFLAGS  := -g -gcodeview -gno-codeview-command-line -fdebug-compilation-dir=.
DEBUG_LDFLAGS := /debug /opt:ref,icf /pdbsourcepath:. /pdbaltpath:%_PDB%

PE_CFLAGS := -std=c11 -O2 $(DEBUG_CFLAGS) $(WARN) -ffreestanding -fms-extensions -fasynchronous-unwind-tables -fno-stack-protector \
    -mno-stack-arg-probe -fno-strict-aliasing -Wframe-larger-than=3584 -Xclang -cfguard -nostdlibinc -Iwdk -I. -I$B/identity
PE_CFLAGS_amd64 := --target=$(TRIPLE_amd64) $(PE_CFLAGS)
PE_CFLAGS_arm64 := --target=$(TRIPLE_arm64) $(PE_CFLAGS) -mno-outline-atomics

WIN_CFLAGS_amd64 := --target=x86_64-w64-windows-gnu
WIN_CFLAGS_arm64 := --target=aarch64-w64-windows-gnu -mno-outline-atomics
WIN_CFLAGS_x86   := --target=i686-w64-windows-gnu -march=pentium4 -fseh-exceptions# SSE2, as Windows 10 demands; no DWARF beside CodeView
WIN_CFLAGS_ALL := -std=c11 -O2 -g0 $(WARN) -D_WIN32_WINNT=0x0A00 -DNTDDI_VERSION=0x0A000006 \
    -DUNICODE -D_UNICODE -isystem /usr/share/mingw-w64/include -I. -I$B/identity -Iinclude
WIN_CFLAGS := $(WIN_CFLAGS_amd64) $(WIN_CFLAGS_ALL)
WIN_LDFLAGS := --target=x86_64-w64-windows-gnu -fuse-ld=lld -L/usr/x86_64-w64-mingw32/lib \
    -L/usr/lib/gcc/x86_64-w64-mingw32/12-win32

# --- wdk -------------------------------------------------------------------------------------------------------------

.PHONY: check-layout
check-layout: ## compare wdk/ with layout data, for PE amd64, PE arm64 and Linux
	@python3 tests/unit/layout.py

# --- ring ------------------------------------------------------------------------------------------------------------
# The unit tests, built three times: check-ring-plain, check-ring-address, check-ring-thread.

RING_TESTS := plain address thread
RING_SANITIZE_address := -fsanitize=address,undefined -fno-sanitize-recover=all
RING_SANITIZE_thread  := -fsanitize=thread

$(RING_TESTS:%=$B/unit/ring-%): $B/unit/ring-%: tests/unit/ring.c tests/unit/ring_threads.c tests/unit/ring_test.h ring/ring.h
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 -D_GNU_SOURCE -O2 -g $(WARN) $(RING_SANITIZE_$*) -I. $(filter %.c,$^) -lcmocka -pthread -o $@

.PHONY: check-ring check-labels $(RING_TESTS:%=check-ring-%)
check-ring: $(RING_TESTS:%=check-ring-%) ## the ring's unit tests: plain, with sanitizers, with the thread sanitizer
$(RING_TESTS:%=check-ring-%): check-ring-%: $B/unit/ring-%
	@timeout 300 $<

check-labels: ## the ring's ordering labels: list, code and docs/protocol.md name the same ones
	@$(PYTHON) tests/unit/labels.py

# The Spin model of the ring (ring/model/ring.pml): ten configurations exhaustively, then every mutation must be found.
.PHONY: model check-model check-model-labels
model: deps check-model-labels ## verify the ring's model, then find every mutation of it; about 2 minutes, no root
	@ring/model/run

check-model:
	@ring/model/run

check-model-labels: ## the ring's ordering labels: ring.h and its model name the same ones
	@ring/model/labels

# --- driver ----------------------------------------------------------------------------------------------------------
# /release fills in the checksum, without which Windows does not load a driver. An import library holds what its .def
# names and no more: a call to anything else does not link.

DRIVER_SOURCES := $(wildcard driver/*.c)
DRIVER_HEADERS := $(IDENTITY_H) $(wildcard driver/*.h ring/*.h wdk/*.h)

define driver_rules
$(B)/$(1)/obj/driver/%.o: driver/%.c $(DRIVER_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(PE_CFLAGS_$(1)) -c $$< -o $$@

$(B)/$(1)/obj/driver/loadconfig.o: wdk/loadconfig.c Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(PE_CFLAGS_$(1)) -c $$< -o $$@

$(B)/$(1)/obj/driver/driver.res: driver/driver.rc $(IDENTITY_H) Makefile
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

.PHONY: driver
driver: deps $(foreach arch,amd64 arm64,$(addprefix $B/$(arch)/$(NAME).,sys inf cat)) ## build the driver with INF and catalog, for amd64 and arm64

# --- library ---------------------------------------------------------------------------------------------------------
# No C runtime: Debian has none for arm64. library/<dll>.def lists what is imported from that DLL. A library carries the
# driver for its own machine, and whole libraries for the other machines whose Windows runs its programs (library/native.c).

LIBRARY_HEADERS := $(IDENTITY_H) $(wildcard library/*.h include/*.h ring/*.h)
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
$B/$(1)/obj/library/%.o: library/%.c $(LIBRARY_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(LIBRARY_CFLAGS) $(WIN_CFLAGS_$(1)) $$(if $$(filter runtime,$$*),-fno-builtin) -c $$< -o $$@

$B/$(1)/obj/library/loadconfig.o: wdk/loadconfig.c Makefile
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

.PHONY: library
library: deps $(LIBRARIES) ## build plaintun.dll and its drop-in copy wintun.dll for x86, amd64 and arm64

# session.c and packets.c natively, on as much of Windows as they use: tests/unit/windows.
LIBRARY_UNIT := $B/unit/library.asan $B/unit/library.tsan
LIBRARY_UNIT_SOURCES := tests/unit/library.c library/session.c library/packets.c
$B/unit/library.asan: SANITIZERS := address,undefined
$B/unit/library.tsan: SANITIZERS := thread
$(LIBRARY_UNIT): $(LIBRARY_UNIT_SOURCES) $(LIBRARY_HEADERS) $(wildcard tests/unit/windows/*.h)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O1 -g $(WARN) -fshort-wchar -fsanitize=$(SANITIZERS) -fno-sanitize-recover=all -Itests/unit/windows \
	    -I. -I$B/identity $(LIBRARY_UNIT_SOURCES) -o $@ -lcmocka -pthread

.PHONY: check-library
check-library: $(LIBRARY_UNIT)
	@for Test in $^; do echo "$$Test"; timeout 120 $$Test || exit 1; done

# --- tool ------------------------------------------------------------------------------------------------------------
# Like the library without a C runtime of its own: the system's ucrtbase.dll serves. tool/<dll>.def lists the imports.

TOOL_HEADERS := $(wildcard tool/*.h) $(LIBRARY_HEADERS)
TOOL_SOURCES := $(wildcard tool/*.c)
TOOL_IMPORTS := $(patsubst tool/%.def,%,$(wildcard tool/*.def))
TOOL_LDFLAGS := $(patsubst /entry:%,/entry:Entry,$(filter-out /dll,$(LIBRARY_LDFLAGS)))

define tool_rules
$B/$(1)/obj/tool/%.o: tool/%.c $(TOOL_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(LIBRARY_CFLAGS) $(WIN_CFLAGS_$(1)) -c $$< -o $$@

$B/$(1)/obj/tool/%.lib: tool/%.def $(TOOL_SOURCES:%.c=$B/$(1)/obj/%.o) scripts/stdcall
	@$(if $(filter x86,$(1)),scripts/stdcall $$(filter %.def %.o,$$^),cat $$<) >$$(@:.lib=.def)
	@$(DLLTOOL) $(if $(filter x86,$(1)),-k) -m $(MACHINE_$(1)) -d $$(@:.lib=.def) -l $$@

$B/$(1)/obj/tool/tool.res: tool/tool.rc tool/tool.manifest $(IDENTITY_H)
	@mkdir -p $$(@D)
	@$(RC) /fo $$@ $$<

$B/$(1)/$(NAME).exe: $(TOOL_SOURCES:%.c=$B/$(1)/obj/%.o) $(TOOL_IMPORTS:%=$B/$(1)/obj/tool/%.lib) $B/$(1)/$(NAME).lib \
    $B/$(1)/obj/tool/tool.res $(patsubst %,$B/$(1)/obj/library/%.o,loadconfig runtime divide cause)
	@$(LLD) $(TOOL_LDFLAGS) $(LIBRARY_LDFLAGS_$(1):/subsystem:windows%=/subsystem:console%) /pdb:$$@.pdb /out:$$@ $$^
endef
$(foreach arch,x86 amd64 arm64,$(eval $(call tool_rules,$(arch))))

TOOLS := $(patsubst %,$B/%/$(NAME).exe,x86 amd64 arm64)

.PHONY: tool
tool: deps $(TOOLS) ## build plaintun.exe, the command line, for x86, amd64 and arm64

# --- host ------------------------------------------------------------------------------------------------------------

# host, user-mode half: Windows calls that Wine lacks, and host/wine/run with its template. A DLL of Wine's is replaced by
# one that has our functions and forwards all others to Wine's, which host/wine/run puts beside it under the name *_wine.
HW := build/host/wine
HOST_USER := $(HW)/keep.exe $(HW)/cfgmgr32.dll $(HW)/newdev.dll $(HW)/setupapi.dll $(HW)/iphlpapi.dll $(HW)/netshell.dll $(HW)/swdevice.sys $(HW)/ndis.sys
HX := $(HW)/x86
HOST_X86 := $(patsubst %,$(HX)/%.dll,cfgmgr32 newdev setupapi iphlpapi netshell)
WINE_DLLS := /usr/lib/x86_64-linux-gnu/wine/x86_64-windows
HOST_SYS_CFLAGS := --target=x86_64-w64-windows-gnu -std=c11 -O2 -g0 $(WARN) -Wno-\#warnings -ffreestanding -fms-extensions \
    -fasynchronous-unwind-tables -fno-stack-protector -mno-stack-arg-probe -D_AMD64_ -D_WIN32_WINNT=0x0A00 \
    -DNTDDI_VERSION=0x0A000006 -isystem /usr/share/mingw-w64/include -isystem /usr/share/mingw-w64/include/ddk -I.

.PHONY: host
host: deps $(HOST_USER) $(HOST_X86) ## build what Wine lacks (build/host/wine), for host/wine/run

$(HW)/%.user.o: host/wine/%.c $(wildcard host/wine/*/*.h host/linux/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(WIN_CFLAGS) -c -o $@ $<

$(HW)/keep.exe: $(HW)/keep.user.o
	@$(CLANG) $(WIN_LDFLAGS) -o $@ $^

$(HW)/swdevice.sys: host/wine/swdevice/swdevice.c host/wine/swdevice/swdevice.h
	@mkdir -p $(HW)
	@$(CLANG) $(HOST_SYS_CFLAGS) -c -o $(HW)/swdevice.o $<
	@$(CLANG) $(WIN_LDFLAGS) -nostdlib -shared -Wl,--subsystem,native -Wl,--entry,DriverEntry -o $@ $(HW)/swdevice.o -lntoskrnl

# The driver store: cfgmgr32.dll installs from it too.
HOST_STORE := $(addprefix newdev/,store storepath install)
HOST_IPHLPAPI := $(addprefix iphlpapi/,link address route interface notify adapters) shared/failures

$(HW)/cfgmgr32.dll: $(patsubst %,$(HW)/%.user.o,$(addprefix cfgmgr32/,software install devnode notify) $(HOST_STORE) shared/failures) host/wine/forward
	@host/wine/forward $(WINE_DLLS)/cfgmgr32.dll cfgmgr32_wine '^(CM_|Sw)' $(filter %.o,$^) > $(HW)/cfgmgr32.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/cfgmgr32.def -lsetupapi -lole32 -lrpcrt4

$(HW)/newdev.dll: $(patsubst %,$(HW)/%.user.o,$(addprefix newdev/,newdev replace) $(HOST_STORE) shared/failures) host/wine/forward
	@host/wine/forward $(WINE_DLLS)/newdev.dll newdev_wine '^Di' $(filter %.o,$^) > $(HW)/newdev.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/newdev.def -lcfgmgr32 -lsetupapi -lrpcrt4

$(HW)/setupapi.dll: $(patsubst %,$(HW)/%.user.o,setupapi/infstore newdev/storepath shared/failures) host/wine/forward
	@host/wine/forward $(WINE_DLLS)/setupapi.dll setupapi_wine '^SetupGetInfDriverStore' $(filter %.o,$^) > $(HW)/setupapi.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/setupapi.def

$(HW)/%.linux.o: host/linux/%.c $(wildcard host/linux/*.h)
	@mkdir -p $(HW)
	@$(CLANG) $(WIN_CFLAGS) -c -o $@ $<

$(HW)/iphlpapi.dll: $(HOST_IPHLPAPI:%=$(HW)/%.user.o) \
    $(HW)/netlink.linux.o $(HW)/netlink_ask.linux.o host/wine/forward
	@host/wine/forward $(WINE_DLLS)/iphlpapi.dll iphlpapi_wine '^(AddIPA|Get|Set|Create|Delete|Initialize|Convert|Notify|Cancel|FreeMib)' \
	    $(filter %.user.o,$^) > $(HW)/iphlpapi.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/iphlpapi.def

$(HW)/netshell.dll: $(patsubst %,$(HW)/%.user.o,netshell/netshell iphlpapi/link) $(HW)/netlink.linux.o $(HW)/netlink_ask.linux.o
	@printf '%s\n' 'LIBRARY netshell.dll' EXPORTS DllGetClassObject DllCanUnloadNow NcFreeNetconProperties > $(HW)/netshell.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $^ $(HW)/netshell.def -lole32

# The same for 32-bit programs, for syswow64: like the library without import libraries or a C runtime of Debian's, which
# would be 180 MB more. What an object file calls is found in Wine's export tables.
HX_IMPORTS := ucrtbase kernel32 advapi32 setupapi ole32
HX_cfgmgr32 := $(patsubst %,$(HX)/%.o,$(addprefix cfgmgr32/,software install32 devnode notify) shared/failures)
HX_newdev   := $(HX)/newdev/newdev32.o
HX_setupapi := $(patsubst %,$(HX)/%.o,setupapi/infstore setupapi/setupapi32 newdev/storepath shared/failures)
HX_netshell := $(patsubst %,$(HX)/%.o,netshell/netshell iphlpapi/link netlink netlink_ask shared/stdio32)
HX_iphlpapi := $(patsubst %,$(HX)/%.o,$(HOST_IPHLPAPI) netlink netlink_ask shared/stdio32)
HX_cfgmgr32_EXPORTS := ^(CM_|Sw)
HX_newdev_EXPORTS   := ^(Di|Update)
HX_setupapi_EXPORTS := ^Setup
HX_iphlpapi_EXPORTS := ^(AddIPA|Get|Set|Create|Delete|Initialize|Convert|Notify|Cancel|FreeMib)
HX_CFLAGS := $(WIN_CFLAGS_x86) $(WIN_CFLAGS_ALL) -D_UCRT -ffreestanding -fno-stack-protector -mno-stack-arg-probe

$(HX)/%.o: host/wine/%.c $(wildcard host/wine/*/*.h host/linux/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(HX_CFLAGS) -c -o $@ $<

$(HX)/%.o: host/linux/%.c $(wildcard host/linux/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(HX_CFLAGS) -c -o $@ $<

# An import library of what the object files it depends on call of a DLL: of these files, $(1).
define x86_import_library
(printf '%s\n' 'LIBRARY $*.dll' EXPORTS; llvm-readobj-19 --coff-exports $(1) | sed -n 's/^ *Name: \(..*\)/\1/p' | sort -u) >$@.all
scripts/stdcall $@.all $(sort $(filter %.o,$^)) >$@.def
$(DLLTOOL) -k -m $(MACHINE_x86) -d $@.def -l $@
endef

$(HX)/%.lib: $(HX_cfgmgr32) $(HX_newdev) $(HX_setupapi) $(HX_netshell) $(HX_iphlpapi) scripts/stdcall
	@$(call x86_import_library,$(WINE_DLLS)/$*.dll)

define host_x86_rule
$(HX)/$(1).dll: $(HX_$(1)) $(HX_IMPORTS:%=$(HX)/%.lib) host/wine/forward
	@$(if $(filter netshell,$(1)),cat $(HW)/netshell.def,host/wine/forward $(WINE_DLLS)/$(1).dll $(1)_wine '$(HX_$(1)_EXPORTS)' $(HX_$(1))) | \
	    sed '0,/^EXPORTS/d; s,^,/export:,' >$$@.exports
	@$(LLD) /nologo /WX /dll /noentry /nodefaultlib /noimplib /safeseh:no /subsystem:windows /out:$$@ @$$@.exports $$(filter %.o %.lib,$$^)
endef
$(foreach dll,cfgmgr32 newdev setupapi netshell iphlpapi,$(eval $(call host_x86_rule,$(dll))))
$(HX)/netshell.dll: $(HW)/netshell.dll
.SECONDARY: $(HX_IMPORTS:%=$(HX)/%.lib)

# What newdev.dll and cfgmgr32.dll have that mingw-w64's import libraries lack.
$(HW)/libhostapi.a:
	@mkdir -p $(HW)
	@printf '%s\n' 'LIBRARY cfgmgr32.dll' EXPORTS SwDeviceCreate SwDeviceClose SwDeviceSetLifetime SwDeviceGetLifetime \
	    SwDevicePropertySet CM_Register_Notification CM_Unregister_Notification CM_MapCrToWin32Err > $(HW)/hostcm.def
	@printf '%s\n' 'LIBRARY newdev.dll' EXPORTS DiInstallDriverW DiUninstallDriverW > $(HW)/hostnewdev.def
	@$(DLLTOOL) -m i386:x86-64 -d $(HW)/hostcm.def -l $(HW)/libhostcm.a
	@$(DLLTOOL) -m i386:x86-64 -d $(HW)/hostnewdev.def -l $(HW)/libhostnewdev.a
	@touch $@

$(B)/tests/devices.exe: tests/e2e/devices.c $(HW)/libhostapi.a $(wildcard host/wine/*/*.h)
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -L$(HW) -lhostcm -lhostnewdev -lnewdev -lcfgmgr32 -lsetupapi -lole32 -luuid

# host, kernel half: NDIS over Wine's kernel, the pieces of the kernel that Wine lacks, and the TUN device behind it, in one
# ndis.sys. Kernel functions that are defined here (KeSetEvent, ...) are used directly; the rest come from Wine.
HOST_KERNEL := $(wildcard host/ndis/*.c) $(patsubst %,host/linux/%.c,backend late tun segment coalesce) $(wildcard host/wine/ndis/*.c host/wine/ntoskrnl/*.c)
HOST_KERNEL_CFLAGS := $(filter-out -Xclang -cfguard,$(PE_CFLAGS_amd64)) -DNTKERNELAPI= -DNTHALAPI= '-DNDISAPI=__declspec(dllexport)'

$(HW)/%.kernel.o: host/%.c $(wildcard host/ndis/*.h host/linux/*.h host/wine/ntoskrnl/kernel.h wdk/*.h) Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(HOST_KERNEL_CFLAGS) -c -o $@ $<

$(HW)/lib%.lib: host/wine/ntoskrnl/%.def
	@mkdir -p $(@D)
	@$(DLLTOOL) -m $(MACHINE_amd64) -d $< -l $@

$(HW)/ndis.sys: $(HOST_KERNEL:host/%.c=$(HW)/%.kernel.o) $(patsubst %,$(HW)/lib%.lib,ntdll ntoskrnl hal)
	@$(LLD) /nologo /WX /dll /subsystem:native /entry:Entry /nodefaultlib /noimplib /out:$@ $^

# What host/linux does to TCP, natively.
$(B)/unit/offload: tests/unit/offload.c tests/unit/offload_reference.h host/linux/segment.c host/linux/coalesce.c $(wildcard host/linux/*.h)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O1 -g $(WARN) -fsanitize=address,undefined -fno-sanitize-recover=all -I. $(filter %.c,$^) -lcmocka -o $@

.PHONY: check-offload
check-offload: $(B)/unit/offload ## TCP super-packets of the TUN device: taken apart and put together
	@timeout 120 $<

$(B)/tests/iphelper.exe: tests/e2e/iphelper.c
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -liphlpapi -lole32 -luuid

# The miniport of tests/e2e/test_kernel.py.
$(B)/tests/kernel/%.o: tests/e2e/kernel/%.c tests/e2e/kernel/kernel.h $(wildcard wdk/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(PE_CFLAGS_amd64) -c -o $@ $<

$(B)/tests/kernel/kernel.sys: $(patsubst %,$(B)/tests/kernel/%.o,kernel tests data) $(B)/amd64/obj/driver/loadconfig.o \
    $(patsubst %,$(B)/amd64/lib/%.lib,ntoskrnl hal ndis)
	@cp tests/e2e/kernel/kernel.inf $(@D)
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf /out:$@ $^

check-e2e: $(B)/tests/kernel/kernel.sys

# The miniport of tests/e2e/test_classic.py and its program.
$(B)/tests/classic/%.o: tests/classic/%.c $(wildcard tests/classic/*.h wdk/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(PE_CFLAGS_amd64) -c -o $@ $<

$(B)/tests/classic/classic.sys: $(patsubst %,$(B)/tests/classic/%.o,driver adapter session data) \
    $(B)/amd64/obj/driver/loadconfig.o $(patsubst %,$(B)/amd64/lib/%.lib,ntoskrnl hal ndis)
	@cp tests/classic/classic.inf $(@D)
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf /out:$@ $^

$(B)/tests/classic/classic.exe: tests/classic/program.c tests/classic/request.h
	@mkdir -p $(@D)
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -lcfgmgr32 -lsetupapi -ladvapi32

check-e2e: $(B)/tests/classic/classic.sys $(B)/tests/classic/classic.exe

# Programs for tests/e2e/test_host.py.
check-e2e: $(B)/tests/devices.exe $(B)/tests/iphelper.exe

# What 32-bit programs need: 180 MB, for the tests of them only.
.PHONY: wine32
wine32: deps ## get Debian's 32-bit Wine into build/wine32, for host/wine/run; nothing is installed
	@scripts/wine32

$(B)/wine/template: $(HOST_USER) host/wine/template.reg
	@host/wine/run --template && touch $@

# --- simulator -------------------------------------------------------------------------------------------------------
# The driver's sources with host/ndis and host/nt as one Linux program, once for each set of sanitizers.

SIM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARN) -fshort-wchar -fno-strict-aliasing -fno-omit-frame-pointer -fno-optimize-sibling-calls -Iwdk -I. -I$B/identity -I$(B)/native
SIM_FLAGS_address := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SIM_FLAGS_thread  := -fsanitize=thread
# Of the driver only: profiles know static functions by the names of their files without folders, which clash.
SIM_DRIVER_FLAGS_coverage := -fprofile-instr-generate -fprofile-update=atomic -fcoverage-mapping
SIM_SOURCES := $(wildcard driver/*.c host/ndis/*.c host/nt/*.c host/nt/*/*.c tests/simulation/*.c) $(addprefix tests/e2e/kernel/,kernel.c data.c) \
    $(addprefix tests/classic/,driver.c adapter.c session.c data.c) $(B)/native/calls.c
SIM_HEADERS := $(IDENTITY_H) $(wildcard driver/*.h host/ndis/*.h host/nt/*.h tests/simulation/*.h tests/classic/*.h ring/*.h wdk/*.h) $(B)/native/exports.h
SIM_WRAP := $(B)/native/wrap

# Between drivers and host/ndis: calls of NDIS that can fail are made to, one at a time (tests/simulation/calls.py).
$(B)/native/calls.c $(SIM_WRAP): tests/simulation/calls.py $(wildcard wdk/n*.h host/ndis/*.c)
	@mkdir -p $(@D)
	@$(PYTHON) $< $(if $(filter %.c,$@),source,options) > $@

# Functions that drivers import: host/nt must have each of them.
$(B)/native/exports.h: wdk/ntoskrnl.def wdk/hal.def
	@mkdir -p $(@D)
	@sed -nE 's/^ +([A-Z][A-Za-z0-9]+)$$/EXPORT(\1)/p' $^ > $@

define simulator_rules
$(B)/native/$(1)/%.o: %.c $(SIM_HEADERS) Makefile
	@mkdir -p $$(@D)
	@$(CLANG) $(SIM_CFLAGS) $(SIM_FLAGS_$(1)) $$(if $$(filter driver/%,$$<),$(SIM_DRIVER_FLAGS_$(1)) -include tests/simulation/code.h) \
	    $$(if $$(filter tests/e2e/%,$$<),-DDriverEntry=OtherDriverEntry) $$(if $$(filter tests/classic/%,$$<),-DDriverEntry=ClassicDriverEntry) -c $$< -o $$@

$(B)/native/simulate-$(1): $(SIM_SOURCES:%.c=$(B)/native/$(1)/%.o) $(SIM_WRAP)
	@$(CLANG) $(SIM_FLAGS_$(1)) $(SIM_DRIVER_FLAGS_$(1)) @$(SIM_WRAP) -Wl,--wrap=KeGetCurrentIrql -o $$@ $$(filter %.o,$$^) -pthread
endef
$(foreach kind,address thread coverage,$(eval $(call simulator_rules,$(kind))))

.PHONY: simulate check-simulate
simulate: deps check-simulate ## the driver in a simulated kernel, under the address, undefined and thread sanitizers

check-simulate: $(B)/native/simulate-address $(B)/native/simulate-thread
	@tests/simulation/run

.PHONY: soak
soak: $(B)/native/simulate-address $(B)/native/simulate-thread $(B)/e2e/peer.exe $(B)/e2e/adapters.exe $(B)/e2e/faults.exe $(B)/e2e/failing.exe $(B)/e2e/traffic
soak: deps check-machine host examples identity-acme ## random operations up to 100 million, 1,000 deaths in Wine, 20 creators at once; can be resumed
	@scripts/soak

# Coverage of driver/ and ring/: tests/coverage.py, and tests/coverage.txt for what is not covered.
$(B)/native/ring-coverage: tests/unit/ring.c tests/unit/ring_threads.c tests/unit/ring_test.h ring/ring.h
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 -D_GNU_SOURCE -O1 -g $(WARN) $(SIM_DRIVER_FLAGS_coverage) -I. $(filter %.c,$^) -lcmocka -pthread -o $@

.PHONY: coverage
coverage: deps $(B)/native/simulate-coverage $(B)/native/ring-coverage ## lines and branches of driver/ and ring/ that the tests reach; about 2 minutes
	@$(PYTHON) tests/coverage.py $(B)/native/simulate-coverage $(B)/native/ring-coverage

# Seeded faults, tests/mutations.txt, each of which a check must catch: tests/mutate.py. In `make check` only: all can be sown.
.PHONY: mutate check-mutations
mutate: check-machine deps ## sow faults into a copy of the code, one at a time, and see each caught; about 20 minutes, as root
	@$(PYTHON) tests/mutate.py

check-mutations:
	@$(PYTHON) tests/mutate.py --check

# --- fuzzing ---------------------------------------------------------------------------------------------------------
# One program a target: the driver as the simulator has it, or the library (target library), told by its branches and
# comparisons what an input reached, and watched at each load. Corpora lie in tests/fuzz/corpus/<target>.

FUZZ_TARGETS := memory ioctl oid lists library
FUZZ_DRIVER_TARGETS := $(filter-out library,$(FUZZ_TARGETS))
FUZZ_SECONDS ?= 60
FUZZ_WATCHED := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fsanitize-coverage=trace-loads
FZ := $B/native/fuzz
FUZZ_HOST := $(patsubst %.c,$(B)/native/address/%.o,$(wildcard host/ndis/*.c host/nt/*.c host/nt/*/*.c) $(addprefix tests/simulation/,adapter.c \
    platform.c program.c) $(B)/native/calls.c) $(patsubst %,$(FZ)/tests/fuzz/%.o,fuzz stack)

$(FZ)/driver/%.o: driver/%.c tests/fuzz/code.h $(SIM_HEADERS) Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) $(FUZZ_WATCHED) -include tests/simulation/code.h -include tests/fuzz/code.h -c $< -o $@

$(FZ)/tests/fuzz/%.o: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(SIM_HEADERS) Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) $(SIM_FLAGS_address) -c $< -o $@

$(FUZZ_DRIVER_TARGETS:%=$(FZ)/fuzz-%): $(FZ)/fuzz-%: $(FZ)/tests/fuzz/%.o $(FUZZ_HOST) $(DRIVER_SOURCES:%.c=$(FZ)/%.o) $(SIM_WRAP)
	@$(CLANG) $(SIM_FLAGS_address) -fsanitize=fuzzer @$(SIM_WRAP) \
	    $(patsubst %,-Wl$(comma)--wrap=%,KeWaitForMultipleObjects KeSetEvent KeStallExecutionProcessor) -o $@ $(filter %.o,$^) -pthread

FUZZ_LIBRARY_CFLAGS := -std=gnu11 -O1 -g $(WARN) -fshort-wchar -Itests/unit/windows -I. -I$B/identity

$(FZ)/library/%.o: library/%.c $(LIBRARY_HEADERS) $(wildcard tests/unit/windows/*.h) Makefile
	@mkdir -p $(@D)
	@$(CLANG) $(FUZZ_LIBRARY_CFLAGS) $(FUZZ_WATCHED) -c $< -o $@

$(FZ)/fuzz-library: tests/fuzz/library.c tests/fuzz/input.h $(FZ)/library/session.o $(FZ)/library/packets.o
	@$(CLANG) $(FUZZ_LIBRARY_CFLAGS) $(SIM_FLAGS_address) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) -pthread

.PHONY: fuzz check-fuzz
fuzz: deps $(FUZZ_TARGETS:%=$(FZ)/fuzz-%) ## give driver and library hostile input, FUZZ_SECONDS (60) for each of five targets
	@tests/fuzz/run fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

check-fuzz: $(FUZZ_TARGETS:%=$(FZ)/fuzz-%)
	@tests/fuzz/run replay $(FUZZ_TARGETS)

# --- examples --------------------------------------------------------------------------------------------------------
# Windows programs that stand beside the library; echo loads wintun.dll when it runs, wire is linked with plaintun.dll.

EXE_FLAGS := $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -mguard=cf -Wl,-s -Wl,-Xlink=-release -Wl,--fatal-warnings
EXE_LIBS := -liphlpapi -lws2_32 -lntdll
EXAMPLE_PARTS := examples/stop.c examples/addresses.c wdk/loadconfig.c
EXAMPLES := $(B)/amd64/echo.exe $(B)/amd64/wire.exe

.PHONY: examples
examples: deps $(EXAMPLES) $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll ## build the example programs (build/amd64)

$(B)/amd64/echo.exe: examples/echo.c $(EXAMPLE_PARTS) examples/example.h include/wintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $(filter %.c,$^) $(EXE_LIBS)

$(B)/amd64/wire.exe: examples/wire.c $(EXAMPLE_PARTS) $(B)/amd64/$(NAME).lib examples/example.h include/plaintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $(filter %.c %.lib,$^) $(EXE_LIBS)


# --- package ---------------------------------------------------------------------------------------------------------
# The zip depends on the sources alone, not on where, when and by whom it is made. In the signed one, build/signed takes
# the place of build: .sys signed, catalog made and signed, both put into the libraries, which are linked anew and signed.

# Beside each zip stands one with the symbols of its files, ...-symbols.zip, which is made along with it.

PACKAGE := $B/$(NAME)-$(VERSION).zip
PACKAGE_SIGNED := $B/$(NAME)-$(VERSION)-signed.zip
PACKAGE_FILES := $(wildcard package/*.in LICENSE *.md docs/*.md include/*.h examples/* examples/*/*)
SG := $B/signed

.PHONY: package sign
package: deps $(PACKAGE) ## build everything that users get, for all machines: build/plaintun-VERSION.zip, -symbols.zip

$(PACKAGE): $(LIBRARIES) $(TOOLS) $(foreach arch,amd64 arm64,$(addprefix $B/$(arch)/$(NAME).,inf sys cat)) package/package.py $(PACKAGE_FILES)
	@$(PYTHON) package/package.py $(NAME) $(VERSION) $B $@

sign: deps $(PACKAGE_SIGNED) ## the same, signed by KEY= and CERT= (PEM), or by a test certificate made on the spot

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
# The same program in other languages: examples/README.md. Their tool chains are large, so nothing else needs these targets.
PACKAGES_LANGUAGES := golang-go rustc libstd-rust-dev-windows gcc-mingw-w64-x86-64-win32 mono-mcs
LANGUAGES := $(addprefix $(B)/languages/,go.exe rust.exe csharp.exe)

$(B)/languages/go.exe: examples/go/responder.go
	@mkdir -p $(@D)
	@HOME=$(abspath $(B)/languages) GOOS=windows GOARCH=amd64 CGO_ENABLED=0 go build -o $@ $<

$(B)/languages/rust.exe: examples/rust/responder.rs
	@mkdir -p $(@D)
	@/usr/bin/rustc -O --target x86_64-pc-windows-gnu -C linker=x86_64-w64-mingw32-gcc-win32 -o $@ $<

$(B)/languages/csharp.exe: examples/csharp/Responder.cs
	@mkdir -p $(@D)
	@mcs -out:$@ $<

.PHONY: deps-languages examples-languages check-examples
deps-languages: deps
	@scripts/deps $(PACKAGES_LANGUAGES)

examples-languages: deps-languages
	@$(MAKE) --no-print-directory $(LANGUAGES)

check-examples: check-machine examples-languages host examples ## build the examples in Go, Rust and C# (1 GB of packages) and run those that Wine can
	@cp $(B)/amd64/plaintun.dll $(B)/languages/
	@tests/e2e/run -v tests/e2e/languages.py

# --- tests -----------------------------------------------------------------------------------------------------------
# `make check` runs each suite NAME as check-NAME and counts: scripts/check. What needs more than a compiler comes last.

SUITES         := layout manual headers ring-plain ring-address ring-thread labels model-labels library simulate fuzz offload pe inf package reproducible mutations format
SUITES_MACHINE := e2e

.PHONY: check check-build check-pe check-inf check-package check-reproducible check-format format
check: ## build and run all tests (root; about 14 minutes); closes with `N passed, N failed`
	@scripts/check "$(SUITES)" "$(SUITES_MACHINE)"

check-build: driver library tool examples host

PE_FILES := $B/amd64/$(NAME).sys $B/arm64/$(NAME).sys $(LIBRARIES) $(TOOLS) $(EXAMPLES)

check-pe: $(PE_FILES) ## what every .sys, .dll and .exe must have: checksum, control-flow guard, NX, ASLR, imports, ...
	@$(PYTHON) tests/unit/pe.py $(wildcard $(foreach kind,sys dll exe,$(addsuffix /*.$(kind),$B/x86 $B/amd64 $B/arm64)))

check-inf: $(foreach arch,amd64 arm64,$B/$(arch)/$(NAME).inf) ## the INF files keep Windows' rules, and each rule finds what breaks it
	@tests/unit/inf.py $^

check-package: $(PACKAGE) ## packages, catalogs and signatures are what they should be
	@$(MAKE) --no-print-directory $(PACKAGE_SIGNED) KEY= CERT= SIGN= TIMESTAMP= DRIVERS=
	@$(PYTHON) tests/unit/package.py $(NAME) $(PACKAGE) $(PACKAGE_SIGNED) build/signing/test.crt

check-reproducible: $(PACKAGE) ## the same package, byte for byte, comes of another path, time zone, umask, locale and -j
	@tests/unit/reproducible $(PACKAGE) $(IDENTITY)

# Programs are C99 or C++11 and later, and may have all warnings on.
.PHONY: check-headers
check-headers: ## include/*.h compile by themselves, as C99 and as C++11, with all warnings
	@Passed=0; for Header in include/*.h; do for Language in c99 c++11; do \
	    $(CLANG) --target=x86_64-w64-windows-gnu -isystem /usr/share/mingw-w64/include -Iinclude -fsyntax-only -Wall -Wextra \
	        -Wpedantic -Werror -std=$$Language -x $$([ $$Language = c99 ] && echo c || echo c++) -include $${Header#*/} /dev/null && \
	        Passed=$$((Passed + 1)) || exit 1; \
	done; done; echo "headers: $$Passed passed, 0 failed"

.PHONY: check-manual
check-manual: ## docs/manual.md names every function, error and command there is, and links lead somewhere
	@$(PYTHON) tests/unit/manual.py

check-format: ## the C sources look as .clang-format says
	@scripts/format --check

format: ## make them look so
	@scripts/format

# e2e: real programs, the real driver, the real Linux stack; pytest in namespaces of its own (tests/e2e/run).
E2E := $(B)/e2e
E2E_WINDOWS := $(addprefix $(E2E)/,peer.exe contract.exe failing.exe adapters.exe telling.exe faults.exe)

$(E2E_WINDOWS): $(E2E)/%.exe: tests/e2e/%.c $(EXAMPLE_PARTS) $(wildcard tests/e2e/*.h ring/*.h) tool/output.c tool/tool.h \
    $(B)/amd64/$(NAME).lib $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $< $(EXAMPLE_PARTS) $(B)/amd64/$(NAME).lib $(EXE_LIBS)
	@cp $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll $(@D)/

# The same programs, and the example with the drop-in library, for x86, beside the x86 libraries.
E2E_X86 := $(addprefix $(E2E)/x86/,peer.exe contract.exe failing.exe wow64.exe echo.exe)
E2E_X86_PARTS := $(patsubst %,$(E2E)/x86/obj/%.o,entry32 stop addresses)
E2E_X86_IMPORTS := ucrtbase kernel32 advapi32 iphlpapi ws2_32 ntdll newdev setupapi

$(E2E)/x86/obj/%.o: tests/e2e/%.c $(wildcard tests/e2e/*.h ring/*.h host/wine/newdev/newdev.h) include/plaintun.h include/wintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(HX_CFLAGS) -municode -c -o $@ $<

$(E2E)/x86/obj/%.o: examples/%.c examples/example.h include/plaintun.h include/wintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(HX_CFLAGS) -municode -c -o $@ $<

$(E2E)/x86/obj/%.lib: $(E2E_X86:$(E2E)/x86/%.exe=$(E2E)/x86/obj/%.o) $(E2E_X86_PARTS) $(HX)/shared/stdio32.o $(HOST_X86)
	@$(call x86_import_library,$(WINE_DLLS)/$*.dll $(filter %/$*.dll,$(HOST_X86)))

$(E2E_X86): $(E2E)/x86/%.exe: $(E2E)/x86/obj/%.o $(E2E_X86_PARTS) $(HX)/shared/stdio32.o $(E2E_X86_IMPORTS:%=$(E2E)/x86/obj/%.lib) \
    $(B)/x86/$(NAME).lib $(B)/x86/$(NAME).dll $(B)/x86/wintun.dll
	@$(LLD) /nologo /entry:Entry /nodefaultlib /subsystem:console,10.0 /safeseh:no /out:$@ $(filter %.o %.lib,$^)
	@cp $(B)/x86/$(NAME).dll $(B)/x86/wintun.dll $(@D)/

.SECONDARY: $(E2E_X86_IMPORTS:%=$(E2E)/x86/obj/%.lib) $(E2E_X86:$(E2E)/x86/%.exe=$(E2E)/x86/obj/%.o) $(E2E_X86_PARTS)

check-e2e: wine32 $(E2E_X86) $(B)/x86/$(NAME).exe

$(E2E)/traffic: tests/e2e/traffic.c tests/e2e/packet.h
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O2 $(WARN) -I. -o $@ $<

# Another vendor's product, and a newer version of it, for test_identity.py and test_install.py.
build/identities/newer.identity: tests/e2e/acme.identity
	@mkdir -p $(@D)
	@sed -E 's/^(VERSION *=).*/\1 3.3.0/; s/^(DATE *=).*/\1 11\/03\/2026/' $< >$@

.PHONY: identity-acme
identity-acme: build/identities/newer.identity
	@$(MAKE) --no-print-directory IDENTITY=tests/e2e/acme.identity $(addprefix build/identities/acme/,e2e/peer.exe amd64/acme.exe)
	@$(MAKE) --no-print-directory IDENTITY=$< build/identities/newer/e2e/peer.exe
	@cp tests/e2e/acme.identity build/identities/other.identity
	@$(MAKE) --no-print-directory IDENTITY=build/identities/other.identity "WARN=$(WARN) -DTUN_PROTOCOL=99u" build/identities/other/e2e/peer.exe

check-e2e: identity-acme

.PHONY: check-e2e
check-e2e: host examples $(PACKAGE) $B/amd64/$(NAME).exe $(E2E_WINDOWS) $(E2E)/traffic ## end-to-end tests: Windows programs in Wine, Linux' own stack
	@tests/e2e/run

# --- demo ------------------------------------------------------------------------------------------------------------

.PHONY: demo
demo: check-machine deps host examples ## Windows programs answer ping and carry TCP and UDP, here, under Wine
	@scripts/demo

# --- bench -----------------------------------------------------------------------------------------------------------
# bench/run measures examples/ and their native peers in the same minute; the figures go to build/bench.json and .png.

BENCH_NATIVE := $(addprefix $(B)/bench/,native_echo native_wire udp_load)

$(BENCH_NATIVE): $(B)/bench/%: bench/%.c bench/tun.h
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O2 $(WARN) -I. -o $@ $< -pthread

BENCH_WINDOWS := $(addprefix $(B)/bench/,create.exe counters.exe)

$(BENCH_WINDOWS): $(B)/bench/%.exe: bench/%.c $(B)/amd64/$(NAME).lib $(B)/amd64/$(NAME).dll include/plaintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $< wdk/loadconfig.c $(B)/amd64/$(NAME).lib
	@cp $(B)/amd64/$(NAME).dll $(@D)/

# The driver itself, in the simulator without sanitizers; its own sources compiled as for Windows.
BENCH_DRIVER := $(patsubst %.c,$(B)/bench/obj/%.o,$(wildcard driver/*.c host/ndis/*.c host/nt/*.c host/nt/*/*.c bench/driver*.c))

$(BENCH_DRIVER): $(B)/bench/obj/%.o: %.c $(SIM_HEADERS) bench/driver.h
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) -O2 -fomit-frame-pointer -foptimize-sibling-calls \
	    $(if $(filter driver/%,$<),-ffreestanding -fms-extensions) -c $< -o $@

$(B)/bench/driver: $(BENCH_DRIVER)
	@$(CLANG) -o $@ $^ -pthread

.PHONY: bench
bench: check-machine deps host examples $B/amd64/$(NAME).exe $(BENCH_NATIVE) $(BENCH_WINDOWS) $(B)/bench/driver ## measure beside native Linux programs and memcpy, about 4 minutes
	@bench/run


# --- clean -----------------------------------------------------------------------------------------------------------

.PHONY: clean
clean: ## remove everything made (build/)
	@rm -rf $(B)
