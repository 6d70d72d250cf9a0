/* SPDX-License-Identifier: MIT */
/*
 * create: how long PlaintunCreateAdapter takes until the adapter can be used. Creates and closes one after another; the
 * first creation includes the driver's installation.
 *
 *   create.exe COUNT         prints a line of JSON: count, failed, first_ms, median_ms, worst_ms; a line before it says
 *                            of each creation that failed why
 */
#include <stdio.h>
#include <stdlib.h>
#include "plaintun.h"

static int Compare(const void *A, const void *B)
{
    double X = *(const double *)A, Y = *(const double *)B;
    return (X > Y) - (X < Y);
}

int wmain(int Count, WCHAR **Arguments)
{
    unsigned Total = Count == 2 ? wcstoul(Arguments[1], NULL, 10) : 0;
    double *Times = calloc(Total + 1, sizeof(*Times));
    if (Total == 0 || !Times)
    {
        fprintf(stderr, "usage: create COUNT\n");
        return 2;
    }
    LARGE_INTEGER Frequency;
    QueryPerformanceFrequency(&Frequency);
    unsigned Failed = 0;
    for (unsigned i = 0; i < Total; i++)
    {
        LARGE_INTEGER Begin;
        QueryPerformanceCounter(&Begin);
        PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(
            &(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG), .Name = L"create"});
        LARGE_INTEGER End;
        QueryPerformanceCounter(&End);
        if (!Adapter)
        {
            WCHAR Text[1024] = L"";
            PlaintunGetMessage(Text, ARRAYSIZE(Text));
            printf("number %u failed: %ls\n", i + 1, Text);
            Failed++;
        }
        PlaintunCloseAdapter(Adapter);
        Times[i] = (double)(End.QuadPart - Begin.QuadPart) * 1000 / (double)Frequency.QuadPart;
    }
    double First = Times[0];
    qsort(Times, Total, sizeof(*Times), Compare);
    printf("{\"count\": %u, \"failed\": %u, \"first_ms\": %.1f, \"median_ms\": %.1f, \"worst_ms\": %.1f}\n", Total,
           Failed, First, Times[Total / 2], Times[Total - 1]);
    return 0;
}
