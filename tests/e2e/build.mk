# End to end: real programs, the real driver, the real Linux stack; pytest in namespaces of its own (tests/e2e/run).
E2E := $(B)/e2e
E2E_WINDOWS := $(addprefix $(E2E)/,peer.exe contract.exe failing.exe adapters.exe telling.exe faults.exe loading.exe waiting.exe)

$(E2E_WINDOWS): $(E2E)/%.exe: tests/e2e/%.c $(EXAMPLE_PARTS) $(wildcard tests/e2e/*.h ring/*.h) tool/output.c tool/tool.h \
    $(B)/amd64/$(NAME).lib $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $< $(EXAMPLE_PARTS) $(B)/amd64/$(NAME).lib $(EXE_LIBS)
	@cp $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll $(@D)/

# The same programs, and the example with the drop-in library, for x86, beside the x86 libraries.
E2E_X86 := $(addprefix $(E2E)/x86/,peer.exe contract.exe failing.exe wow64.exe echo.exe)
E2E_X86_PARTS := $(patsubst %,$(E2E)/x86/obj/%.o,entry32 stop addresses)
E2E_X86_IMPORTS := ucrtbase kernel32 advapi32 iphlpapi ws2_32 ntdll newdev setupapi

$(E2E)/x86/obj/%.o: tests/e2e/%.c $(wildcard tests/e2e/*.h ring/*.h host/wine/newdev/newdev.h) wdk/missing.h include/plaintun.h include/wintun.h
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

# The programs once more, beside a library for amd64 that takes itself for x86's: its way through the helper, where the kernel
# runs no 32-bit programs too.
STRANGER := $(E2E)/stranger
E2E_STRANGER := $(STRANGER)/$(NAME).dll $(addprefix $(STRANGER)/,peer.exe contract.exe failing.exe faults.exe echo.exe $(NAME).exe)
$(STRANGER)/obj/native.o: library/native.c $(LIBRARY_HEADERS)
	@mkdir -p $(@D)
	@$(CLANG) $(LIBRARY_CFLAGS) $(WIN_CFLAGS_amd64) -DOUR_MACHINE=IMAGE_FILE_MACHINE_I386 -c $< -o $@

$(STRANGER)/obj/library.res: library/library.rc library/resource.h $(IDENTITY_H) $(B)/x86/obj/library/library-amd64.bin
	@mkdir -p $(@D)
	@$(RC) /I $(B)/x86/obj/library /D CARRIES_AMD64 /fo $@ $<

$(STRANGER)/$(NAME).dll: $(STRANGER)/obj/native.o $(STRANGER)/obj/library.res library/library.def \
    $(patsubst %.c,$(B)/amd64/obj/%.o,$(filter-out library/native.c,$(LIBRARY_SOURCES)) library/loadconfig.c) $(LIBRARY_IMPORTS:%=$(B)/amd64/obj/library/%.lib)
	@$(LLD) $(LIBRARY_LDFLAGS) $(LIBRARY_LDFLAGS_amd64) /def:library/library.def /pdb:$@.pdb /out:$@ $(filter-out %.def,$^)
	@cp $@ $(@D)/wintun.dll

$(STRANGER)/%.exe: $(E2E)/%.exe
	@mkdir -p $(@D)
	@cp $< $@

$(addprefix $(STRANGER)/,echo.exe $(NAME).exe): $(STRANGER)/%.exe: $(B)/amd64/%.exe
	@mkdir -p $(@D)
	@cp $< $@

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

# Programs for test_host.py and test_iphelper.py.
$(B)/tests/devices.exe: tests/e2e/devices.c $(HW)/libhostapi.a wdk/missing.h $(wildcard host/wine/*/*.h)
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -L$(HW) -lhostcm -lhostnewdev -lnewdev -lcfgmgr32 -lsetupapi -lole32 -luuid

$(B)/tests/iphelper.exe: tests/e2e/iphelper.c
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -liphlpapi -lole32 -luuid

# What tunnel programs ask of the system: test_client.py. Two functions that it imports are missing everywhere.
$(B)/tests/client.exe: tests/e2e/client.c tests/e2e/build.mk
	@mkdir -p $(B)/tests
	@printf '%s\n' 'LIBRARY iphlpapi.dll' EXPORTS AskTheOracle AskTheOracleAgain > $(B)/tests/oracle.def
	@$(DLLTOOL) -m i386:x86-64 -d $(B)/tests/oracle.def -l $(B)/tests/liboracle.a
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -L$(B)/tests -loracle -lws2_32 -ladvapi32 -lntdll -lole32 -luuid

# Windows' datagram sockets: test_sockets.py.
$(B)/tests/sockets.exe: tests/e2e/sockets.c host/wine/rio/rio.h
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -lws2_32

# Both ends of a real tunnel: test_wireguard.py. Debian's wireguard-go lacks two packages that its Windows half imports: one lies
# in Go's own sources, the other is tests/e2e/wintun. Debian's Go fetches nothing and heeds no setting of the user's; what it has
# compiled stays in build/go.
WG := $(B)/tests/wireguard
GO = env -i PATH=/usr/bin:/bin HOME=$(abspath $(B)) GOCACHE=$(abspath build/go) GOENV=off GO111MODULE=off GOTOOLCHAIN=local \
    CGO_ENABLED=0 GOPATH=$(if $(filter windows,$1),$(abspath $(WG)/path):)/usr/share/gocode GOOS=$1 GOARCH=amd64 go

$(WG)/wireguard: tests/e2e/wireguard.go
	@mkdir -p $(@D)
	@$(call GO,linux) build -trimpath -o $@ $<

$(WG)/wireguard.exe: tests/e2e/wireguard.go tests/e2e/wintun/wintun.go $(B)/amd64/wintun.dll
	@rm -rf $(WG)/path
	@mkdir -p $(WG)/path/src/golang.org/x $(WG)/path/src/golang.zx2c4.com
	@cp -r "$$($(call GO,windows) env GOROOT)/src/cmd/vendor/golang.org/x/sys" $(WG)/path/src/golang.org/x/
	@cp -r tests/e2e/wintun $(WG)/path/src/golang.zx2c4.com/
	@$(call GO,windows) build -trimpath -o $@ $<
	@cp $(B)/amd64/wintun.dll $(@D)/

$(B)/tests/ipcalls.exe: tests/e2e/ipcalls.c
	@mkdir -p $(B)/tests
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -o $@ $< -liphlpapi -lws2_32 -lole32 -luuid

# The miniport of test_kernel.py.
$(B)/tests/kernel/%.o: tests/e2e/kernel/%.c tests/e2e/kernel/kernel.h $(wildcard tests/*.h wdk/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(PE_CFLAGS_amd64) -c -o $@ $<

# lacking.sys imports what nobody has.
$(B)/tests/kernel/lacking.sys: $(B)/tests/kernel/lacking.o $(B)/amd64/obj/driver/loadconfig.o $(patsubst %,$(B)/amd64/lib/%.lib,ntoskrnl hal ndis)
	@printf '%s\n' 'LIBRARY ntoskrnl.exe' EXPORTS KeAskTheOracle IoConnectInterrupt > $(@D)/lackingkernel.def
	@printf '%s\n' 'LIBRARY ndis.sys' EXPORTS NdisMMissing > $(@D)/lackingndis.def
	@for Def in kernel ndis; do $(DLLTOOL) -m $(MACHINE_amd64) -d $(@D)/lacking$$Def.def -l $(@D)/lacking$$Def.lib; done
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf /out:$@ $^ \
	    $(@D)/lackingkernel.lib $(@D)/lackingndis.lib

$(B)/tests/kernel/kernel.sys: $(patsubst %,$(B)/tests/kernel/%.o,kernel tests ndis data) $(B)/amd64/obj/driver/loadconfig.o \
    $(patsubst %,$(B)/amd64/lib/%.lib,ntoskrnl hal ndis) $(B)/tests/kernel/lacking.sys
	@cp tests/e2e/kernel/kernel.inf $(@D)
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf /out:$@ $(filter-out %.sys,$^)

# The miniport of test_classic.py and its program.
$(B)/tests/classic/%.o: tests/classic/%.c $(wildcard tests/*.h tests/classic/*.h wdk/*.h)
	@mkdir -p $(@D)
	@$(CLANG) $(PE_CFLAGS_amd64) -c -o $@ $<

$(B)/tests/classic/classic.sys: $(patsubst %,$(B)/tests/classic/%.o,driver adapter session data) \
    $(B)/amd64/obj/driver/loadconfig.o $(patsubst %,$(B)/amd64/lib/%.lib,ntoskrnl hal ndis)
	@cp tests/classic/classic.inf $(@D)
	@$(LLD) /nologo /WX /driver /subsystem:native,10.0 /entry:DriverEntry /nodefaultlib /release /guard:cf /out:$@ $^

$(B)/tests/classic/classic.exe: tests/classic/program.c tests/classic/request.h
	@mkdir -p $(@D)
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -o $@ $< -lcfgmgr32 -lsetupapi -ladvapi32

.PHONY: check-e2e
check-e2e: host wine32 examples identity-acme $(PACKAGE) $B/amd64/$(NAME).exe $B/x86/$(NAME).exe $(E2E_WINDOWS) $(E2E_X86) $(E2E_STRANGER) $(E2E)/traffic
check-e2e: $(addprefix $(B)/tests/,kernel/kernel.sys classic/classic.sys classic/classic.exe devices.exe iphelper.exe ipcalls.exe client.exe sockets.exe wireguard/wireguard.exe wireguard/wireguard)
check-e2e: ## end-to-end tests: Windows programs in Wine, Linux' own stack
	@tests/e2e/run

.PHONY: check-deadline
check-deadline: host examples $(E2E_WINDOWS) ## each call of Windows that a creation makes does not return, by turns; about 4 minutes
	@HANGS=each tests/e2e/run tests/e2e/test_deadline.py -k each_call_hangs

.PHONY: check-clients
check-clients: check-machine host $B/amd64/wintun.dll ## clients that others wrote, built for Windows by Debian 13's Go (1.5 GB, made once), started and ended; about 10 minutes, as root
	@scripts/clients
	@tests/e2e/run tests/e2e/clients.py

SOAK_PROGRAMS := $(B)/native/simulate-address $(B)/native/simulate-thread $(addprefix $(E2E)/,peer.exe adapters.exe faults.exe failing.exe traffic)
