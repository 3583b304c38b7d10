#include "shim/api/pool/inbox.h"

#include <errno.h>
#include <stdlib.h>

#include "shim/api/pool/futex.h"

#define CLOSED (UINT64_C(1) << 63)

/* turn: n: to be filled by number n; n + 1: filled by it; n + size: to be filled by number n + size */
struct inbox_cell {
    _Atomic uint64_t turn;
    _Atomic(struct nw_task *) task;
    _Atomic(struct nw_group *) group;
};

int inbox_init(struct inbox *inbox, uint32_t bound)
{
    uint64_t size = 2; /* with one cell, its turns could not be told apart */
    while (size < bound)
        size *= 2;
    inbox->cells = calloc(size, sizeof(*inbox->cells));
    if (!inbox->cells)
        return -ENOMEM;
    for (uint64_t i = 0; i < size; i++)
        atomic_init(&inbox->cells[i].turn, i);
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
    free(inbox->cells);
    inbox->cells = NULL;
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
        if (atomic_load_explicit(&cell->turn, memory_order_acquire) != at) {
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
    atomic_store(&cell->turn, at + 1);
    return 0;
}

/* How many filled cells there are from `at` on, up to `most`. */
static size_t count_filled(const struct inbox *inbox, uint64_t at, size_t most)
{
    size_t count = 0;
    while (count < most && atomic_load(&inbox->cells[(at + count) & inbox->mask].turn) == at + count + 1)
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
        atomic_store_explicit(&cell->turn, at + i + inbox->mask + 1, memory_order_release);
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
        if (atomic_load(&cell->turn) != at + i + 1)
            return false;
        const struct nw_group *its = atomic_load_explicit(&cell->group, memory_order_relaxed);
        if (group ? its == group : atomic_load_explicit(&cell->task, memory_order_relaxed) == task)
            return true;
    }
    return false;
}
