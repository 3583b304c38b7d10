#include "shim/nodewise.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/base/common.h"
#include "shim/sys/placing.h"

__thread struct self self = {.known = SELF_ASK, .line_cpu = SELF_ASK};
static __thread volatile uint32_t no_cpu = UINT32_MAX; /* what is read where no area is registered */
ptrdiff_t self_cpu_offset;

static _Atomic uint32_t pretended_slots, pretended_nodes;

/* --- the CPU's number --- */

/* glibc 2.35; the area's second word is cpu_id (linux/rseq.h), negative where the kernel refused the registration */
extern const ptrdiff_t __rseq_offset __attribute__((weak, visibility("default")));
extern const unsigned int __rseq_size __attribute__((weak, visibility("default")));

/* Storage of threads that is there from the start lies alike in every thread. Until this has run, each call looks. */
__attribute__((constructor)) static void find_area(void)
{
    if (&__rseq_offset && __rseq_size)
        self_cpu_offset = __rseq_offset + 4;
    else
        self_cpu_offset = (const volatile char *)&no_cpu - (const volatile char *)__builtin_thread_pointer();
}

static uint32_t own_cpu(void)
{
    int saved = errno;
    uint32_t cpu = self_cpu();
    int asked = cpu < CPUS_MAX ? (int)cpu : sched_getcpu();
    errno = saved;
    return asked < 0 ? 0 : (uint32_t)asked;
}

/* --- nw_self --- */

static void remember(uint32_t known, struct nw_affinity at)
{
    uint32_t writes;
    do {
        writes = ++self.writes;
        self.known = SELF_ASK;
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

static struct nw_affinity ask(uint32_t cpu)
{
    uint64_t mask[CPUS_MAX / 64];
    size_t words = 0;
    if (!library_may_place() || sys_get_affinity(0, mask, CPUS_MAX / 64, &words) < 0)
        words = 0;
    struct nw_affinity at = self_of_mask(mask, words, cpu);
    remember(cpu, at);
    return at;
}

NOINLINE struct nw_affinity self_look(void)
{
    uint32_t known = self.known;
    if (known == SELF_PRETENDED)
        return self.at;
    uint32_t cpu = own_cpu();
    return known == cpu ? self.at : ask(cpu);
}

API struct nw_affinity nw_self(void)
{
    return self_now();
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
    remember(SELF_ASK, self.at);
}

void self_pretend(struct nw_affinity affinity)
{
    self.line_cpu = SELF_ASK;
    remember(SELF_PRETENDED, affinity);
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
