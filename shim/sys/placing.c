#include "shim/sys/placing.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "shim/sys/call.h"
#include "shim/sys/fault.h"

static struct placing {
    const char *word;
    long number;
    /* EPERM or ENOSYS once the call got this final answer, else 0; relaxed: a late reader only calls once more */
    _Atomic int refused;
} table[CALL_COUNT] = {
    [CALL_SCHED_SETAFFINITY] = {"sched_setaffinity", SYS_sched_setaffinity, 0},
    [CALL_SCHED_GETAFFINITY] = {"sched_getaffinity", SYS_sched_getaffinity, 0},
    [CALL_SET_MEMPOLICY] = {"set_mempolicy", SYS_set_mempolicy, 0},
    [CALL_GET_MEMPOLICY] = {"get_mempolicy", SYS_get_mempolicy, 0},
    [CALL_MBIND] = {"mbind", SYS_mbind, 0},
    [CALL_MOVE_PAGES] = {"move_pages", SYS_move_pages, 0},
    [CALL_SET_NAME] = {"prctl", SYS_prctl, 0},
};

/* Written at the start and by a reload; relaxed: it says nothing about other memory. */
static atomic_bool pretends_to_place;

void placing_pretend(bool pretends)
{
    atomic_store_explicit(&pretends_to_place, pretends, memory_order_relaxed);
}

/* nodes: of move_pages(2), which without any tells where pages are. */
static bool places(enum placing_call which, long nodes)
{
    return which == CALL_SCHED_SETAFFINITY || which == CALL_SET_MEMPOLICY || which == CALL_MBIND ||
           (which == CALL_MOVE_PAGES && nodes);
}

/* Returns the result or a negative errno. Keeps errno, which is the application's. */
static long placing_call(enum placing_call which, long a, long b, long c, long d, long e, long f)
{
    struct placing *call = &table[which];
    int saved = errno;
    int refused = atomic_load_explicit(&call->refused, memory_order_relaxed);
    if (atomic_load_explicit(&pretends_to_place, memory_order_relaxed) && places(which, d))
        return -EPRETENDED;
    if (refused)
        return -refused;
    long result = fault_of(call->word);
    if (!result) {
        result = raw_call(call->number, a, b, c, d, e, f);
        if (result < 0)
            result = -errno;
    }
    if (result == -EPERM || result == -ENOSYS)
        atomic_store_explicit(&call->refused, (int)-result, memory_order_relaxed);
    errno = saved;
    return result;
}

int sys_set_affinity(pid_t tid, const uint64_t *bits, size_t words)
{
    return (int)placing_call(CALL_SCHED_SETAFFINITY, tid, (long)(words * 8), (long)bits, 0, 0, 0);
}

int sys_get_affinity(pid_t tid, uint64_t *ret_bits, size_t words, size_t *ret_words)
{
    long bytes = placing_call(CALL_SCHED_GETAFFINITY, tid, (long)(words * 8), (long)ret_bits, 0, 0, 0);
    if (bytes < 0)
        return (int)bytes;
    /* the system call returns the bytes it wrote, a multiple of the kernel's long; libc's wrapper hides that */
    memset((char *)ret_bits + bytes, 0, words * 8 - (size_t)bytes);
    *ret_words = ((size_t)bytes + 7) / 8;
    return 0;
}

static bool has_nodes(const uint64_t *nodes, size_t words)
{
    uint64_t any = 0;
    for (size_t i = 0; i < words; i++)
        any |= nodes[i];
    return any != 0;
}

int sys_set_mempolicy(int mode, const uint64_t *nodes, size_t words)
{
    bool any = has_nodes(nodes, words);
    /* the kernel reads maxnode - 1 bits (mm/mempolicy.c get_nodes) */
    return (int)placing_call(CALL_SET_MEMPOLICY, mode, any ? (long)nodes : 0, any ? (long)(words * 64 + 1) : 0, 0, 0,
                             0);
}

int sys_get_mempolicy(int *ret_mode, uint64_t *ret_nodes, size_t words)
{
    return (int)placing_call(CALL_GET_MEMPOLICY, (long)ret_mode, (long)ret_nodes, (long)(words * 64 + 1), 0, 0, 0);
}

int sys_bind_memory(void *start, size_t size, int mode, const uint64_t *nodes, size_t words)
{
    return (int)placing_call(CALL_MBIND, (long)start, (long)size, mode, (long)nodes, (long)(words * 64 + 1), 0);
}

int sys_get_memory_at(const void *address, int *ret_mode, uint64_t *ret_nodes, size_t words)
{
    return (int)placing_call(CALL_GET_MEMPOLICY, (long)ret_mode, (long)ret_nodes, (long)(words * 64 + 1), (long)address,
                             MPOL_F_ADDR, 0);
}

int sys_get_allowed_nodes(uint64_t *ret_nodes, size_t words)
{
    return (int)placing_call(CALL_GET_MEMPOLICY, 0, (long)ret_nodes, (long)(words * 64 + 1), 0, MPOL_F_MEMS_ALLOWED, 0);
}

int sys_move_pages(size_t count, void *const *pages, const int *nodes, int *ret_status)
{
    long left = placing_call(CALL_MOVE_PAGES, 0, (long)count, (long)pages, (long)nodes, (long)ret_status,
                             nodes ? MPOL_MF_MOVE : 0);
    return left < 0 ? (int)left : 0;
}

int sys_set_name(const char *name)
{
    return (int)placing_call(CALL_SET_NAME, PR_SET_NAME, (long)name, 0, 0, 0, 0);
}

void sys_get_name(char ret_name[16])
{
    int saved = errno;
    if (raw_call(SYS_prctl, PR_GET_NAME, (long)ret_name, 0, 0, 0) != 0)
        ret_name[0] = '\0';
    errno = saved;
}

const char *placing_call_word(enum placing_call call)
{
    return table[call].word;
}
