/* SPDX-License-Identifier: MIT */
/* See windows.h beside this file. */
#include "windows.h"
