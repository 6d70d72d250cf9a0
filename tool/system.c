/* SPDX-License-Identifier: MIT */
/* Which Windows this is: for the reports of selftest and doctor. */
#include "tool/tool.h"

/* "RtlGetVersion function (wdm.h)": unlike GetVersionEx it tells programs the truth. Ntdll.dll. */
LONG NTAPI RtlGetVersion(OSVERSIONINFOW *Version);

static LPCWSTR MachineName(USHORT Machine)
{
    switch (Machine)
    {
    case IMAGE_FILE_MACHINE_I386:
        return L"x86";
    case IMAGE_FILE_MACHINE_AMD64:
        return L"amd64";
    case IMAGE_FILE_MACHINE_ARM64:
        return L"arm64";
    default:
        return L"unknown";
    }
}

static void ReadText(LPCWSTR Value, LPWSTR Text, DWORD Count)
{
    DWORD Size = Count * sizeof(WCHAR);
    if (RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", Value, RRF_RT_REG_SZ, NULL,
                     Text, &Size) != NO_ERROR)
        Text[0] = 0;
}

void SystemRead(SYSTEM_FACTS *Facts)
{
    OSVERSIONINFOW Version = {.dwOSVersionInfoSize = sizeof(Version)};
    USHORT Process = 0, Native = 0;
    DWORD Revision = 0, Size = sizeof(Revision);
    *Facts = (SYSTEM_FACTS){0};
    RtlGetVersion(&Version);
    RegGetValueW(HKEY_LOCAL_MACHINE, L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion", L"UBR", RRF_RT_REG_DWORD, NULL,
                 &Revision, &Size);
    WCHAR Product[64];
    ReadText(L"ProductName", Product, ARRAYSIZE(Product));
    WCHAR Release[32];
    ReadText(L"DisplayVersion", Release, ARRAYSIZE(Release));
    Facts->Build = Version.dwBuildNumber;
    Format(Facts->Windows, ARRAYSIZE(Facts->Windows), L"%lu.%lu.%lu.%lu%ls%ls%ls%ls", Version.dwMajorVersion,
           Version.dwMinorVersion, Version.dwBuildNumber, Revision, Product[0] != 0 ? L", " : L"", Product,
           Release[0] != 0 ? L" " : L"", Release);
    /* "IsWow64Process2 function (wow64apiset.h)". Process is 0 where the program is of the machine's own kind. */
    if (IsWow64Process2(GetCurrentProcess(), &Process, &Native))
    {
        Facts->NativeMachine = MachineName(Native);
        Facts->ToolMachine = MachineName(Process != 0 ? Process : Native);
    }
    else
        Facts->NativeMachine = Facts->ToolMachine = MachineName(0);
    SYSTEM_INFO Hardware;
    GetNativeSystemInfo(&Hardware);
    Facts->Processors = Hardware.dwNumberOfProcessors;
}
