# bench/run measures examples/ and their native peers in the same minute; the figures go to build/bench.json and .png.

BENCH_NATIVE := $(addprefix $(B)/bench/,native_echo native_wire udp_load socket_echo)

$(BENCH_NATIVE): $(B)/bench/%: bench/%.c bench/tun.h
	@mkdir -p $(@D)
	@$(CLANG) -std=gnu11 -O2 $(WARN) -I. -o $@ $< -pthread

BENCH_WINDOWS := $(addprefix $(B)/bench/,create.exe counters.exe)

$(BENCH_WINDOWS): $(B)/bench/%.exe: bench/%.c $(B)/amd64/$(NAME).lib $(B)/amd64/$(NAME).dll include/plaintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $< wdk/loadconfig.c $(B)/amd64/$(NAME).lib
	@cp $(B)/amd64/$(NAME).dll $(@D)/

# The control: sockets without a TUN, the same source for both.
$(B)/bench/socket_echo.exe: bench/socket_echo.c host/wine/rio/rio.h
	@mkdir -p $(@D)
	@$(CLANG) $(WIN_CFLAGS) $(WIN_LDFLAGS) -o $@ $< -lws2_32

# The driver itself, in the simulator without sanitizers; its own sources compiled as for Windows.
BENCH_DRIVER := $(patsubst %.c,$(B)/bench/obj/%.o,$(wildcard driver/*.c host/ndis/*.c host/nt/*.c host/nt/*/*.c bench/driver*.c))

$(BENCH_DRIVER): $(B)/bench/obj/%.o: %.c $(SIM_HEADERS) bench/driver.h
	@mkdir -p $(@D)
	@$(CLANG) $(SIM_CFLAGS) -O2 -fomit-frame-pointer -foptimize-sibling-calls \
	    $(if $(filter driver/%,$<),-ffreestanding -fms-extensions) -c $< -o $@

$(B)/bench/driver: $(BENCH_DRIVER)
	@$(CLANG) -o $@ $^ -pthread

BENCH_PROGRAMS := $(BENCH_NATIVE) $(BENCH_WINDOWS) $(B)/bench/socket_echo.exe $(B)/bench/driver $(WG)/wireguard.exe $(WG)/wireguard
