/*
 * self: where the calling thread is. nw_self() is one comparison while the thread stays on its CPU: glibc registers an
 * area where the kernel writes the number of the CPU (rseq(2)); it is read, never written.
 *
 * A thread of a synthetic registry has the affinity that self_pretend() gave it.
 *
 * Any thread, signal-safe, errno kept.
 */
#ifndef NODEWISE_SHIM_API_SELF_H
#define NODEWISE_SHIM_API_SELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim/nodewise.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* No CPU has this number, nor is it what a thread without a registered area reads (RSEQ_CPU_ID_*, -1 and -2). */
#define SELF_ASK UINT32_C(0x80000001)
/* The affinity holds on every CPU. */
#define SELF_PRETENDED UINT32_C(0x80000003)

/* Where the thread was when it asked last. A signal handler may write it between any two instructions of its thread. */
struct self {
    uint32_t known;  /* the CPU for which `at` holds, or one of the above */
    uint32_t writes; /* so far */
    struct nw_affinity at;
    uint32_t nothing;  /* 0: the index in storage that has one value */
    uint32_t line_cpu; /* the CPU whose line of a counter `line` is, or SELF_ASK */
    uint32_t line;     /* its offset, see counter.c; any line is right, so a handler may leave an old one */
};

extern HIDDEN __thread struct self self;
/* From the thread pointer to the number of the CPU. Without rseq(2), to a word that is no CPU. */
extern HIDDEN ptrdiff_t self_cpu_offset;

/* The thread is on another CPU than before, pretends, or has no area: finds out. */
struct nw_affinity self_look(void);

/* The CPU that runs the thread, as the kernel has written it, or what is no CPU. */
static inline uint32_t self_cpu(void)
{
    return *(const volatile uint32_t *)((const char *)__builtin_thread_pointer() + self_cpu_offset);
}

/* nw_self(), for the library's own short paths. */
static inline struct nw_affinity self_now(void)
{
    return __builtin_expect(self.known == self_cpu(), 1) ? self.at : self_look();
}

/* The calling thread's mask has changed: the next nw_self() asks the kernel again. */
void self_forget(void);
/* From now on nw_self() of the calling thread answers this. */
void self_pretend(struct nw_affinity affinity);
/* Slots and nodes that a synthetic machine has: storage has room for them. */
void self_make_room(unsigned slots, unsigned nodes);

/* The affinity of a thread that has any of these CPUs, and is on `cpu`. */
struct nw_affinity self_of_mask(const uint64_t *mask, size_t words, unsigned cpu);

#endif
