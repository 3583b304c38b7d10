/*
 * A thread's end is told by the C library's list of destructors, which C++ has for its thread_local objects: a key of
 * pthread_key_create(3) could be missing to the program. Without that function (musl) a record is freed by no one.
 */
#include "shim/api/thread_record.h"

#include <stdlib.h>

#include "shim/api/library.h"
#include "shim/api/registry.h"
#include "shim/api/relocate.h"

extern int __cxa_thread_atexit_impl(void (*function)(void *), void *object, void *dso)
    __attribute__((weak, visibility("default")));
extern void *__dso_handle __attribute__((visibility("hidden")));

static __thread struct thread_record *own;

static void end(void *record)
{
    struct thread_record *ended = record;
    registry_leave(ended);
    relocate_forget(ended);
    own = NULL;
    free(ended);
}

struct thread_record *thread_record(void)
{
    return own;
}

struct thread_record *thread_record_need(void)
{
    if (own)
        return own;
    struct thread_record *record = calloc(1, sizeof(*record));
    if (!record)
        return NULL;
    record->last = nw_self();
    if (__cxa_thread_atexit_impl)
        __cxa_thread_atexit_impl(end, record, &__dso_handle);
    own = record;
    return record;
}
