/* SPDX-License-Identifier: MIT */
/* What the files of the rules' tests share: a case is a rule, and the least code that breaks it. */
#ifndef SIMULATION_RULES_H
#define SIMULATION_RULES_H

#include "tests/simulation/lab.h"

#define WRONG_TAG 'gnrW'

typedef struct _RULE_CASE
{
    PCSTR Rule; /* then, after commas, those that are broken with it */
    VOID (*Break)(VOID);
} RULE_CASE;

/* rules_left.c: ends with a NULL. Tried with nothing else there, because they count what is left. */
extern const RULE_CASE RulesLeft[];
/* rules_programs.c: the same. */
extern const RULE_CASE RulesPrograms[];

static inline PVOID Allocate(VOID)
{
    return ExAllocatePoolWithTag(NonPagedPoolNx, 100, WRONG_TAG);
}

static inline OBJECT_ATTRIBUTES Kernel(VOID)
{
    OBJECT_ATTRIBUTES Attributes;
    InitializeObjectAttributes(&Attributes, NULL, OBJ_KERNEL_HANDLE, NULL, NULL);
    return Attributes;
}

#endif
