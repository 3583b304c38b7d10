/* threads: pthread_create and thrd_create. glibc's thrd_create does not call pthread_create. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <threads.h>

#include "shim/arena/limits.h"
#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/interpose/first_thread.h"
#include "shim/place/place.h"
#include "shim/place/thread_stack.h"
#include "shim/start/start.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/upkeep.h"
#include "shim/worker/worker.h"

/*
 * What pthread_cleanup_push(3) and pthread_cleanup_pop(3) call. Bound by the creator, because a new thread may have the
 * smallest stack. The library is one for glibc and musl, whose macros differ: those of glibc are used where it has them.
 */
#define __pthread_register_cancel(buffer)   NEXT(__pthread_register_cancel)(buffer)
#define __pthread_unregister_cancel(buffer) NEXT(__pthread_unregister_cancel)(buffer)
#define __pthread_unwind_next(buffer)       NEXT(__pthread_unwind_next)(buffer)

/* struct __ptcb of musl's <pthread.h> */
struct musl_handler {
    void (*run)(void *);
    void *argument;
    struct musl_handler *next;
};

static void end_thread(void *thread)
{
    place_end(thread);
}

static void push_in_musl(struct musl_handler *handler, struct thread *thread)
{
    if (NEXT(_pthread_cleanup_push))
        NEXT(_pthread_cleanup_push)(handler, end_thread, thread);
}

static void pop_in_musl(struct musl_handler *handler, struct thread *thread)
{
    if (NEXT(_pthread_cleanup_pop))
        NEXT(_pthread_cleanup_pop)(handler, 1);
    else
        place_end(thread);
}

/* Return, pthread_exit, thrd_exit and cancellation all run the clean-up handler. */
static void *run_posix(void *record)
{
    struct thread *thread = record;
    void *(*start)(void *) = thread->start.posix;
    void *argument = thread->argument, *result;
    place_born(thread);
    if (!NEXT(__pthread_register_cancel)) {
        struct musl_handler handler;
        push_in_musl(&handler, thread);
        result = start(argument);
        pop_in_musl(&handler, thread);
        return result;
    }
    pthread_cleanup_push(end_thread, thread);
    result = start(argument);
    pthread_cleanup_pop(1);
    return result;
}

static int run_c11(void *record)
{
    struct thread *thread = record;
    int (*start)(void *) = thread->start.c11;
    void *argument = thread->argument;
    int result;
    place_born(thread);
    if (!NEXT(__pthread_register_cancel)) {
        struct musl_handler handler;
        push_in_musl(&handler, thread);
        result = start(argument);
        pop_in_musl(&handler, thread);
        return result;
    }
    pthread_cleanup_push(end_thread, thread);
    result = start(argument);
    pthread_cleanup_pop(1);
    return result;
}

/* Returns the record for the new thread. NULL: the thread is created without the shim. */
static struct thread *prepare(const void *start, const void *caller)
{
    if (UNLIKELY(atomic_load_explicit(&shim.waits, memory_order_relaxed)))
        shim_start_late();
    if (!shim_is_active())
        return NULL;
    if (shim_was_forked())
        shim_forked(); /* a fork without handlers: clone or a raw system call */
    if (!shim_enter())
        return NULL;
    if (shim.segment_due) {
        shim.segment_due = false;
        place_show_main();
    }
    segment_details();
    place_catch_up();
    upkeep_look();
    struct thread *thread = shim_is_active() ? place_prepare(start, caller) : NULL;
    shim_leave();
    return thread;
}

/* Was pthread_attr_setaffinity_np(3) called? If not, glibc answers with all bits set. */
static bool has_mask(const pthread_attr_t *attributes)
{
    next_pthread_attr_getaffinity_np *next = NEXT_OR_BIND(pthread_attr_getaffinity_np);
    struct mask mask;
    bool all = true;

    if (!next || mask_open(&mask) < 0)
        return false;
    if (next(attributes, mask.words * 8, (cpu_set_t *)mask.bits) == 0)
        for (size_t i = 0; i < mask.words; i++)
            all = all && mask.bits[i] == UINT64_MAX;
    mask_close(&mask);
    return !all;
}

/* Returns what it was: see thread_in_libc. */
static bool enter_libc(void)
{
    bool before = thread_in_libc;
    thread_in_libc = true;
    return before;
}

PUBLIC int pthread_create(pthread_t *restrict ret_thread, const pthread_attr_t *restrict attributes,
                          void *(*start)(void *), void *restrict argument)
{
    struct stack_loan loan;
    shim_ready();
    first_thread_prepare();
    next_pthread_create *next = NEXT_OR_BIND(pthread_create);
    struct thread *thread = next ? prepare((const void *)(uintptr_t)start, __builtin_return_address(0)) : NULL;
    if (!thread)
        return next ? next(ret_thread, attributes, start, argument) : EAGAIN;
    thread->start.posix = start;
    thread->argument = argument;
    thread->mask_by_attribute = attributes && has_mask(attributes);
    stack_prepare(thread, attributes, &loan);
    bool before = enter_libc();
    int error = next(ret_thread, attributes, run_posix, thread);
    if (error == EAGAIN && limits_relieve()) /* for its stack */
        error = next(ret_thread, attributes, run_posix, thread);
    thread_in_libc = before;
    stack_return_node(&loan);
    if (error)
        place_abandon(thread);
    else
        worker_call();
    return error;
}

PUBLIC int thrd_create(thrd_t *ret_thread, thrd_start_t start, void *argument)
{
    struct stack_loan loan;
    shim_ready();
    first_thread_prepare();
    next_thrd_create *next = NEXT_OR_BIND(thrd_create);
    struct thread *thread = next ? prepare((const void *)(uintptr_t)start, __builtin_return_address(0)) : NULL;
    if (!thread)
        return next ? next(ret_thread, start, argument) : thrd_error;
    thread->start.c11 = start;
    thread->argument = argument;
    stack_prepare(thread, NULL, &loan);
    bool before = enter_libc();
    int result = next(ret_thread, run_c11, thread);
    if (result == thrd_nomem && limits_relieve())
        result = next(ret_thread, run_c11, thread);
    thread_in_libc = before;
    stack_return_node(&loan);
    if (result != thrd_success)
        place_abandon(thread);
    else
        worker_call();
    return result;
}
