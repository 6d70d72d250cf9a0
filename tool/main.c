/* SPDX-License-Identifier: MIT */
/*
 * plaintun.exe: the command line. One table of commands, one reader for all their arguments, and the help, which is made
 * from the same table. No C runtime is linked in, because Debian has none for Windows on arm64: the system's own
 * ucrtbase.dll serves ("Universal CRT deployment", learn.microsoft.com/cpp/windows/universal-crt-deployment: part of
 * Windows 10 and later), and the entry point is ours.
 */
#include "tool/tool.h"
#include <wchar.h>

/* What the startup code of a C program does for its arguments: "Internal CRT Globals and Functions",
 * learn.microsoft.com/cpp/c-runtime-library/internal-crt-globals-and-functions. 1: wildcards stay as they are. */
_CRTIMP int __cdecl _configure_wide_argv(int Mode);
_CRTIMP int *__cdecl __p___argc(void);
_CRTIMP wchar_t ***__cdecl __p___wargv(void);

void __stdcall Entry(void);

BOOL Json;

static const COMMAND *const Commands[] = {
    &InstallCommand, &UninstallCommand, &ListCommand, &CreateCommand, &RemoveCommand,   &RenameCommand, &ShowCommand,
    &WatchCommand,   &CaptureCommand,   &PingCommand, &BenchCommand,  &SelftestCommand, &DoctorCommand,
};

static const OPTION GlobalOptions[] = {
    {L"--json", NULL, L"print data as JSON"},
    {L"--verbose", NULL, L"show the library's log on standard error"},
    {L"--", NULL, L"ends the options: a name behind it may begin with -"},
    {0},
};

static const WCHAR ExitText[] = L"Exit codes:\n"
                                L"  0  done\n"
                                L"  1  failed; standard error says why\n"
                                L"  2  the command line is wrong\n"
                                L"  3  there is no such adapter, or no driver\n"
                                L"  4  in use, or the name or GUID is taken\n"
                                L"  5  access denied: it takes an administrator\n"
                                L"  6  not done in time\n";

/* --- help ---------------------------------------------------------------------------------------------------------------- */

static const COMMAND *FindCommand(LPCWSTR Name)
{
    for (DWORD i = 0; i < ARRAYSIZE(Commands); ++i)
        if (wcscmp(Commands[i]->Name, Name) == 0)
            return Commands[i];
    return NULL;
}

static void PrintOptions(const OPTION *Options, BOOL HasJson)
{
    for (; Options != NULL && Options->Name != NULL; ++Options)
    {
        if (!HasJson && wcscmp(Options->Name, L"--json") == 0)
            continue;
        WCHAR Form[64];
        Format(Form, ARRAYSIZE(Form), L"%ls %ls", Options->Name, Options->Value != NULL ? Options->Value : L"");
        Print(L"  %-22ls %ls\n", Form, Options->Text);
    }
}

static EXIT_CODE Help(LPCWSTR Topic)
{
    if (Topic == NULL)
    {
        Print(L"%ls %ls: layer 3 tunnel adapters for Windows\n\nusage: %ls COMMAND [OPTIONS]\n\n", TOOL_NAME,
              TOOL_VERSION, TOOL_NAME);
        for (DWORD i = 0; i < ARRAYSIZE(Commands); ++i)
            Print(L"  %-10ls %ls\n", Commands[i]->Name, Commands[i]->Summary);
        Print(L"\n%ls help COMMAND explains one and shows examples; %ls help exit lists the exit codes;\n"
              L"%ls --version names the versions of tool, library and driver.\n",
              TOOL_NAME, TOOL_NAME, TOOL_NAME);
        return EXIT_OK;
    }
    if (wcscmp(Topic, L"exit") == 0)
    {
        PrintText(ExitText);
        return EXIT_OK;
    }
    const COMMAND *Command = FindCommand(Topic);
    if (Command == NULL)
        return FailUsage(L"there is no command %ls; %ls help lists them", Topic, TOOL_NAME);
    Print(L"%ls %ls%ls%ls [OPTIONS]: %ls\n\n", TOOL_NAME, Command->Name, Command->Operands[0] != 0 ? L" " : L"",
          Command->Operands, Command->Summary);
    PrintText(Command->Text);
    Print(L"\nOptions:\n");
    PrintOptions(Command->Options, TRUE);
    PrintOptions(GlobalOptions, Command->HasJson);
    return EXIT_OK;
}

static EXIT_CODE Version(void)
{
    Print(L"tool     %ls\n", TOOL_VERSION);
    PLAINTUN_DRIVER_INFO Info;
    if (!PlaintunGetDriverInfo(&Info))
        return FailLibrary(L"cannot ask for the driver's version");
    WCHAR Library[VERSION_TEXT];
    VersionText(Info.LibraryVersion, Library, ARRAYSIZE(Library));
    WCHAR Installed[VERSION_TEXT];
    VersionText(Info.InstalledVersion, Installed, ARRAYSIZE(Installed));
    WCHAR Loaded[VERSION_TEXT];
    VersionText(Info.LoadedVersion, Loaded, ARRAYSIZE(Loaded));
    Print(L"library  %ls\ndriver   installed: %ls, loaded: %ls\n", Library, Installed, Loaded);
    return EXIT_OK;
}

/* --- the command line ------------------------------------------------------------------------------------------------------ */

static const OPTION *FindOption(const OPTION *Options, LPCWSTR Name)
{
    for (; Options != NULL && Options->Name != NULL; ++Options)
        if (wcscmp(Options->Name, Name) == 0)
            return Options;
    return NULL;
}

LPCWSTR OptionText(const ARGUMENTS *Arguments, LPCWSTR Name, DWORD *Next)
{
    for (DWORD i = Next != NULL ? *Next : 0; i < Arguments->GivenCount; ++i)
    {
        if (wcscmp(Arguments->Given[i].Option->Name, Name) != 0)
            continue;
        if (Next != NULL)
            *Next = i + 1;
        return Arguments->Given[i].Value;
    }
    return NULL;
}

BOOL OptionNumber(const ARGUMENTS *Arguments, LPCWSTR Name, ULONG64 Minimum, ULONG64 Maximum, ULONG64 *Number)
{
    LPCWSTR Text = OptionText(Arguments, Name, NULL);
    if (Text == NULL)
        return TRUE;
    ULONG64 Value = 0;
    LPCWSTR End = Text;
    for (; *End >= L'0' && *End <= L'9' && Value <= 1ull << 40; ++End)
        Value = Value * 10 + (*End - L'0');
    LPCWSTR Unit = *End != 0 ? wcschr(L"KMG", *End) : NULL;
    if (Unit != NULL && End > Text)
    {
        for (LPCWSTR Power = L"KMG"; Power <= Unit; ++Power)
            Value = Value <= 1ull << 50 ? Value * 1024 : ~0ull;
        ++End;
    }
    if (End == Text || *End != 0 || Value < Minimum || Value > Maximum)
    {
        FailUsage(L"%ls %ls: expected a number from %llu to %llu", Name, Text, Minimum, Maximum);
        return FALSE;
    }
    *Number = Value;
    return TRUE;
}

static EXIT_CODE RunCommand(const COMMAND *Command, int Count, WCHAR **Words)
{
    static ARGUMENTS Arguments; /* too large for a stack without probes */
    BOOL Verbose = FALSE, Ended = FALSE;
    for (int i = 0; i < Count; ++i)
    {
        if (!Ended && wcscmp(Words[i], L"--") == 0)
        {
            Ended = TRUE;
            continue;
        }
        if (Ended || Words[i][0] != L'-' || Words[i][1] == 0)
        {
            if (Arguments.OperandCount == Command->OperandsMax)
                return FailUsage(L"%ls: what is %ls? See %ls help %ls", Command->Name, Words[i], TOOL_NAME,
                                 Command->Name);
            Arguments.Operands[Arguments.OperandCount++] = Words[i];
            continue;
        }
        if (wcscmp(Words[i], L"--help") == 0)
            return Help(Command->Name);
        const OPTION *Option = FindOption(Command->Options, Words[i]);
        if (Option == NULL)
            Option = FindOption(GlobalOptions, Words[i]);
        if (Option == NULL || (Option == &GlobalOptions[0] && !Command->HasJson))
            return FailUsage(L"%ls: there is no option %ls; see %ls help %ls", Command->Name, Words[i], TOOL_NAME,
                             Command->Name);
        if (Option->Value != NULL && i + 1 == Count)
            return FailUsage(L"%ls: %ls needs %ls behind it", Command->Name, Words[i], Option->Value);
        if (Arguments.GivenCount == GIVEN_MAX)
            return FailUsage(L"%ls: too many options", Command->Name);
        Json |= Option == &GlobalOptions[0];
        Verbose |= Option == &GlobalOptions[1];
        Arguments.Given[Arguments.GivenCount].Option = Option;
        Arguments.Given[Arguments.GivenCount++].Value = Option->Value != NULL ? Words[++i] : L"";
    }
    if (Arguments.OperandCount < Command->OperandsMin)
        return FailUsage(L"%ls needs %ls; see %ls help %ls", Command->Name, Command->Operands, TOOL_NAME,
                         Command->Name);
    FailureStart(Verbose);
    return Command->Run(&Arguments);
}

static EXIT_CODE Run(int Count, WCHAR **Words)
{
    if (Count < 2)
    {
        Help(NULL);
        return EXIT_USAGE;
    }
    if (wcscmp(Words[1], L"--version") == 0)
        return Version();
    if (wcscmp(Words[1], L"help") == 0 || wcscmp(Words[1], L"--help") == 0 || wcscmp(Words[1], L"-h") == 0)
        return Help(Count > 2 ? Words[2] : NULL);
    const COMMAND *Command = FindCommand(Words[1]);
    if (Command == NULL)
        return FailUsage(L"there is no command %ls; %ls help lists them", Words[1], TOOL_NAME);
    return RunCommand(Command, Count - 2, Words + 2);
}

void __stdcall Entry(void)
{
    if (_configure_wide_argv(1) != 0)
        ExitProcess(EXIT_FAILED);
    EXIT_CODE Code = Run(*__p___argc(), *__p___wargv());
    ProgressEnd();
    ExitProcess(OutputEnd(Code));
}
