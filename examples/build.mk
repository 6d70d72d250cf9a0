# Windows programs that stand beside the library; echo loads wintun.dll when it runs, wire is linked with plaintun.dll.

EXE_FLAGS := $(WIN_CFLAGS) $(WIN_LDFLAGS) -municode -mguard=cf -Wl,-s -Wl,-Xlink=-release -Wl,--fatal-warnings
EXE_LIBS := -liphlpapi -lws2_32 -lntdll
EXAMPLE_PARTS := examples/stop.c examples/addresses.c wdk/loadconfig.c
EXAMPLES := $(B)/amd64/echo.exe $(B)/amd64/wire.exe

$(B)/amd64/echo.exe: examples/echo.c $(EXAMPLE_PARTS) examples/example.h include/wintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $(filter %.c,$^) $(EXE_LIBS)

$(B)/amd64/wire.exe: examples/wire.c $(EXAMPLE_PARTS) $(B)/amd64/$(NAME).lib examples/example.h include/plaintun.h
	@mkdir -p $(@D)
	@$(CLANG) $(EXE_FLAGS) -o $@ $(filter %.c %.lib,$^) $(EXE_LIBS)

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
