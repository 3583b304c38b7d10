#include "shim/nodewise.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/base/common.h"
#include "shim/sys/placing.h"

#define PRETENDED UINT32_MAX

/* Where the thread was when it asked last. A signal handler may write it between any two instructions of its thread. */
static __thread struct {
    uint32_t known;  /* the CPU + 1, for which `at` holds; 0: ask; PRETENDED: `at` holds everywhere */
    uint32_t writes; /* so far */
    struct nw_affinity at;
} self;

static _Atomic uint32_t pretended_slots, pretended_nodes;

/* --- the CPU's number --- */

/* glibc 2.35; the area's second word is cpu_id (linux/rseq.h), negative where the kernel refused the registration */
extern const ptrdiff_t __rseq_offset __attribute__((weak, visibility("default")));
extern const unsigned int __rseq_size __attribute__((weak, visibility("default")));

static uint32_t asked_cpu(void)
{
    int saved = errno;
    int cpu = sched_getcpu();
    errno = saved;
    return cpu < 0 ? 0 : (uint32_t)cpu;
}

static inline uint32_t own_cpu(void)
{
    if (LIKELY(&__rseq_offset != NULL)) {
        const char *area = (const char *)__builtin_thread_pointer() + __rseq_offset;
        int32_t cpu = *(const volatile int32_t *)(area + 4);
        if (LIKELY(cpu >= 0 && __rseq_size))
            return (uint32_t)cpu;
    }
    return asked_cpu();
}

/* --- nw_self --- */

static void remember(uint32_t known, struct nw_affinity at)
{
    uint32_t writes;
    do {
        writes = ++self.writes;
        self.known = 0;
        atomic_signal_fence(memory_order_seq_cst);
        self.at = at;
        atomic_signal_fence(memory_order_seq_cst);
        self.known = known;
        atomic_signal_fence(memory_order_seq_cst);
    } while (writes != self.writes);
}

struct nw_affinity self_of_mask(const uint64_t *mask, size_t words, unsigned cpu)
{
    struct cpu_place here = cpus_place(cpu);
    struct nw_affinity at = {-1, -1, here.slot, here.node_index};
    unsigned count = 0;
    bool one_node = here.node >= 0;
    for (size_t word = 0; word < words; word++)
        for (uint64_t left = mask[word]; left; left &= left - 1) {
            unsigned id = (unsigned)(word * 64) + (unsigned)__builtin_ctzll(left);
            count++;
            one_node = one_node && cpus_place(id).node == here.node;
        }
    if (count && one_node)
        at.node = here.node;
    if (count == 1)
        at.cpu = (int32_t)cpu;
    return at;
}

/* The thread is on another CPU than before, or its mask has changed. */
static NOINLINE struct nw_affinity look(uint32_t cpu)
{
    uint64_t mask[CPUS_MAX / 64];
    size_t words = 0;
    if (!library_may_place() || sys_get_affinity(0, mask, CPUS_MAX / 64, &words) < 0)
        words = 0;
    struct nw_affinity at = self_of_mask(mask, words, cpu);
    remember(cpu + 1, at);
    return at;
}

API struct nw_affinity nw_self(void)
{
    uint32_t known = self.known;
    if (UNLIKELY(known == PRETENDED))
        return self.at;
    uint32_t cpu = own_cpu();
    return LIKELY(known == cpu + 1) ? self.at : look(cpu);
}

API unsigned nw_slots(void)
{
    unsigned pretended = atomic_load_explicit(&pretended_slots, memory_order_relaxed);
    return pretended > cpus_slots() ? pretended : cpus_slots();
}

API unsigned nw_node_indexes(void)
{
    unsigned pretended = atomic_load_explicit(&pretended_nodes, memory_order_relaxed);
    return pretended > cpus_nodes() ? pretended : cpus_nodes();
}

/* --- for the other parts --- */

void self_forget(void)
{
    remember(0, self.at);
}

void self_pretend(struct nw_affinity affinity)
{
    remember(PRETENDED, affinity);
}

static void raise_to(_Atomic uint32_t *most, uint32_t value)
{
    uint32_t before = atomic_load_explicit(most, memory_order_relaxed);
    while (before < value &&
           !atomic_compare_exchange_weak_explicit(most, &before, value, memory_order_relaxed, memory_order_relaxed))
        ;
}

void self_make_room(unsigned slots, unsigned nodes)
{
    raise_to(&pretended_slots, slots);
    raise_to(&pretended_nodes, nodes);
}
