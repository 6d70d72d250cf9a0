/* SPDX-License-Identifier: MIT */
/*
 * create: how long PlaintunCreateAdapter takes until the adapter can be used. Creates and closes one after another; the
 * first creation includes the driver's installation.
 *
 *   create.exe COUNT         prints a line of JSON: count, first_ms, median_ms, worst_ms
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
    LARGE_INTEGER Frequency, Begin, End;
    QueryPerformanceFrequency(&Frequency);
    for (unsigned i = 0; i < Total; i++)
    {
        QueryPerformanceCounter(&Begin);
        PLAINTUN_ADAPTER_HANDLE Adapter = PlaintunCreateAdapter(
            &(PLAINTUN_ADAPTER_CONFIG){.Size = sizeof(PLAINTUN_ADAPTER_CONFIG), .Name = L"create"});
        QueryPerformanceCounter(&End);
        if (!Adapter)
        {
            fprintf(stderr, "create: number %u failed: error %lu\n", i + 1, GetLastError());
            return 1;
        }
        PlaintunCloseAdapter(Adapter);
        Times[i] = (double)(End.QuadPart - Begin.QuadPart) * 1000 / (double)Frequency.QuadPart;
    }
    double First = Times[0];
    qsort(Times, Total, sizeof(*Times), Compare);
    printf("{\"count\": %u, \"first_ms\": %.1f, \"median_ms\": %.1f, \"worst_ms\": %.1f}\n", Total, First,
           Times[Total / 2], Times[Total - 1]);
    return 0;
}
