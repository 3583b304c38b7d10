#include "shim/api/pool/inbox.h"

#include <errno.h>
#include <linux/mempolicy.h>

#include "shim/api/cpus.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/pool/futex.h"
#include "shim/sys/placing.h"

#define CLOSED     (UINT64_C(1) << 63)
#define NODE_WORDS (NODES_MAX / 64)

/*
 * turn, with the first number of the round (number & ~mask): to be filled; that + 1: filled; that + size: to be filled in
 * the next round. So it is 0 at first, in pages that nobody has touched: whose they are is decided by who puts or takes.
 */
struct inbox_cell {
    _Atomic uint64_t turn;
    _Atomic(struct nw_task *) task;
    _Atomic(struct nw_group *) group;
};

/* Best effort: a refused policy leaves each page where it is first used. */
static void bind(void *cells, size_t size, int32_t node)
{
    uint64_t mask[NODE_WORDS] = {0};
    if (node < 0 || (uint32_t)node >= NODES_MAX || !library_may_place())
        return;
    mask[node / 64] = UINT64_C(1) << node % 64;
    sys_bind_memory(cells, size, MPOL_PREFERRED, mask, NODE_WORDS);
}

int inbox_init(struct inbox *inbox, uint32_t bound, int32_t node)
{
    uint64_t size = 2; /* with one cell, its turns could not be told apart */
    void *cells;
    while (size < bound)
        size *= 2;
    if (kernel_map(&cells, size * sizeof(*inbox->cells), 0) < 0)
        return -ENOMEM;
    bind(cells, size * sizeof(*inbox->cells), node);
    inbox->cells = cells;
    inbox->mask = size - 1;
    inbox->bound = bound;
    atomic_init(&inbox->most, 0);
    atomic_init(&inbox->head_seen, 0);
    atomic_init(&inbox->head, 0);
    atomic_init(&inbox->tail, 0);
    return 0;
}

void inbox_free(struct inbox *inbox)
{
    if (inbox->cells)
        kernel_unmap(inbox->cells, (inbox->mask + 1) * sizeof(*inbox->cells));
    inbox->cells = NULL;
}

/* The first number of a number's round. */
static uint64_t round_of(const struct inbox *inbox, uint64_t number)
{
    return number & ~inbox->mask;
}

static bool is_filled(const struct inbox *inbox, uint64_t number)
{
    return atomic_load(&inbox->cells[number & inbox->mask].turn) == round_of(inbox, number) + 1;
}

static bool has_room(struct inbox *inbox, uint64_t at)
{
    if (at - atomic_load_explicit(&inbox->head_seen, memory_order_relaxed) < inbox->bound)
        return true;
    uint64_t head = atomic_load_explicit(&inbox->head, memory_order_acquire);
    atomic_store_explicit(&inbox->head_seen, head, memory_order_relaxed);
    return at - head < inbox->bound;
}

int inbox_put(struct inbox *inbox, struct entry entry)
{
    uint64_t at = atomic_load_explicit(&inbox->tail, memory_order_relaxed);
    struct inbox_cell *cell;
    do {
        if (at & CLOSED)
            return -ESHUTDOWN;
        if (!has_room(inbox, at)) {
            uint64_t now = atomic_load_explicit(&inbox->tail, memory_order_relaxed);
            if (now == at)
                return -EAGAIN;
            at = now; /* head has overtaken what was read of tail */
            continue;
        }
        cell = &inbox->cells[at & inbox->mask];
        /* with inbox_take(): its reader may still be at work */
        if (atomic_load_explicit(&cell->turn, memory_order_acquire) != round_of(inbox, at)) {
            uint64_t now = atomic_load_explicit(&inbox->tail, memory_order_relaxed);
            if (now == at)
                return -EAGAIN;
            at = now;
            continue;
        }
        if (atomic_compare_exchange_weak_explicit(&inbox->tail, &at, at + 1, memory_order_seq_cst,
                                                  memory_order_relaxed))
            break;
    } while (true);
    step();
    atomic_store_explicit(&cell->task, entry.task, memory_order_relaxed);
    atomic_store_explicit(&cell->group, entry.group, memory_order_relaxed);
    /* with sleep_announce(): the caller next asks who sleeps */
    atomic_store(&cell->turn, round_of(inbox, at) + 1);
    return 0;
}

/* How many filled cells there are from `at` on, up to `most`. */
static size_t count_filled(const struct inbox *inbox, uint64_t at, size_t most)
{
    size_t count = 0;
    while (count < most && is_filled(inbox, at + count))
        count++;
    return count;
}

/* Noted by readers: writers would write to one more line. Of two at once the smaller may win: it is a hint. */
static void note_most(struct inbox *inbox, uint64_t there)
{
    if (there <= inbox->bound && there > atomic_load_explicit(&inbox->most, memory_order_relaxed))
        atomic_store_explicit(&inbox->most, there, memory_order_relaxed);
}

uint64_t inbox_most(const struct inbox *inbox)
{
    return atomic_load_explicit(&inbox->most, memory_order_relaxed);
}

size_t inbox_take(struct inbox *inbox, struct entry *ret_entries, size_t room)
{
    uint64_t at = atomic_load_explicit(&inbox->head, memory_order_acquire);
    size_t count;
    do {
        /* Writers' line is looked at only where there is more than one: a reader that waits looks at one cell. */
        count = count_filled(inbox, at, room < 2 ? room : 2);
        if (!count)
            return 0;
        uint64_t there = count < 2 ? 1 : (atomic_load_explicit(&inbox->tail, memory_order_relaxed) & ~CLOSED) - at;
        size_t half = (size_t)(there + 1) / 2;
        if (count == 2)
            count = count_filled(inbox, at, half < 1 ? 1 : half < room ? half : room);
        note_most(inbox, there);
        step();
    } while (!atomic_compare_exchange_weak_explicit(&inbox->head, &at, at + count, memory_order_seq_cst,
                                                    memory_order_acquire));
    step();
    for (size_t i = 0; i < count; i++) {
        struct inbox_cell *cell = &inbox->cells[(at + i) & inbox->mask];
        ret_entries[i] = (struct entry){atomic_load_explicit(&cell->task, memory_order_relaxed),
                                        atomic_load_explicit(&cell->group, memory_order_relaxed)};
        atomic_store_explicit(&cell->turn, round_of(inbox, at + i) + inbox->mask + 1, memory_order_release);
    }
    return count;
}

void inbox_close(struct inbox *inbox)
{
    atomic_fetch_or(&inbox->tail, CLOSED);
}

size_t inbox_count(const struct inbox *inbox)
{
    uint64_t head = atomic_load(&inbox->head);
    uint64_t tail = atomic_load(&inbox->tail) & ~CLOSED;
    return (int64_t)(tail - head) > 0 ? (size_t)(tail - head) : 0;
}

bool inbox_holds(const struct inbox *inbox, const struct nw_group *group, const struct nw_task *task)
{
    uint64_t at = atomic_load(&inbox->head);
    for (uint64_t i = 0; i <= inbox->mask; i++) {
        const struct inbox_cell *cell = &inbox->cells[(at + i) & inbox->mask];
        if (!is_filled(inbox, at + i))
            return false;
        const struct nw_group *its = atomic_load_explicit(&cell->group, memory_order_relaxed);
        if (group ? its == group : atomic_load_explicit(&cell->task, memory_order_relaxed) == task)
            return true;
    }
    return false;
}
