/* SPDX-License-Identifier: MIT */
/* plaintun install and uninstall: the driver that the library carries, into the system and out of it. */
#include "tool/tool.h"

void VersionText(ULONG64 Version, LPWSTR Text, DWORD Count)
{
    if (Version == 0)
        Format(Text, Count, L"none");
    else
        Format(Text, Count, L"%u.%u.%u", (unsigned)(Version >> 48), (unsigned)(Version >> 32 & 0xffff),
               (unsigned)(Version >> 16 & 0xffff));
}

static void PutVersion(LPCWSTR Key, ULONG64 Version)
{
    WCHAR Text[VERSION_TEXT];
    VersionText(Version, Text, ARRAYSIZE(Text));
    JsonText(Key, Version != 0 ? Text : NULL);
}

static EXIT_CODE Report(BOOL Restart)
{
    PLAINTUN_DRIVER_INFO Info;
    if (!PlaintunGetDriverInfo(&Info))
        return FailLibrary(L"cannot ask for the driver's version");
    WCHAR Installed[VERSION_TEXT];
    VersionText(Info.InstalledVersion, Installed, ARRAYSIZE(Installed));
    WCHAR Loaded[VERSION_TEXT];
    VersionText(Info.LoadedVersion, Loaded, ARRAYSIZE(Loaded));
    if (Json)
    {
        JsonBegin(NULL, L'{');
        PutVersion(L"installed", Info.InstalledVersion);
        PutVersion(L"loaded", Info.LoadedVersion);
        JsonFlag(L"restart", Restart);
        JsonEnd(L'}');
    }
    else
        Print(L"Driver installed: %ls, loaded: %ls%ls\n", Installed, Loaded,
              Restart ? L"; restart Windows to complete this" : L"");
    return EXIT_OK;
}

static EXIT_CODE Install(const ARGUMENTS *Arguments)
{
    StopEvent(); /* the first Ctrl-C does not leave it half done */
    ProgressBegin(L"installing the driver");
    BOOL Done = PlaintunInstallDriver();
    BOOL Restart = Done && GetLastError() == ERROR_SUCCESS_REBOOT_REQUIRED;
    ProgressEnd();
    return Done ? Report(Restart) : FailLibrary(L"cannot install the driver");
}

static EXIT_CODE Uninstall(const ARGUMENTS *Arguments)
{
    StopEvent();
    ProgressBegin(L"removing the driver");
    BOOL Done = PlaintunDeleteDriver();
    BOOL Restart = Done && GetLastError() == ERROR_SUCCESS_REBOOT_REQUIRED;
    ProgressEnd();
    return Done ? Report(Restart) : FailLibrary(L"cannot remove the driver");
}

const COMMAND InstallCommand = {
    .Name = L"install",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"installs the driver, or a newer version of it",
    .Text =
        L"Installs the driver "
        L"that " TOOL_NAME L".dll carries; creating an adapter does the same when it must. The same\n"
        L"version is left as it is, an older one is replaced, a newer one stays and is an error. Adapters stop for a\n"
        L"moment while their driver is replaced; one that a program uses is an error.\n"
        L"\n"
        L"  " TOOL_NAME L" install\n",
    .Run = Install,
};

const COMMAND UninstallCommand = {
    .Name = L"uninstall",
    .Operands = L"",
    .HasJson = TRUE,
    .Summary = L"removes the driver, and all that is left of adapters",
    .Text =
        L"Removes driver, service and left-over adapters. As long as there is an adapter it is an error, which names\n"
        L"the adapter.\n"
        L"\n"
        L"  " TOOL_NAME L" uninstall\n",
    .Run = Uninstall,
};
