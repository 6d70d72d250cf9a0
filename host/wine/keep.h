/* SPDX-License-Identifier: MIT */
/* What the files of keep.exe have of each other. */
#ifndef HOST_WINE_KEEP_H
#define HOST_WINE_KEEP_H

/* Begins to apply what programs set of name servers (keepdns.c), for as long as the process lives. */
void ApplyNameServers(void);

#endif
