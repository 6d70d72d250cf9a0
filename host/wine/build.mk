# The host in Wine. User-mode half: Windows calls that Wine lacks, and host/wine/run with its template. A DLL of Wine's is replaced by
# one that has our functions and forwards all others to Wine's, which host/wine/run puts beside it under the name *_wine.
HW := build/host/wine
HX := $(HW)/x86
HOST_USER := $(HW)/keep.exe $(patsubst %,$(HW)/%.exe,route netsh powershell) $(HW)/cfgmgr32.dll $(HW)/newdev.dll $(HW)/setupapi.dll $(HW)/iphlpapi.dll $(HW)/netshell.dll \
    $(addprefix $(HW)/,hostnt.dll bcryptprimitives.dll advapi32.dll ws2_32.dll netprofm.dll) $(HW)/swdevice.sys $(HW)/ndis.sys $(HW)/stronghost $(HW)/ending.so $(HX)/ending.so
HOST_X86 := $(patsubst %,$(HX)/%.dll,cfgmgr32 newdev setupapi iphlpapi netshell bcryptprimitives)
WINE_DLLS := /usr/lib/x86_64-linux-gnu/wine/x86_64-windows
HOST_SYS_CFLAGS := --target=x86_64-w64-windows-gnu -std=c11 -O2 -g0 $(WARN) -Wno-\#warnings -ffreestanding -fms-extensions \
    -fasynchronous-unwind-tables -fno-stack-protector -mno-stack-arg-probe -D_AMD64_ -D_WIN32_WINNT=0x0A00 \
    -DNTDDI_VERSION=0x0A000006 -isystem /usr/share/mingw-w64/include -isystem /usr/share/mingw-w64/include/ddk -I.

$(HW)/%.user.o: host/wine/%.c wdk/missing.h $(wildcard host/wine/*/*.h host/linux/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(WIN_CFLAGS) -c -o $@ $<

$(HW)/keep.exe: $(HW)/keep.user.o $(HW)/keepdns.user.o
	@$(CLANG) $(WIN_LDFLAGS) -o $@ $^ -liphlpapi -lole32

$(HW)/swdevice.sys: host/wine/swdevice/swdevice.c host/wine/swdevice/swdevice.h
	@mkdir -p $(HW)
	@$(CLANG) $(HOST_SYS_CFLAGS) -c -o $(HW)/swdevice.o $<
	@$(CLANG) $(WIN_LDFLAGS) -nostdlib -shared -Wl,--subsystem,native -Wl,--entry,DriverEntry -o $@ $(HW)/swdevice.o -lntoskrnl

$(HW)/stronghost: host/wine/stronghost.c host/linux/netlink.c host/linux/netlink_ask.c $(wildcard host/linux/*.h)
	@mkdir -p $(HW)
	@$(CLANG) -std=gnu11 -O2 $(WARN) -I. -o $@ $(filter %.c,$^)

ENDING_FLAGS := -std=c11 -O2 $(WARN) -ffreestanding -fPIC -fvisibility=hidden -fno-stack-protector -shared -nostdlib -fuse-ld=lld
$(HW)/ending.so: host/wine/ending.c
	@mkdir -p $(HW)
	@$(CLANG) --target=x86_64-linux-gnu $(ENDING_FLAGS) -o $@ $<

$(HX)/ending.so: host/wine/ending.c
	@mkdir -p $(HX)
	@$(CLANG) --target=i686-linux-gnu $(ENDING_FLAGS) -o $@ $<

# The driver store: cfgmgr32.dll installs from it too.
HOST_STORE := $(addprefix newdev/,store storepath install)
HOST_IPHLPAPI := $(addprefix iphlpapi/,link address route choice interface notify change adapters groups dns) shared/failures

$(HW)/cfgmgr32.dll: $(patsubst %,$(HW)/%.user.o,$(addprefix cfgmgr32/,bus software install devnode notify) $(HOST_STORE) shared/failures) host/wine/forward
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
	@host/wine/forward $(WINE_DLLS)/iphlpapi.dll iphlpapi_wine '^(AddIPA|Get|Set|Create|Delete|Initialize|Convert|Notify|Cancel|Free)' \
	    $(filter %.user.o,$^) > $(HW)/iphlpapi.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/iphlpapi.def -lntdll

$(HW)/netshell.dll: $(patsubst %,$(HW)/%.user.o,netshell/netshell iphlpapi/link) $(HW)/netlink.linux.o $(HW)/netlink_ask.linux.o
	@printf '%s\n' 'LIBRARY netshell.dll' EXPORTS DllGetClassObject DllCanUnloadNow NcFreeNetconProperties > $(HW)/netshell.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $^ $(HW)/netshell.def -lole32

# Gaps of Wine's, each by itself: its first lines say which versions of Wine need it. hostnt.dll comes with the fronts.
HOST_NT := $(HW)/hostnt.dll
$(HOST_NT): $(HW)/ntdll/answers.user.o
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $^ -lntdll

$(HW)/bcryptprimitives.dll: $(HW)/bcryptprimitives/bcryptprimitives.user.o
	@printf '%s\n' 'LIBRARY bcryptprimitives.dll' EXPORTS ProcessPrng > $(HW)/bcryptprimitives.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $^ $(HW)/bcryptprimitives.def -ladvapi32

$(HW)/advapi32.dll: $(HW)/ntdll/comes.user.o $(HOST_NT) host/wine/forward
	@host/wine/forward $(WINE_DLLS)/advapi32.dll advapi32_wine - > $(HW)/advapi32.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o %.dll,$^) $(HW)/advapi32.def

$(addprefix $(HW)/,ws2_32/data.user.o ws2_32/pending.user.o rio/rio.user.o): WIN_CFLAGS += -fms-extensions# __try
$(HW)/ws2_32.dll: $(patsubst %,$(HW)/%.user.o,$(addprefix ws2_32/,ws2_32 table pending data) rio/rio) $(HOST_NT) host/wine/forward
	@host/wine/forward $(WINE_DLLS)/ws2_32.dll ws2_32_wine '^[a-z]|^WSA' $(filter %.o,$^) > $(HW)/ws2_32.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o %.dll,$^) $(HW)/ws2_32.def

$(HW)/netprofm.dll: $(HW)/netprofm/netprofm.user.o host/wine/forward
	@host/wine/forward $(WINE_DLLS)/netprofm.dll netprofm_wine '^Dll' $(filter %.o,$^) > $(HW)/netprofm.def
	@$(CLANG) $(WIN_LDFLAGS) -shared -o $@ $(filter %.o,$^) $(HW)/netprofm.def -ladvapi32 -lole32 -luuid

# Commands that Wine lacks, or has as files that do nothing.
HOST_COMMANDS := $(patsubst %,$(HW)/%.exe,route netsh powershell)
$(foreach command,route netsh powershell,$(eval $(HW)/$(command).exe: $(HW)/$(command)/$(command).user.o))
$(HOST_COMMANDS):
	@$(CLANG) $(WIN_LDFLAGS) -municode -o $@ $(filter %.o,$^) -liphlpapi -lws2_32 -ladvapi32

# The same for 32-bit programs, for syswow64: like the library without import libraries or a C runtime of Debian's, which
# would be 180 MB more. What an object file calls is found in Wine's export tables.
HX_IMPORTS := ucrtbase kernel32 advapi32 setupapi ole32 ntdll
HX_cfgmgr32 := $(patsubst %,$(HX)/%.o,$(addprefix cfgmgr32/,bus software install32 devnode notify) shared/failures)
HX_newdev   := $(HX)/newdev/newdev32.o
HX_setupapi := $(patsubst %,$(HX)/%.o,setupapi/infstore setupapi/setupapi32 newdev/storepath shared/failures)
HX_netshell := $(patsubst %,$(HX)/%.o,netshell/netshell iphlpapi/link netlink netlink_ask shared/stdio32)
HX_bcryptprimitives := $(HX)/bcryptprimitives/bcryptprimitives.o
HX_iphlpapi := $(patsubst %,$(HX)/%.o,$(HOST_IPHLPAPI) netlink netlink_ask shared/stdio32)
HX_cfgmgr32_EXPORTS := ^(CM_|Sw)
HX_newdev_EXPORTS   := ^(Di|Update)
HX_setupapi_EXPORTS := ^Setup
HX_iphlpapi_EXPORTS := ^(AddIPA|Get|Set|Create|Delete|Initialize|Convert|Notify|Cancel|Free)
HX_CFLAGS := $(WIN_CFLAGS_x86) $(WIN_CFLAGS_ALL) -D_UCRT -ffreestanding -fno-stack-protector -mno-stack-arg-probe

$(HX)/%.o: host/wine/%.c wdk/missing.h $(wildcard host/wine/*/*.h host/linux/*.h)
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

$(HX)/%.lib: $(HX_cfgmgr32) $(HX_newdev) $(HX_setupapi) $(HX_netshell) $(HX_iphlpapi) $(HX_bcryptprimitives) scripts/stdcall
	@$(call x86_import_library,$(WINE_DLLS)/$*.dll)

define host_x86_rule
$(HX)/$(1).dll: $(HX_$(1)) $(HX_IMPORTS:%=$(HX)/%.lib) host/wine/forward
	@$(if $(filter netshell bcryptprimitives,$(1)),cat $(HW)/$(1).def,host/wine/forward $(WINE_DLLS)/$(1).dll $(1)_wine '$(HX_$(1)_EXPORTS)' $(HX_$(1))) | \
	    sed '0,/^EXPORTS/d; s, @.*,,; s,^,/export:,' >$$@.exports
	@$(LLD) /nologo /WX /dll /noentry /nodefaultlib /noimplib /safeseh:no /subsystem:windows /out:$$@ @$$@.exports $$(filter %.o %.lib,$$^)
endef
$(foreach dll,cfgmgr32 newdev setupapi netshell iphlpapi bcryptprimitives,$(eval $(call host_x86_rule,$(dll))))
$(HX)/netshell.dll: $(HW)/netshell.dll
$(HX)/bcryptprimitives.dll: $(HW)/bcryptprimitives.dll
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

# Kernel half: NDIS over Wine's kernel, the pieces of the kernel that Wine lacks, and the TUN device behind it, in one
# ndis.sys. Kernel functions that are defined here (KeSetEvent, ...) are used directly; the rest come from Wine.
HOST_KERNEL := $(wildcard host/ndis/*.c) $(patsubst %,host/linux/%.c,backend late leave tun coalesce) $(wildcard host/wine/ndis/*.c host/wine/ntoskrnl/*.c)
HOST_KERNEL_CFLAGS := $(filter-out -Xclang -cfguard,$(PE_CFLAGS_amd64)) -DNTKERNELAPI= -DNTHALAPI= '-DNDISAPI=__declspec(dllexport)'

$(HW)/%.kernel.o: host/%.c $(wildcard host/ndis/*.h host/linux/*.h host/wine/ntoskrnl/kernel.h wdk/*.h ring/*.h) Makefile host/wine/build.mk
	@mkdir -p $(@D)
	@$(CLANG) $(HOST_KERNEL_CFLAGS) -c -o $@ $<

$(HW)/lib%.lib: host/wine/ntoskrnl/%.def
	@mkdir -p $(@D)
	@$(DLLTOOL) -m $(MACHINE_amd64) -d $< -l $@

$(HW)/ndis.sys: $(HOST_KERNEL:host/%.c=$(HW)/%.kernel.o) $(patsubst %,$(HW)/lib%.lib,ntdll ntoskrnl hal)
	@$(LLD) /nologo /WX /dll /subsystem:native /entry:Entry /nodefaultlib /noimplib /out:$@ $^

$(B)/wine/template: $(HOST_USER) host/wine/template.reg
	@host/wine/run --template && touch $@
