#include "shim/memory/mover.h"

#include <errno.h>
#include <string.h>

#include "shim/state.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define PAGE   ((uintptr_t)4096)
#define SECOND UINT64_C(1000000000)
#define TRIES  4

#define HUGE_PAGE        ((uintptr_t)2 << 20)
#define MADV_COLD_ADVICE 20 /* Linux 5.4 */

void mover_init(struct mover *mover, uint64_t bytes_a_second, uint64_t ns_a_second)
{
    memset(mover, 0, offsetof(struct mover, pages));
    mover->bytes_a_second = bytes_a_second;
    mover->ns_a_second = ns_a_second;
}

uint64_t mover_wait(struct mover *mover)
{
    uint64_t now = monotonic_ns();

    if (now - mover->second_began >= SECOND) {
        mover->second_began = now;
        mover->second_bytes = mover->second_ns = 0;
    }
    if (mover->second_bytes < mover->bytes_a_second && mover->second_ns < mover->ns_a_second)
        return 0;
    return SECOND - (now - mover->second_began);
}

/* madvise(2) about a part of a huge page splits it (mm/madvise.c); this advice does nothing else of note. */
static void cut(uintptr_t from, uintptr_t to)
{
    int saved = errno;

    from = (from + PAGE - 1) & ~(PAGE - 1);
    to &= ~(PAGE - 1);
    if (from < to)
        raw_madvise((void *)from, to - from, MADV_COLD_ADVICE);
    errno = saved;
}

void mover_cut(uintptr_t start, size_t size)
{
    uintptr_t end = start + size, first = (start + HUGE_PAGE - 1) & ~(HUGE_PAGE - 1), last = end & ~(HUGE_PAGE - 1);

    if (first > last) {
        cut(start, end); /* within one */
        return;
    }
    cut(start, first);
    cut(last, end);
}

size_t mover_add(struct mover *mover, uintptr_t start, size_t size, uint32_t node)
{
    uintptr_t from = (start + PAGE - 1) & ~(PAGE - 1), end = (start + size) & ~(PAGE - 1);

    for (; from < end && mover->count < MOVER_BATCH; from += PAGE) {
        mover->pages[mover->count] = (void *)from;
        mover->targets[mover->count++] = (int)node;
    }
    return from < end ? from - start : size;
}

/* The kernel stops at the first page that it cannot move (mm/migrate.c): the others get their turn, a few times. */
static int move_all(struct mover *mover)
{
    uint32_t from = 0;
    int error = 0;

    for (uint32_t i = 0; i < mover->count; i++)
        mover->status[i] = -EBUSY;
    for (int tries = 0; tries < TRIES && from < mover->count; tries++) {
        error = sys_move_pages(mover->count - from, mover->pages + from, mover->targets + from, mover->status + from);
        if (error)
            return error;
        while (from < mover->count && mover->status[from] != -EBUSY)
            from++;
    }
    return 0;
}

static void count_results(struct mover *mover)
{
    for (uint32_t i = 0; i < mover->count; i++)
        if (mover->status[i] == mover->targets[i])
            mover->moved += PAGE;
        else if (mover->status[i] != -ENOENT && mover->status[i] != -EFAULT) /* those are not there */
            mover->kept += PAGE;
}

int mover_run(struct mover *mover)
{
    uint64_t began = monotonic_ns();
    int error;

    if (!mover->count)
        return 0;
    error = move_all(mover);
    if (error)
        mover->error = error;
    else
        count_results(mover);
    mover->second_bytes += mover->count * PAGE;
    mover->second_ns += monotonic_ns() - began;
    mover->count = 0;
    return error;
}

uint32_t mover_node_of(uintptr_t address)
{
    void *page = (void *)(address & ~(PAGE - 1));
    int status = -1;

    return sys_move_pages(1, &page, NULL, &status) == 0 && status >= 0 ? (uint32_t)status : UINT32_MAX;
}
