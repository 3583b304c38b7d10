/*
 * affinity: the program's own calls about CPUs: sched_setaffinity and pthread_setaffinity_np, and the answers of
 * sched_getaffinity and pthread_getaffinity_np. The kernel answers each call first, so results and errno are the
 * kernel's.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/base/thread_id.h"
#include "shim/interpose/affinity.h"
#include "shim/place/arbitrate.h"
#include "shim/place/cpu_count.h"
#include "shim/sys/call.h"

/* --- setting --- */

bool affinity_is_arbitrated(void)
{
    return shim_is_active() && !shim_was_forked();
}

void affinity_chosen(pid_t tid, size_t size, const void *set)
{
    uint64_t bits[BASE_MASK_WORDS]; /* only what the program gave is touched: there is room for 131,072 CPUs */
    if (tid && tid != raw_getpid())
        return;
    if (size > sizeof(bits))
        size = sizeof(bits);
    if (size)
        bits[(size - 1) / sizeof(*bits)] = 0;
    memcpy(bits, set, size);
    chosen_note_mask(bits, (size + sizeof(*bits) - 1) / sizeof(*bits));
}

void affinity_end(struct thread *thread, bool active, const struct affinity_call *call, bool succeeded)
{
    bool decided = active && arbitrate_end(thread, call, succeeded);
    if (succeeded && !decided && (!active || shim_is_borrowed()))
        affinity_chosen(call->tid, call->size, call->set);
}

PUBLIC int sched_setaffinity(pid_t tid, size_t size, const cpu_set_t *set)
{
    const void *by = __builtin_return_address(0);
    next_sched_setaffinity *next = NEXT_OR_BIND(sched_setaffinity);
    bool active = affinity_is_arbitrated();
    struct thread *thread = active ? arbitrate_begin(tid) : NULL;
    int result = next ? next(tid, size, set) : (int)program_call(SYS_sched_setaffinity, tid, size, set);

    affinity_end(thread, active, &(struct affinity_call){tid, size, set, by}, result == 0);
    return result;
}

PUBLIC int pthread_setaffinity_np(pthread_t target, size_t size, const cpu_set_t *set)
{
    const void *by = __builtin_return_address(0);
    next_pthread_setaffinity_np *next = NEXT_OR_BIND(pthread_setaffinity_np);
    pid_t tid = affinity_is_arbitrated() ? thread_tid_in_libc(target) : 0;
    struct thread *thread = tid ? arbitrate_begin(tid) : NULL;
    int error = next ? next(target, size, set) : ENOSYS;

    if (tid)
        arbitrate_end(thread, &(struct affinity_call){tid, size, set, by}, error == 0);
    else if (error == 0 && pthread_equal(target, pthread_self()))
        affinity_chosen(0, size, set);
    return error;
}

/* --- getting --- */

/* Does the shim answer for this thread? Only for threads of this process. */
static bool tells(pid_t tid)
{
    const struct thread *thread = thread_self;
    if (!shim_is_active() || shim.plan.header->cpu_report == CPUS_HOST)
        return false;
    if (tid && (!thread || atomic_load_explicit(&thread->tid, memory_order_relaxed) != (uint32_t)tid))
        thread = thread_find(tid);
    return cpu_count_is_told_of(thread);
}

static void tell(size_t size, cpu_set_t *ret_set)
{
    struct mask mask;
    if (mask_open(&mask) < 0)
        return;
    cpu_count_told_mask(&mask);
    size_t bytes = mask.words * 8 < size ? mask.words * 8 : size;
    memset(ret_set, 0, size);
    memcpy(ret_set, mask.bits, bytes);
    mask_close(&mask);
}

PUBLIC int sched_getaffinity(pid_t tid, size_t size, cpu_set_t *ret_set)
{
    next_sched_getaffinity *next = NEXT_OR_BIND(sched_getaffinity);
    int result = next ? next(tid, size, ret_set) : -1;

    if (!next)
        errno = ENOSYS;
    if (result == 0 && tells(tid))
        tell(size, ret_set);
    return result;
}

PUBLIC int pthread_getaffinity_np(pthread_t target, size_t size, cpu_set_t *ret_set)
{
    next_pthread_getaffinity_np *next = NEXT_OR_BIND(pthread_getaffinity_np);
    int error = next ? next(target, size, ret_set) : ENOSYS;

    if (error == 0 && tells(thread_tid_in_libc(target)))
        tell(size, ret_set);
    return error;
}
