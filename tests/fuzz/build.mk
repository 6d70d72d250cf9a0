# Fuzzing. One program a target: the driver as the simulator has it, the library (target library), or what cuts super-packets
# (target segment), told by its branches and comparisons what an input reached,
# and watched at each load. Corpora lie in tests/fuzz/corpus/<target>.

FUZZ_TARGETS := memory ioctl oid lists library segment
FUZZ_DRIVER_TARGETS := $(filter-out library segment,$(FUZZ_TARGETS))
FUZZ_SECONDS ?= 60
FUZZ_WATCHED := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fsanitize-coverage=trace-loads
FZ := $B/native/fuzz
FUZZ_HOST := $(patsubst %.c,$(B)/native/address/%.o,$(wildcard host/ndis/*.c host/nt/*.c host/nt/*/*.c) $(addprefix tests/simulation/,adapter.c \
    platform.c program.c) $(B)/native/calls.c) $(patsubst %,$(FZ)/tests/fuzz/%.o,fuzz stack)

$(FZ)/driver/%.o: driver/%.c tests/fuzz/code.h $(SIM_HEADERS) Makefile tests/fuzz/build.mk
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) $(FUZZ_WATCHED) -include tests/simulation/code.h -include tests/fuzz/code.h -c $< -o $@

$(FZ)/tests/fuzz/%.o: tests/fuzz/%.c $(wildcard tests/fuzz/*.h) $(SIM_HEADERS) Makefile tests/fuzz/build.mk
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) $(SIM_FLAGS_address) -c $< -o $@

$(FUZZ_DRIVER_TARGETS:%=$(FZ)/fuzz-%): $(FZ)/fuzz-%: $(FZ)/tests/fuzz/%.o $(FUZZ_HOST) $(DRIVER_SOURCES:%.c=$(FZ)/%.o) $(SIM_WRAP)
	@$(CLANG) $(SIM_FLAGS_address) -fsanitize=fuzzer @$(SIM_WRAP) \
	    $(patsubst %,-Wl$(comma)--wrap=%,KeWaitForMultipleObjects KeSetEvent KeStallExecutionProcessor) -o $@ $(filter %.o,$^) -pthread

FUZZ_LIBRARY_CFLAGS := -std=gnu11 -O1 -g $(WARN) -fshort-wchar -Itests/unit/windows -I. -I$B/identity

$(FZ)/library/%.o: library/%.c $(LIBRARY_HEADERS) $(wildcard tests/unit/windows/*.h) Makefile tests/fuzz/build.mk
	@mkdir -p $(@D)
	@$(CLANG) $(FUZZ_LIBRARY_CFLAGS) $(FUZZ_WATCHED) -c $< -o $@

$(FZ)/fuzz-library: tests/fuzz/library.c tests/fuzz/input.h $(FZ)/library/session.o $(FZ)/library/packets.o
	@$(CLANG) $(FUZZ_LIBRARY_CFLAGS) $(SIM_FLAGS_address) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) -pthread

$(FZ)/fuzz-segment: tests/fuzz/segment.c tests/fuzz/input.h library/coalesce.h $(wildcard ring/*.h) Makefile tests/fuzz/build.mk
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O1 -g $(WARN) -I. $(FUZZ_WATCHED) $(SIM_FLAGS_address) -fsanitize=fuzzer -o $@ $<

.PHONY: check-fuzz
check-fuzz: $(FUZZ_TARGETS:%=$(FZ)/fuzz-%)
	@tests/fuzz/run replay $(FUZZ_TARGETS)
