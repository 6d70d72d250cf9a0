/* SPDX-License-Identifier: MIT */
/* Linked into a DLL, this makes hostnt.dll come with it (answers.c). */
__declspec(dllimport) void HostNt(void);

__attribute__((used)) static void Comes(void)
{
    HostNt();
}
