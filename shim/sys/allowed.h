/*
 * allowed: which system calls the shim may make.
 *
 * A seccomp filter may kill the process for a call instead of refusing it (systemd's SystemCallFilter= does), and it
 * may have been there before the program. As long as it is not known that there is none, the shim makes only calls that
 * the loader has made in this process before any code of the shim ran: a filter that kills for one of them has killed
 * the program without us. start/filter.h finds out more.
 *
 * A call that is not allowed is not made: raw_call() answers EPERM, as most filters would.
 *
 * Any thread, signal-safe; the writers below say who calls them.
 */
#ifndef NODEWISE_SHIM_SYS_ALLOWED_H
#define NODEWISE_SHIM_SYS_ALLOWED_H

#include <stdatomic.h>
#include <stdbool.h>

enum allowed {
    ALLOWED_CERTAIN, /* those that the loader makes; so at load, and for good where nothing is to be done */
    ALLOWED_TRIED,   /* those that a copy of the process has survived */
    ALLOWED_ALL,     /* there is no filter */
    ALLOWED_NONE,    /* the program has set a filter itself */
};

/* relaxed: it changes in the only thread, or before the program can know of a filter that it sets */
extern _Atomic unsigned char allowed_calls __attribute__((visibility("hidden")));

bool allowed_slowly(long number);

static inline bool call_is_allowed(long number)
{
    if (__builtin_expect(atomic_load_explicit(&allowed_calls, memory_order_relaxed) == ALLOWED_ALL, 1))
        return true;
    return allowed_slowly(number);
}

/* Start-up: there is no filter. */
void allow_all(void);
/* Start-up: from now on what allow_call() names, and what is certain. */
void allow_tried(void);
/* Start-up, before allow_tried(): a copy of the process has survived the call. */
void allow_call(long number);
/*
 * The program sets a filter or enters the strict mode. What it allows is made for the program alone, so the shim makes
 * no call any more, and malloc grows as the program's own does. Any thread.
 */
void allow_none(void);

#endif
