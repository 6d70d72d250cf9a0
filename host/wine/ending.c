/* SPDX-License-Identifier: MIT */
/*
 * ending.so, in every Linux process of Wine: a thread that is ended while it ends by itself does no harm to the others.
 *
 * When a program ends, wineserver has its other threads end by SIGQUIT, wherever they are: Wine's handler calls pthread_exit()
 * at the stack's very start. That goes wrong in two places (both seen with Wine 8; a Ctrl-C, whose handler's thread ends
 * as the program does, and a program that ends soon after its threads are the usual cases):
 *
 * - The thread is ending by itself and is within pthread_exit(), which unwinds its stack with the loader's lock held. It goes
 *   with the lock still its own, the program's exit() waits for that lock for ever, and wineserver kills the program half
 *   a second later: its exit code is 137 instead of its own. So SIGQUIT is blocked there.
 * - The thread is ending by itself and waits in pthread_join() for the one that ended before it. pthread_join() leaves a clean-up
 *   handler in the frame that the second pthread_exit() then overwrites and calls: exit code 139. So handlers of frames
 *   that are no more are taken off the thread's list.
 *
 * No headers: built for 32-bit programs too, without a 32-bit C library to build with. Values: sigprocmask(2), dlsym(3);
 * the list: struct _pthread_cleanup_buffer of <pthread.h>.
 */
typedef struct
{
    unsigned long Bits[128 / sizeof(unsigned long)];
} SIGNALS;

typedef struct HANDLER
{
    void (*Routine)(void *Argument);
    void *Argument;
    int CancelType;
    struct HANDLER *Previous;
} HANDLER;

extern int pthread_sigmask(int How, const SIGNALS *Set, SIGNALS *Old);
extern void *dlsym(void *Library, const char *Name);
extern void _pthread_cleanup_push(HANDLER *Handler, void (*Routine)(void *Argument), void *Argument);
extern void _pthread_cleanup_pop(HANDLER *Handler, int Execute);
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
    HANDLER Top;
    _pthread_cleanup_push(&Top, 0, 0);
    if (Top.Previous < &Top) // below this frame: of one that is no more; those behind it may be overwritten already
        Top.Previous = 0;
    _pthread_cleanup_pop(&Top, 0);
    Exit(Result);
    __builtin_unreachable();
}
