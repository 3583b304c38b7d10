/*
 * deque: a worker's own tasks. Its owner pushes and pops at the bottom (last in, first out), others steal at the top (first
 * in, first out). Chase and Lev, Dynamic Circular Work-Stealing Deque (SPAA 2005), with sequentially consistent bottom and
 * top instead of fences: the same instructions on x86 and arm64, and ThreadSanitizer understands them.
 *
 * An entry holds the task and its group beside it, because a thief may not look into a task before it is its own: the
 * task may have run and be gone.
 *
 * The array doubles when it is full. Old arrays stay until deque_free(), since thieves may still read them; together they
 * are smaller than the newest.
 */
#ifndef NODEWISE_SHIM_API_POOL_DEQUE_H
#define NODEWISE_SHIM_API_POOL_DEQUE_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nw_task;
struct nw_group;

struct entry {
    struct nw_task *task;
    struct nw_group *group; /* as the task says when it is submitted; NULL: none */
};

struct deque_array;

struct deque {
    alignas(128) _Atomic int64_t top;
    alignas(128) _Atomic int64_t bottom;
    struct deque_array *_Atomic array;
    int64_t top_seen; /* the owner's: no later than top */
};

/* 0 or -ENOMEM. The first array is allocated by the calling thread: the owner's node. */
int deque_init(struct deque *deque);
void deque_free(struct deque *deque);

/* --- the owner alone --- */

int deque_push(struct deque *deque, struct entry entry); /* 0 or -ENOMEM: the array could not grow */
bool deque_pop(struct deque *deque, struct entry *ret_entry);
bool deque_peek(const struct deque *deque, struct entry *ret_entry); /* what pop would give, if no thief is faster */

/* --- any thread --- */

enum theft { THEFT_GOT, THEFT_EMPTY, THEFT_LOST }; /* LOST: another was faster, there may be more */

enum theft deque_steal(struct deque *deque, struct entry *ret_entry);
/*
 * What of a worker's deque belongs to a group for sure, and may be run by one that waits for the group.
 *
 * While `group` is set, the worker runs a task of it that it stole with an empty deque, on the part of its stack below
 * `frame`. Tasks in the deque whose own group lies on that part of the stack have to end before that frame returns, so
 * before the stolen task ends. All others in the deque are strangers: the stolen task may have submitted them for later.
 */
struct leap {
    struct nw_group *_Atomic group;
    _Atomic uintptr_t frame;
    uintptr_t stack; /* its lowest address */
};

/* Steals the top entry if it belongs to the group. EMPTY: it does not. */
enum theft deque_steal_leap(struct deque *deque, const struct leap *leap, const struct nw_group *group,
                            struct entry *ret_entry);
/* How many entries, as it was at some moment of the call. Sequentially consistent. */
size_t deque_count(const struct deque *deque);
/* Was there an entry of that group, or, with group NULL, of that task. */
bool deque_holds(const struct deque *deque, const struct nw_group *group, const struct nw_task *task);
/* Calls fn for the group of each entry that is there. */
void deque_each_group(const struct deque *deque, void (*fn)(const void *group));

#endif
