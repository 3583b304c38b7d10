#include "shim/place/hold.h"

#include <errno.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/place/settle.h"

#define TRIES      100u /* attempts to own the record, */
#define BETWEEN_NS 20000u

/* of thread.held; seq_cst, as all of the record's handshake */
enum held {
    HELD_NOT,
    HELD_BY_OWNER,
    HELD_BORROWED, /* by a reload */
    HELD_RELEASED, /* by its owner, while a reload had borrowed it */
};

static bool own(struct thread *thread)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (!atomic_exchange(&thread->busy, 1))
            return true;
        sleep_ns(BETWEEN_NS);
    }
    return false;
}

void hold_begin(void)
{
    struct thread *thread = thread_self;
    int saved = errno;
    if (thread && (thread->holds || (shim_is_governing() && own(thread)))) {
        if (thread->holds++ == 0)
            atomic_store(&thread->held, HELD_BY_OWNER);
    }
    errno = saved;
}

void hold_end(void)
{
    struct thread *thread = thread_self;
    int saved = errno;
    if (thread && thread->holds && --thread->holds == 0) {
        uint32_t held = atomic_load(&thread->held), next;
        do
            next = held == HELD_BORROWED ? HELD_RELEASED : HELD_NOT;
        while (!atomic_compare_exchange_weak(&thread->held, &held, next));
        if (next == HELD_NOT)
            settle_give_back(thread);
    }
    errno = saved;
}

void hold_at_end(void)
{
    struct thread *thread = thread_self;
    if (!thread || !thread->holds)
        return;
    thread->holds = 1;
    hold_end();
}

bool hold_borrow(struct thread *thread)
{
    uint32_t held = HELD_BY_OWNER;
    return atomic_compare_exchange_strong(&thread->held, &held, HELD_BORROWED);
}

bool hold_is_borrowed(const struct thread *thread)
{
    uint32_t held = atomic_load(&thread->held);
    return held == HELD_BORROWED || held == HELD_RELEASED;
}

bool hold_return(struct thread *thread)
{
    uint32_t held = HELD_BORROWED;
    if (atomic_compare_exchange_strong(&thread->held, &held, HELD_BY_OWNER))
        return true;
    atomic_store(&thread->held, HELD_NOT); /* released: the owner does not look at it any more */
    return false;
}
