# Checks of what is built, and unit tests on Linux. Those of ring and library stand in these rooms.
.PHONY: check-layout check-pe check-inf check-package check-reproducible
check-layout: ## compare wdk/ with layout data, for PE amd64, PE arm64 and Linux
	@python3 tests/unit/layout.py

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
check-headers: ## include/*.h compile by themselves, as C99 and as C++11, with all warnings; README's lines do
	@Passed=0; for Header in include/*.h; do for Language in c99 c++11; do \
	    $(CLANG) --target=x86_64-w64-windows-gnu -isystem /usr/share/mingw-w64/include -Iinclude -fsyntax-only -Wall -Wextra \
	        -Wpedantic -Werror -std=$$Language -x $$([ $$Language = c99 ] && echo c || echo c++) -include $${Header#*/} /dev/null && \
	        Passed=$$((Passed + 1)) || exit 1; \
	done; done; \
	{ echo '#include "plaintun.h"'; echo 'void SendToPeer(PLAINTUN_PACKET *, DWORD); void Example(void); void Example(void) {'; \
	    sed '1,/^```c$$/d; /^```$$/,$$d' README.md; echo '}'; } | \
	    $(CLANG) $(WIN_CFLAGS) -Wpedantic -fsyntax-only -x c - && echo "headers: $$((Passed + 1)) passed, 0 failed"

.PHONY: check-manual
check-manual: ## docs/manual.md names every function, error and command there is, and links lead somewhere
	@$(PYTHON) tests/unit/manual.py

# What ring/segment.h does to super-packets, and host/linux to TCP, natively.
$(B)/unit/offload: tests/unit/offload.c tests/unit/offload_reference.h host/linux/coalesce.c library/coalesce.h $(wildcard host/linux/*.h ring/*.h)
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O1 -g $(WARN) -fsanitize=address,undefined -fno-sanitize-recover=all -I. $(filter %.c,$^) -lcmocka -o $@

.PHONY: check-offload
check-offload: $(B)/unit/offload ## super-packets: taken apart and put together, against a reference
	@timeout 120 $<

$(B)/unit/segment.so: tests/unit/segment_library.c $(wildcard ring/*.h)
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 -O2 $(WARN) -fPIC -shared -I. $< -o $@

.PHONY: check-segment
check-segment: $(B)/unit/segment.so ## super-packets, cut as scapy and (as root) Linux itself cut them
	@timeout 300 $(PYTHON) tests/unit/segment.py $<

# Which file may need which: tests/order.txt, held against the objects of each program that the rooms there make up.
ORDER := driver $(foreach file,$(DRIVER_SOURCES),$(file)=$(file:%.c=$B/amd64/obj/%.o)) wdk/loadconfig.c=$B/amd64/obj/driver/loadconfig.o \
    library $(foreach file,$(LIBRARY_SOURCES),$(file)=$(file:%.c=$B/amd64/obj/%.o)) wdk/loadconfig.c=$B/amd64/obj/library/loadconfig.o \
    host $(foreach file,$(HOST_KERNEL),$(file)=$(file:host/%.c=$(HW)/%.kernel.o)) \
    $(foreach file,netlink netlink_ask,host/linux/$(file).c=$(HW)/$(file).linux.o) \
    host $(foreach file,$(wildcard host/ndis/*.c host/nt/*.c host/nt/*/*.c),$(file)=$(file:%.c=$(B)/native/address/%.o))

.PHONY: check-order
check-order: $(foreach pair,$(filter %.o,$(ORDER)),$(lastword $(subst =, ,$(pair)))) ## driver, library and host: who may call whom
	@$(PYTHON) tests/unit/order.py $(ORDER)
