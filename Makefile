# plaintun: targets, packages, tool chain. How a room's files are made stands in the room's build.mk.
# Everything made lies under build/. `make` alone lists the targets.

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

.PHONY: help
help: ## list the targets
	@echo "$(NAME) $(VERSION): a layer 3 TUN driver for Windows, tested in Wine on Linux"
	@sed -nE 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/p' Makefile $(ROOMS:%=%/build.mk) | expand -t 28

comma := ,

# --- packages --------------------------------------------------------------------------------------------------------
# deps installs what is missing and touches no network when nothing is. Targets that run Wine need root and more.

PACKAGES_BUILD := clang-19 lld-19 llvm-19 libclang-rt-19-dev mingw-w64-common mingw-w64-x86-64-dev \
    gcc-mingw-w64-x86-64-win32 libcmocka-dev spin python3 python3-asn1crypto python3-pefile clang-format-19 qemu-user
PACKAGES_RUN := wine wine64 iproute2 iputils-ping iperf3 python3-pytest python3-scapy gnuplot-nox procps cmake pkgconf openssl osslsigncode \
    golang-go golang-golang.zx2c4-wireguard-dev

.PHONY: deps check-system check-machine
deps: check-system ## install the Debian packages that are missing (asks no questions)
	@scripts/deps $(PACKAGES_BUILD) $(PACKAGES_RUN)

check-system:
	@scripts/prerequisites build

check-machine: check-system
	@scripts/prerequisites run

# --- tool chain ------------------------------------------------------------------------------------------------------
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
WIN_LDFLAGS := --target=x86_64-w64-windows-gnu -fuse-ld=lld# Clang finds mingw-w64's and gcc's libraries, whatever their version

# Linux on arm64: run by QEMU, on libraries that build/arm64-linux has for it.
ARM64_ROOT    := build/arm64-linux
ARM64_CFLAGS  := --target=aarch64-linux-gnu --sysroot=$(ARM64_ROOT)
ARM64_LDFLAGS := $(ARM64_CFLAGS) -fuse-ld=lld
ARM64_RUN     := qemu-aarch64 -L $(ARM64_ROOT)

# --- rooms -----------------------------------------------------------------------------------------------------------
# In this order: each may use what those before it define.

ROOMS := ring driver library tool host/wine examples package tests/unit tests/simulation tests/fuzz tests/e2e bench
include $(ROOMS:%=%/build.mk)

# --- what is made ----------------------------------------------------------------------------------------------------

.PHONY: driver library tool host wine32 examples package sign
driver: deps $(DRIVER_FILES) ## build the driver with INF and catalog, for amd64 and arm64
library: deps $(LIBRARIES) ## build plaintun.dll and its drop-in copy wintun.dll for x86, amd64 and arm64
tool: deps $(TOOLS) ## build plaintun.exe, the command line, for x86, amd64 and arm64
host: deps $(HOST_USER) $(HOST_X86) ## build what Wine lacks (build/host/wine), for host/wine/run
examples: deps $(EXAMPLES) $(B)/amd64/$(NAME).dll $(B)/amd64/wintun.dll ## build the example programs (build/amd64)
package: deps $(PACKAGE) ## build everything that users get, for all machines: build/plaintun-VERSION.zip, -symbols.zip
sign: deps $(PACKAGE_SIGNED) ## the same, signed by KEY= and CERT= (PEM), or by a test certificate made on the spot

wine32: deps ## get Debian's 32-bit Wine into build/wine32 (180 MB), for tests of 32-bit programs; nothing is installed
	@scripts/wine32

# --- what is shown and tried -----------------------------------------------------------------------------------------
# `make check` runs each suite NAME as check-NAME and counts: scripts/check. What needs more than a compiler comes last.

SUITES         := layout manual headers ring-plain ring-address ring-thread labels model-labels library simulate arm64-short order fuzz offload segment pe inf package reproducible mutations format
SUITES_MACHINE := e2e

.PHONY: demo check check-debian12 check-debian13 check-build bench profile model simulate coverage fuzz mutate soak
demo: check-machine deps host examples ## Windows programs answer ping and carry TCP and UDP, here, under Wine
	@scripts/demo

check: ## build and run all tests (root; about 25 minutes on two cores); closes with `N passed, N failed`
	@scripts/check "$(SUITES)" "$(SUITES_MACHINE)"

check-debian12: check-machine ## `make check` in a Debian 12 of its own: made with debootstrap (5 GB), removed afterwards; can be resumed
	@scripts/check-debian 12

check-debian13: check-machine ## the same in a Debian 13
	@scripts/check-debian 13

check-build: driver library tool examples host

bench: check-machine deps host examples $B/amd64/$(NAME).exe $(BENCH_PROGRAMS) ## measure beside native Linux programs and memcpy, about 5 minutes
	@bench/run

profile: check-machine deps host $(WG)/wireguard.exe $(WG)/wireguard ## where the time of a tunnel's packet goes in the Wine host: a table, build/performance.png
	@bench/profile

model: deps check-model-labels ## verify the ring's model, then find every mutation of it; about 5 minutes, no root
	@ring/model/run

simulate: deps check-simulate ## the driver in a simulated kernel, under the address, undefined and thread sanitizers

coverage: deps $(COVERAGE) ## lines and branches of driver/ and ring/ that the tests reach; about 2 minutes
	@$(PYTHON) tests/coverage.py $(COVERAGE)

fuzz: deps $(FUZZ_TARGETS:%=$(FZ)/fuzz-%) ## give driver, library and segmenter hostile input, FUZZ_SECONDS (60) for each of six targets
	@tests/fuzz/run fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

mutate: check-machine deps ## sow faults into a copy of the code, one at a time, and see each caught; about 20 minutes, as root
	@$(PYTHON) tests/mutate.py

soak: deps check-machine host examples identity-acme $(SOAK_PROGRAMS) ## random operations up to 100 million, 1,000 deaths in Wine, 20 creators at once, 200 ended runs; can be resumed
	@scripts/soak

# --- the house -------------------------------------------------------------------------------------------------------

.PHONY: picture format check-format check-mutations clean
picture: check-system ## draw docs/architecture.svg from its text
	@scripts/deps graphviz fonts-dejavu-core
	@dot -Tsvg docs/architecture.dot -o docs/architecture.svg

format: ## make the C sources look as .clang-format says
	@scripts/format

check-format: ## the C sources look as .clang-format says, variables are declared where they are first used
	@scripts/format --check

check-mutations:
	@$(PYTHON) tests/mutate.py --check

clean: ## remove everything made (build/)
	@rm -rf $(B)
