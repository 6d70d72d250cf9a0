/* SPDX-License-Identifier: MIT */
/* plaintun uninstall: the driver out of the system. It comes in with the first adapter. */
#include "tool/tool.h"

static EXIT_CODE Uninstall(const ARGUMENTS *Arguments)
{
    ProgressBegin(L"removing the driver");
    BOOL Done = PlaintunDeleteDriver();
    ProgressEnd();
    return Done ? EXIT_OK : FailLibrary(L"cannot remove the driver");
}

const COMMAND UninstallCommand = {
    .Name = L"uninstall",
    .Operands = L"",
    .Summary = L"removes the driver",
    .Text =
        L"Removes the driver, which the first adapter installs. As long as there is an adapter it is an error, which\n"
        L"names the adapter.\n"
        L"\n"
        L"  " TOOL_NAME L" uninstall\n",
    .Run = Uninstall,
};
