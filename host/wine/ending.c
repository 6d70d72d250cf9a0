/* SPDX-License-Identifier: MIT */
/*
 * ending.so: in every Linux process of Wine, a thread that is ending is left to end.
 *
 * When a program ends, wineserver has its other threads end by SIGQUIT. One that is ending by itself just then is within
 * pthread_exit(), which unwinds its stack with the loader's lock held; Wine's handler calls pthread_exit() again, and the
 * thread goes with the lock still its own. The program's exit() waits for that lock for ever, until wineserver kills it half
 * a second later: its exit code is 137 instead of its own. (Seen with Wine 8. A Ctrl-C is the usual case: its handler's thread ends
 * as the program does.)
 *
 * No headers: built for 32-bit programs too, without a 32-bit C library to build with. Values: sigprocmask(2), dlsym(3).
 */
typedef struct
{
    unsigned long Bits[128 / sizeof(unsigned long)];
} SIGNALS;

extern int pthread_sigmask(int How, const SIGNALS *Set, SIGNALS *Old);
extern void *dlsym(void *Library, const char *Name);
__attribute__((noreturn, visibility("default"))) extern void pthread_exit(void *Result);

#define SIG_BLOCK 0
#define SIGQUIT   3
#define RTLD_NEXT ((void *)-1)

static void (*Exit)(void *Result);

__attribute__((constructor)) static void Find(void)
{
    Exit = (void (*)(void *))dlsym(RTLD_NEXT, "pthread_exit");
}

void pthread_exit(void *Result)
{
    pthread_sigmask(SIG_BLOCK, &(SIGNALS){{1ul << (SIGQUIT - 1)}}, 0);
    Exit(Result);
    __builtin_unreachable();
}
