/*
 * occupancy: how many threads each CPU has. A thread counts as one on the CPUs that it may use, in equal parts; it is
 * counted whatever rule it has, also where it chose its CPUs itself. Added to it is what the user's other processes have
 * there (policy/board.h).
 *
 * The numbers are in parts of a thread, OCCUPANCY_ONE of them. They are kept for groups of CPUs that no slot of the plan
 * tells apart (plan_cpu.group), so a place by node costs one number. What is taken away is exactly what was added.
 *
 * The arrays are memory that the caller provides zeroed (the shim from its own mapping, the dry run from malloc), changed
 * only with relaxed atomics, because the numbers steer choices and guard no data. Signal-safe, allocation-free.
 */
#ifndef NODEWISE_POLICY_OCCUPANCY_H
#define NODEWISE_POLICY_OCCUPANCY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/plan.h"

#define OCCUPANCY_ONE       720720u /* divisible by 1 to 16, so that parts on as many CPUs are exact */
#define OCCUPANCY_PIN_WORDS 4u

struct occupancy {
    _Atomic uint32_t *used;         /* per slot of the plan: threads in it */
    _Atomic uint32_t *turn;         /* per rule: round-robin position */
    _Atomic uint64_t *claimed;      /* per word of CPU ids: CPUs held by exclusive threads; claimed_words of them */
    _Atomic uint64_t *outside;      /* per word as above: CPUs that the process may not use (occupancy_narrow()) */
    _Atomic bool narrowed;          /* there are some */
    size_t claimed_words;           /* of both */
    struct occupancy_count *counts; /* per CPU of the plan */
    _Atomic uint64_t *threads;      /* one number: how many of this process are counted somewhere */
    _Atomic uint32_t start;         /* where among equal places a choice begins: see occupancy_begin_at() */
};

/* Threads, in parts. Tight ones may use the CPUs of one core only; others can give way to them. */
struct occupancy_threads {
    _Atomic uint64_t all, tight;
};

/* The first two count for a whole group, and stand at its first CPU. */
struct occupancy_count {
    struct occupancy_threads own, others; /* of this process, and of other processes */
    struct occupancy_threads pinned;      /* of the CPU: what of `own` are threads that chose it themselves */
};

/* Bytes that the arrays need together, and their set-up in zeroed memory of that size, 8-byte aligned. */
size_t occupancy_size(const struct plan_view *plan);
void occupancy_init(struct occupancy *ret_occupancy, const struct plan_view *plan, void *memory);

/*
 * Of places that are equal the earliest in order is chosen, so processes that do not know of each other all choose the
 * same. With a number of its own each begins elsewhere in the order: consecutive ones far from each other. 0: at the first.
 */
void occupancy_begin_at(struct occupancy *occupancy, uint32_t number);
/* The place, of so many, that a choice looks at first. */
uint32_t occupancy_start(const struct occupancy *occupancy, uint32_t count);

/*
 * The process may use only these CPUs of the plan's: places that are all outside are not chosen any more, until the tables
 * are new. `bits` has `words` words.
 */
void occupancy_narrow(const struct plan_view *plan, struct occupancy *occupancy, const uint64_t *bits, size_t words);

static inline bool occupancy_is_narrowed(const struct occupancy *occupancy)
{
    return atomic_load_explicit(&occupancy->narrowed, memory_order_relaxed);
}

/* Counts a thread on the CPUs of a slot, or takes it away again. */
void occupancy_add(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot);
void occupancy_remove(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot);

/* The threads on the CPUs of a mask that is made of groups (a slot's mask, core_mask or around), in parts. */
struct occupancy_load {
    uint64_t all, tight;
};
struct occupancy_load occupancy_load(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t mask);

/* CPUs that a thread chose, for as long as it is counted there. Zeroed: none. */
struct occupancy_pin {
    uint32_t first_word;
    uint32_t word_count; /* 0: none. Above OCCUPANCY_PIN_WORDS: all CPUs of that many words, about where they are */
    uint64_t bits[OCCUPANCY_PIN_WORDS];
};

/* bits: the mask, of `words` words. */
void occupancy_pin_set(struct occupancy_pin *ret_pin, const uint64_t *bits, size_t words);
/* Counts the thread there, or takes it away again. CPUs that the plan does not know are left out. */
void occupancy_pin_add(const struct plan_view *plan, struct occupancy *occupancy, const struct occupancy_pin *pin);
void occupancy_pin_remove(const struct plan_view *plan, struct occupancy *occupancy, const struct occupancy_pin *pin);

#endif
