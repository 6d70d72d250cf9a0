/* SPDX-License-Identifier: MIT */
/*
 * Pool. Every block is one allocation of the C library's, exactly as long as asked for, so that the address sanitizer
 * sees every byte beyond; a table beside it knows tag, type and who allocated it. Fresh memory is filled with rubbish:
 * pool is not zeroed. Up to DISPATCH_LEVEL (paged: APC_LEVEL).
 */
#include "host/nt/nt.h"

#define BUCKETS 4096
#define RUBBISH 0xa5

typedef struct _POOL_BLOCK
{
    struct _POOL_BLOCK *Next;
    PUCHAR Memory;
    SIZE_T Size;
    ULONG Tag;
    BOOLEAN Paged;
    const VOID *Place;
} POOL_BLOCK;

static pthread_mutex_t PoolLock = PTHREAD_MUTEX_INITIALIZER;
static POOL_BLOCK *Table[BUCKETS];
static POOL_BLOCK *Asked; /* the block that NtPoolNonPaged found last: drivers ask for many parts of one */

/* The table orders nothing for its users: malloc does not, either. */
static VOID Lock(VOID)
{
    NT_QUIET_BEGIN();
    pthread_mutex_lock(&PoolLock);
}

static VOID Unlock(VOID)
{
    pthread_mutex_unlock(&PoolLock);
    NT_QUIET_END();
}

static POOL_BLOCK **BucketOf(_In_ const VOID *Memory)
{
    return &Table[((ULONG_PTR)Memory >> 4 ^ (ULONG_PTR)Memory >> 16) % BUCKETS];
}

static PVOID Allocate(_In_ SIZE_T Size, _In_ ULONG Tag, _In_ BOOLEAN Paged, _In_ const VOID *Place)
{
    POOL_BLOCK *Block = malloc(sizeof(*Block));
    PVOID Memory = NULL;
    /* Blocks of a page or more begin on a page, others on 16 bytes: "ExAllocatePoolWithTag". */
    if (!Block || posix_memalign(&Memory, Size >= PAGE_SIZE ? PAGE_SIZE : MEMORY_ALLOCATION_ALIGNMENT, Size) != 0)
    {
        free(Block);
        return NULL;
    }
    memset(Memory, RUBBISH, Size);
    *Block = (POOL_BLOCK){.Memory = Memory, .Size = Size, .Tag = Tag, .Paged = Paged, .Place = Place};
    POOL_BLOCK **Bucket = BucketOf(Memory);
    Lock();
    Block->Next = *Bucket;
    *Bucket = Block;
    Unlock();
    return Memory;
}

PVOID NtPoolAllocate(SIZE_T Size, ULONG Tag, const VOID *Place)
{
    return Allocate(Size ? Size : 1, Tag, FALSE, Place);
}

PVOID ExAllocatePoolWithTag(POOL_TYPE PoolType, SIZE_T NumberOfBytes, ULONG Tag)
{
    NtRule("Irql", NtThread()->Irql <= (PoolType == PagedPool ? APC_LEVEL : DISPATCH_LEVEL), "at IRQL %u",
           NtThread()->Irql);
    NtRule("PoolTag", Tag != 0, "no tag");
    NtRule("PoolNx", PoolType != NonPagedPool, "executable pool");
    if (!NtRule("PoolSize", NumberOfBytes != 0, "0 bytes") || SimFail(__func__, SIM_PLACE()))
        return NULL;
    return Allocate(NumberOfBytes, Tag, PoolType == PagedPool, SIM_PLACE());
}

/* Takes the block out of the table. NULL: there is none. */
static POOL_BLOCK *Take(_In_ const VOID *Memory)
{
    Lock();
    POOL_BLOCK *Block;
    for (POOL_BLOCK **Link = BucketOf(Memory); (Block = *Link) != NULL; Link = &Block->Next)
    {
        if (Block->Memory == Memory)
        {
            *Link = Block->Next;
            Asked = Asked == Block ? NULL : Asked;
            break;
        }
    }
    Unlock();
    return Block;
}

static VOID Free(_In_ PVOID Memory, _In_ ULONG Tag, _In_ PCSTR Call, _In_ const VOID *Place)
{
    POOL_BLOCK *Block = Take(Memory);
    if (!Block && NtMdlPoolFree(Memory, Call, Place))
        return;
    if (!Block)
    {
        NtRuleBroken("PoolFree", Call, Place, "%p is no pool block, or was freed before", Memory);
        return;
    }
    if (Tag && Tag != Block->Tag)
    {
        NtRuleBroken("PoolTag", Call, Place, "freed with tag %.4s, allocated with %.4s", (char *)&Tag,
                     (char *)&Block->Tag);
    }
    free(Block->Memory);
    free(Block);
}

VOID ExFreePoolWithTag(PVOID Memory, ULONG Tag)
{
    NtIrql(DISPATCH_LEVEL);
    Free(Memory, Tag, __func__, SIM_PLACE());
}

VOID ExFreePool(PVOID Memory)
{
    NtIrql(DISPATCH_LEVEL);
    Free(Memory, 0, __func__, SIM_PLACE());
}

static BOOLEAN Holds(_In_ const POOL_BLOCK *Block, _In_ const UCHAR *From, _In_ SIZE_T Length)
{
    return !Block->Paged && From >= Block->Memory && From + Length <= Block->Memory + Block->Size;
}

BOOLEAN NtPoolNonPaged(const VOID *Address, SIZE_T Length)
{
    Lock();
    BOOLEAN Found = Asked && Holds(Asked, Address, Length);
    for (ULONG I = 0; I < BUCKETS && !Found; I++)
    {
        for (POOL_BLOCK *Block = Table[I]; Block && !Found; Block = Block->Next)
        {
            Found = Holds(Block, Address, Length);
            Asked = Found ? Block : Asked;
        }
    }
    Unlock();
    return Found;
}

BOOLEAN NtInImage(const VOID *Address)
{
    extern UCHAR __data_start[], _end[];
    return (const UCHAR *)Address >= __data_start && (const UCHAR *)Address < _end;
}

/* Blocks allocated by code from Begin up to End, or by anyone. */
static VOID CheckEmpty(_In_opt_ const VOID *Begin, _In_opt_ const VOID *End, _In_ PCSTR When)
{
    Lock();
    for (ULONG I = 0; I < BUCKETS; I++)
    {
        for (POOL_BLOCK *Block = Table[I]; Block; Block = Block->Next)
        {
            if (!Begin || (Block->Place >= Begin && Block->Place < End))
            {
                NtRuleBroken("Leak_Pool", When, Block->Place, "%zu bytes with tag %.4s", Block->Size,
                             (char *)&Block->Tag);
            }
        }
    }
    Unlock();
}

VOID NtPoolCheckEmpty(PCSTR When)
{
    CheckEmpty(NULL, NULL, When);
}

VOID SimCheckPool(const VOID *Begin, const VOID *End, PCSTR When)
{
    CheckEmpty(Begin, End, When);
}
