/* SPDX-License-Identifier: MIT */
/*
 * Linux system calls, from code that may have been compiled for Windows: a PE module in Wine runs on a Linux thread and
 * may make them as any Linux code does. Results below 0 are negated error numbers. Structures and numbers are those of
 * Linux' user-space interface on x86-64 and, as far as 32-bit DLLs need them (netlink, files, events), on i386; no header
 * of Linux is included, because none fits a PE target.
 */
#ifndef HOST_LINUX_SYSCALL_H
#define HOST_LINUX_SYSCALL_H

#include <stdint.h>

#ifdef __i386__
/* The calls with 64-bit times: LINUX_TIMESPEC is the same everywhere. */
#define LINUX_READ          3
#define LINUX_WRITE         4
#define LINUX_OPEN          5
#define LINUX_CLOSE         6
#define LINUX_IOCTL         54
#define LINUX_POLL          168
#define LINUX_EVENTFD2      328
#define LINUX_SOCKET        359
#define LINUX_BIND          361
#define LINUX_SENDTO        369
#define LINUX_RECVFROM      371
#define LINUX_CLOCK_GETTIME 403
#define LINUX_FUTEX         422
#else
#define LINUX_READ          0
#define LINUX_WRITE         1
#define LINUX_OPEN          2
#define LINUX_CLOSE         3
#define LINUX_POLL          7
#define LINUX_MMAP          9
#define LINUX_MUNMAP        11
#define LINUX_IOCTL         16
#define LINUX_PWRITE64      18
#define LINUX_READV         19
#define LINUX_WRITEV        20
#define LINUX_SCHED_YIELD   24
#define LINUX_MREMAP        25
#define LINUX_GETPID        39
#define LINUX_SOCKET        41
#define LINUX_SENDTO        44
#define LINUX_RECVFROM      45
#define LINUX_BIND          49
#define LINUX_SETSOCKOPT    54
#define LINUX_GETSOCKOPT    55
#define LINUX_FTRUNCATE     77
#define LINUX_FUTEX         202
#define LINUX_CLOCK_GETTIME 228
#define LINUX_EVENTFD2      290
#define LINUX_MEMFD_CREATE  319
#endif

#define LINUX_PROT_NONE      0
#define LINUX_PROT_READ      1
#define LINUX_PROT_WRITE     2
#define LINUX_PROT_EXEC      4
#define LINUX_MAP_SHARED     1
#define LINUX_MAP_PRIVATE    2
#define LINUX_MAP_FIXED      0x10
#define LINUX_MAP_ANONYMOUS  0x20
#define LINUX_MREMAP_MAYMOVE 1
#define LINUX_MREMAP_FIXED   2
#define LINUX_MFD_CLOEXEC    1

#define LINUX_CLOCK_MONOTONIC 1

#define LINUX_O_RDONLY   0
#define LINUX_O_WRONLY   1
#define LINUX_O_RDWR     2
#define LINUX_O_CREAT    0x40
#define LINUX_O_APPEND   0x400
#define LINUX_O_NONBLOCK 0x800
#define LINUX_O_CLOEXEC  0x80000

#define LINUX_EINTR     4
#define LINUX_EIO       5
#define LINUX_EAGAIN    11
#define LINUX_EBUSY     16
#define LINUX_EINVAL    22
#define LINUX_ETIMEDOUT 110
#define LINUX_POLLIN    1

#define LINUX_FUTEX_WAIT_PRIVATE 128 /* relative time limit */
#define LINUX_FUTEX_WAKE_PRIVATE 129

typedef struct _LINUX_POLL_FD
{
    int32_t Fd;
    int16_t Events, Revents;
} LINUX_POLL_FD;

typedef struct _LINUX_IOVEC
{
    void *Base;
    uint64_t Length;
} LINUX_IOVEC;

typedef struct _LINUX_TIMESPEC
{
    int64_t Seconds, Nanoseconds;
} LINUX_TIMESPEC;

#ifdef __i386__
/* All six registers of a call are ones that the compiler may need for itself: saved and loaded by hand. */
__attribute__((naked, noinline, unused)) static int LinuxCall32(int Number, int A, int B, int C, int D, int E, int F)
{
    __asm__("pushl %ebx\n\t"
            "pushl %esi\n\t"
            "pushl %edi\n\t"
            "pushl %ebp\n\t"
            "movl 20(%esp), %eax\n\t"
            "movl 24(%esp), %ebx\n\t"
            "movl 28(%esp), %ecx\n\t"
            "movl 32(%esp), %edx\n\t"
            "movl 36(%esp), %esi\n\t"
            "movl 40(%esp), %edi\n\t"
            "movl 44(%esp), %ebp\n\t"
            "int $0x80\n\t"
            "popl %ebp\n\t"
            "popl %edi\n\t"
            "popl %esi\n\t"
            "popl %ebx\n\t"
            "ret");
}

static inline long long LinuxCall(long long Number, long long A, long long B, long long C, long long D, long long E,
                                  long long F)
{
    return LinuxCall32((int)Number, (int)A, (int)B, (int)C, (int)D, (int)E, (int)F);
}
#else
static inline long long LinuxCall(long long Number, long long A, long long B, long long C, long long D, long long E,
                                  long long F)
{
    register long long R10 __asm__("r10") = D;
    register long long R8 __asm__("r8") = E;
    register long long R9 __asm__("r9") = F;
    long long Result;

    __asm__ volatile("syscall"
                     : "=a"(Result)
                     : "a"(Number), "D"(A), "S"(B), "d"(C), "r"(R10), "r"(R8), "r"(R9)
                     : "rcx", "r11", "memory");
    return Result;
}
#endif

#define LinuxCall3(Number, A, B, C)                                                                                    \
    LinuxCall(Number, (long long)(intptr_t)(A), (long long)(intptr_t)(B), (long long)(intptr_t)(C), 0, 0, 0)

static inline int LinuxOpen(const char *Path, int Flags, int Mode)
{
    return (int)LinuxCall3(LINUX_OPEN, Path, Flags, Mode);
}

static inline void LinuxClose(int Fd)
{
    LinuxCall3(LINUX_CLOSE, Fd, 0, 0);
}

static inline long long LinuxRead(int Fd, void *Data, unsigned long long Length)
{
    return LinuxCall3(LINUX_READ, Fd, Data, Length);
}

static inline long long LinuxWrite(int Fd, const void *Data, unsigned long long Length)
{
    return LinuxCall3(LINUX_WRITE, Fd, Data, Length);
}

static inline int LinuxIoctl(int Fd, unsigned Request, void *Argument)
{
    return (int)LinuxCall3(LINUX_IOCTL, Fd, Request, Argument);
}

/* 100 ns since some moment; does not jump. */
static inline uint64_t LinuxNow(void)
{
    LINUX_TIMESPEC Time;
    LinuxCall3(LINUX_CLOCK_GETTIME, LINUX_CLOCK_MONOTONIC, &Time, 0);
    return (uint64_t)Time.Seconds * 10000000 + (uint64_t)Time.Nanoseconds / 100;
}

/* Sleeps while *Word is Value; Timeout NULL: for ever. */
static inline int LinuxFutexWait(volatile int32_t *Word, int32_t Value, const LINUX_TIMESPEC *Timeout)
{
    return (int)LinuxCall(LINUX_FUTEX, (long long)(intptr_t)Word, LINUX_FUTEX_WAIT_PRIVATE, Value,
                          (long long)(intptr_t)Timeout, 0, 0);
}

static inline void LinuxFutexWake(volatile int32_t *Word, int Count)
{
    LinuxCall3(LINUX_FUTEX, Word, LINUX_FUTEX_WAKE_PRIVATE, Count);
}

#endif
