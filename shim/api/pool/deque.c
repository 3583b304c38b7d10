#include "shim/api/pool/deque.h"

#include <errno.h>
#include <stdlib.h>

#include "shim/api/pool/futex.h"

enum { FIRST_SIZE = 256 };

struct cell {
    _Atomic(struct nw_task *) task;
    _Atomic(struct nw_group *) group;
};

struct deque_array {
    int64_t mask; /* size - 1 */
    struct deque_array *older;
    struct cell cells[];
};

/* Relaxed: bottom publishes an entry, and a thief's exchange of top proves that it was not overwritten meanwhile. */
static struct entry read_cell(const struct deque_array *array, int64_t at)
{
    const struct cell *cell = &array->cells[at & array->mask];
    return (struct entry){atomic_load_explicit(&cell->task, memory_order_relaxed),
                          atomic_load_explicit(&cell->group, memory_order_relaxed)};
}

static void write_cell(struct deque_array *array, int64_t at, struct entry entry)
{
    struct cell *cell = &array->cells[at & array->mask];
    atomic_store_explicit(&cell->task, entry.task, memory_order_relaxed);
    atomic_store_explicit(&cell->group, entry.group, memory_order_relaxed);
}

/* --- the owner alone --- */

static int grow(struct deque *deque, int64_t top, int64_t bottom)
{
    struct deque_array *old = atomic_load_explicit(&deque->array, memory_order_relaxed);
    int64_t size = 2 * (old->mask + 1);
    struct deque_array *array = malloc(sizeof(*array) + (size_t)size * sizeof(array->cells[0]));
    if (!array)
        return -ENOMEM;
    array->mask = size - 1;
    array->older = old;
    for (int64_t at = top; at < bottom; at++)
        write_cell(array, at, read_cell(old, at));
    /* with deque_steal(): a thief that sees the new array sees its entries */
    atomic_store_explicit(&deque->array, array, memory_order_release);
    return 0;
}

int deque_push(struct deque *deque, struct entry entry)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    struct deque_array *array = atomic_load_explicit(&deque->array, memory_order_relaxed);
    if (bottom - deque->top_seen > array->mask) {
        deque->top_seen = atomic_load_explicit(&deque->top, memory_order_acquire);
        if (bottom - deque->top_seen > array->mask && grow(deque, deque->top_seen, bottom) < 0)
            return -ENOMEM;
        array = atomic_load_explicit(&deque->array, memory_order_relaxed);
    }
    write_cell(array, bottom, entry);
    step();
    /* with sleep_announce(): the caller next asks who sleeps */
    atomic_store(&deque->bottom, bottom + 1);
    return 0;
}

bool deque_pop(struct deque *deque, struct entry *ret_entry)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed) - 1;
    if (bottom < deque->top_seen)
        return false; /* top is never behind top_seen */
    struct deque_array *array = atomic_load_explicit(&deque->array, memory_order_relaxed);
    atomic_store(&deque->bottom, bottom);
    step();
    int64_t top = atomic_load(&deque->top);
    deque->top_seen = top;
    if (top > bottom) {
        atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
        return false;
    }
    struct entry entry = read_cell(array, bottom);
    step();
    if (top == bottom) { /* the last one: a thief may want it, too */
        bool won = atomic_compare_exchange_strong(&deque->top, &top, top + 1);
        deque->top_seen = bottom + 1;
        atomic_store_explicit(&deque->bottom, bottom + 1, memory_order_release);
        if (!won)
            return false;
    }
    *ret_entry = entry;
    return true;
}

bool deque_peek(const struct deque *deque, struct entry *ret_entry)
{
    int64_t bottom = atomic_load_explicit(&deque->bottom, memory_order_relaxed);
    if (bottom <= atomic_load_explicit(&deque->top, memory_order_acquire))
        return false;
    *ret_entry = read_cell(atomic_load_explicit(&deque->array, memory_order_relaxed), bottom - 1);
    return true;
}

int deque_init(struct deque *deque)
{
    struct deque_array *array = malloc(sizeof(*array) + FIRST_SIZE * sizeof(array->cells[0]));
    if (!array)
        return -ENOMEM;
    array->mask = FIRST_SIZE - 1;
    array->older = NULL;
    atomic_init(&deque->top, 0);
    atomic_init(&deque->bottom, 0);
    deque->top_seen = 0;
    atomic_store_explicit(&deque->array, array, memory_order_release);
    return 0;
}

void deque_free(struct deque *deque)
{
    struct deque_array *array = atomic_load_explicit(&deque->array, memory_order_relaxed);
    while (array) {
        struct deque_array *older = array->older;
        free(array);
        array = older;
    }
    atomic_store_explicit(&deque->array, NULL, memory_order_relaxed);
}

/* --- any thread --- */

static bool belongs(const struct leap *leap, const struct nw_group *group, const struct nw_group *of_entry)
{
    return atomic_load(&leap->group) == group && (uintptr_t)of_entry >= leap->stack &&
           (uintptr_t)of_entry < atomic_load_explicit(&leap->frame, memory_order_relaxed);
}

/* leap: NULL, or what the entry has to belong to. */
static inline enum theft steal(struct deque *deque, const struct leap *leap, const struct nw_group *group,
                               struct entry *ret_entry)
{
    int64_t top = atomic_load(&deque->top);
    int64_t bottom = atomic_load(&deque->bottom);
    if (top >= bottom)
        return THEFT_EMPTY;
    struct deque_array *array = atomic_load_explicit(&deque->array, memory_order_acquire);
    struct entry entry = read_cell(array, top);
    /* Looked at between top and its exchange: the entry was in the deque at that moment. */
    step();
    if (leap && !belongs(leap, group, entry.group))
        return THEFT_EMPTY;
    step();
    if (!atomic_compare_exchange_strong(&deque->top, &top, top + 1))
        return THEFT_LOST;
    *ret_entry = entry;
    return THEFT_GOT;
}

enum theft deque_steal(struct deque *deque, struct entry *ret_entry)
{
    return steal(deque, NULL, NULL, ret_entry);
}

enum theft deque_steal_leap(struct deque *deque, const struct leap *leap, const struct nw_group *group,
                            struct entry *ret_entry)
{
    return steal(deque, leap, group, ret_entry);
}

size_t deque_count(const struct deque *deque)
{
    int64_t top = atomic_load(&deque->top);
    int64_t bottom = atomic_load(&deque->bottom);
    return bottom > top ? (size_t)(bottom - top) : 0;
}

/* The entries from *ret_top to the result, of which the oldest may be overwritten while they are looked at. */
static int64_t visible(const struct deque *deque, int64_t *ret_top, const struct deque_array **ret_array)
{
    *ret_top = atomic_load(&deque->top);
    int64_t bottom = atomic_load(&deque->bottom);
    *ret_array = atomic_load_explicit(&deque->array, memory_order_acquire);
    return bottom - *ret_top > (*ret_array)->mask + 1 ? *ret_top + (*ret_array)->mask + 1 : bottom;
}

bool deque_holds(const struct deque *deque, const struct nw_group *group, const struct nw_task *task)
{
    const struct deque_array *array;
    int64_t at, end = visible(deque, &at, &array);
    for (; at < end; at++) {
        struct entry entry = read_cell(array, at);
        if (group ? entry.group == group : entry.task == task)
            return true;
    }
    return false;
}

void deque_each_group(const struct deque *deque, void (*fn)(const void *group))
{
    const struct deque_array *array;
    int64_t at, end = visible(deque, &at, &array);
    for (; at < end; at++) {
        struct entry entry = read_cell(array, at);
        if (entry.group)
            fn(entry.group);
    }
}
