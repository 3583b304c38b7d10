#include "shim/place/callstack.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/base/next.h"
#include "shim/base/thread.h"
#include "shim/place/origin.h"

#define OWN_FRAMES_MAX 8 /* frames of the shim between unw_backtrace and the application */

static int (*backtrace)(void **buffer, int size); /* set once, before the shim is active */

bool callstack_open(void)
{
    void *frames[2];
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL);
    next_dlsym *find = NEXT_OR_BIND(dlsym);
    if (!library || !find)
        return false;
    backtrace = (int (*)(void **, int))find(library, "unw_backtrace");
    if (!backtrace)
        return false;
    backtrace(frames, 2); /* makes libunwind's first-use allocations here and not inside a call of the application */
    return true;
}

void callstack_record(struct thread *thread)
{
    uint16_t own = origin_of((const void *)(uintptr_t)callstack_record).library;
    void *frames[FACTS_MAX_FRAMES + OWN_FRAMES_MAX];
    int count = backtrace ? backtrace(frames, FACTS_MAX_FRAMES + OWN_FRAMES_MAX) : 0;
    uint16_t kept = 0;
    for (int i = 0; i < count && kept < FACTS_MAX_FRAMES; i++) {
        /* a return address may be the first byte of the next function; the byte before it is part of the call */
        struct origin origin = origin_of((const char *)frames[i] - 1);

        if (origin.library == own)
            continue;
        thread->stack_library[kept] = origin.library;
        thread->stack_function[kept++] = origin.function;
    }
    thread->frames = kept;
}
