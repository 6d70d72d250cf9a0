# The simulator: the driver's sources with host/ndis and host/nt as one Linux program, once for each set of sanitizers.

SIM_CFLAGS := -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARN) -fshort-wchar -fno-strict-aliasing -fno-omit-frame-pointer -fno-optimize-sibling-calls -Iwdk -I. -I$B/identity -I$(B)/native
SIM_FLAGS_address := -fsanitize=address,undefined -fno-sanitize-recover=undefined
SIM_FLAGS_thread  := -fsanitize=thread
SIM_FLAGS_arm64   := $(ARM64_CFLAGS)
SIM_LDFLAGS_arm64 := $(ARM64_LDFLAGS)
# Of the driver only: profiles know static functions by the names of their files without folders, which clash.
SIM_DRIVER_FLAGS_coverage := -fprofile-instr-generate -fprofile-update=atomic -fcoverage-mapping
SIM_SOURCES := $(wildcard driver/*.c host/ndis/*.c host/nt/*.c host/nt/*/*.c tests/simulation/*.c) $(addprefix tests/e2e/kernel/,kernel.c data.c ndis.c) \
    $(addprefix tests/classic/,driver.c adapter.c session.c data.c) $(B)/native/calls.c
SIM_HEADERS := $(IDENTITY_H) library/coalesce.h $(wildcard driver/*.h host/ndis/*.h host/nt/*.h tests/*.h tests/simulation/*.h tests/classic/*.h ring/*.h wdk/*.h) $(B)/native/exports.h
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
$(B)/native/$(1)/%.o: %.c $(SIM_HEADERS) Makefile tests/simulation/build.mk$(if $(filter arm64,$(1)), | $(ARM64_ROOT))
	@mkdir -p $$(@D)
	@$(CLANG) $(SIM_CFLAGS) $(SIM_FLAGS_$(1)) $$(if $$(filter driver/%,$$<),$(SIM_DRIVER_FLAGS_$(1)) -include tests/simulation/code.h) \
	    $$(if $$(filter tests/e2e/%,$$<),-DDriverEntry=OtherDriverEntry) $$(if $$(filter tests/classic/%,$$<),-DDriverEntry=ClassicDriverEntry) -c $$< -o $$@

$(B)/native/simulate-$(1): $(SIM_SOURCES:%.c=$(B)/native/$(1)/%.o) $(SIM_WRAP)
	@$(CLANG) $(SIM_FLAGS_$(1)) $(SIM_LDFLAGS_$(1)) $(SIM_DRIVER_FLAGS_$(1)) @$(SIM_WRAP) -Wl,--wrap=KeGetCurrentIrql -o $$@ $$(filter %.o,$$^) -pthread
endef
$(foreach kind,address thread coverage arm64,$(eval $(call simulator_rules,$(kind))))

# The same and the unit tests of ring and library on another processor, which QEMU plays: code for it, its alignments and its
# atomic instructions; the order of memory is still that of the machine below.
$(ARM64_ROOT):
	@scripts/foreign arm64-linux arm64 $@ libc6 libc6-dev linux-libc-dev libgcc-s1 '^libgcc-[0-9]+-dev$$' libcmocka0 libcmocka-dev

.PHONY: check-arm64 check-arm64-short
check-arm64: ## ring, library and simulated driver as arm64 programs, run by QEMU; about 3 minutes
check-arm64-short: ARM64_WITHOUT := -Faults -Spin -NdisRulesFire# three quarters of the time
check-arm64 check-arm64-short: $B/unit/ring-arm64 $B/unit/library.arm64 $(B)/native/simulate-arm64
	@for Test in $(filter-out %/simulate-arm64,$^); do echo "$$Test"; timeout 300 $(ARM64_RUN) $$Test || exit 1; done
	@timeout 600 $(ARM64_RUN) $(B)/native/simulate-arm64 $(ARM64_WITHOUT) | sed 's/^ran .* 0 violations$$/&: 1 passed, 0 failed/'

.PHONY: check-simulate
check-simulate: $(B)/native/simulate-address $(B)/native/simulate-thread
	@tests/simulation/run

# Coverage of driver/ and ring/: tests/coverage.py, and tests/coverage.txt for what is not covered.
$(B)/native/ring-coverage: tests/unit/ring.c tests/unit/ring_threads.c tests/unit/ring_test.h ring/ring.h
	@mkdir -p $(@D)
	@$(CLANG) -std=c11 -D_GNU_SOURCE -O1 -g $(WARN) $(SIM_DRIVER_FLAGS_coverage) -I. $(filter %.c,$^) -lcmocka -pthread -o $@

COVERAGE := $(B)/native/simulate-coverage $(B)/native/ring-coverage
