# plaintun.exe, for x86, amd64 and arm64.
# Like the library without a C runtime of its own: the system's ucrtbase.dll serves. tool/<dll>.def lists the imports.

TOOL_HEADERS := $(wildcard tool/*.h) $(LIBRARY_HEADERS)
TOOL_SOURCES := $(wildcard tool/*.c)
TOOL_IMPORTS := $(patsubst tool/%.def,%,$(wildcard tool/*.def))
TOOL_LDFLAGS := $(patsubst /entry:%,/entry:Entry,$(filter-out /dll,$(LIBRARY_LDFLAGS)))

define tool_rules
$B/$(1)/obj/tool/%.o: tool/%.c $(TOOL_HEADERS) Makefile tool/build.mk
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
