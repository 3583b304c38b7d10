/*
 * A counter is one mapping: for each node whole pages that are bound to it, with a line for each CPU of the node. Where the
 * line of a slot lies in the mapping is the same for all counters and computed once.
 */
#include "shim/api/counter.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "shim/api/cpus.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/base/common.h"
#include "shim/sys/placing.h"

#define NODE_WORDS (NODES_MAX / 64)

struct nw_counter {
    char *lines;
    size_t size;
};

static uint32_t line_at[CPUS_MAX];       /* offset of a slot's line; constant once `measured` is done */
static uint32_t node_end[NODES_MAX + 1]; /* by node_index: where the pages of a node end */
static uint32_t slots, nodes;
static pthread_once_t measured = PTHREAD_ONCE_INIT;

static _Atomic unsigned open_counters;

/* --- the layout --- */

/* The lines of the CPUs of a node, or of those of no node. Returns where they end. */
static uint32_t lay_out(int32_t node, uint32_t from)
{
    uint32_t at = from;
    for (uint32_t slot = 0; slot < slots; slot++)
        if (cpus_place((unsigned)cpus_of_slot(slot)).node == node) {
            line_at[slot] = at;
            at += NW_CACHE_LINE;
        }
    return (uint32_t)page_ceiling(at);
}

static void measure(void)
{
    slots = cpus_slots();
    nodes = cpus_nodes();
    uint32_t at = 0;
    for (uint32_t i = 0; i < nodes; i++)
        node_end[i] = at = lay_out(cpus_node_of_index(i), at);
    node_end[nodes] = lay_out(-1, at);
}

/* --- the counters --- */

/* Best effort: a refused policy leaves each page where its first CPU adds. */
static void bind(const struct nw_counter *counter)
{
    for (uint32_t i = 0, from = 0; i < nodes; from = node_end[i++]) {
        uint64_t mask[NODE_WORDS] = {0};
        int32_t node = cpus_node_of_index(i);
        mask[node / 64] = UINT64_C(1) << node % 64;
        if (node_end[i] > from && library_may_place())
            sys_bind_memory(counter->lines + from, node_end[i] - from, MPOL_PREFERRED, mask, NODE_WORDS);
    }
}

static int make(struct nw_counter **ret)
{
    struct nw_counter *counter = malloc(sizeof(*counter));
    void *lines;
    pthread_once(&measured, measure);
    if (!counter || kernel_map(&lines, node_end[nodes], 0) < 0) {
        free(counter);
        return -ENOMEM;
    }
    *counter = (struct nw_counter){lines, node_end[nodes]};
    bind(counter);
    atomic_fetch_add_explicit(&open_counters, 1, memory_order_relaxed);
    *ret = counter;
    return 0;
}

API int nw_counter_open(struct nw_counter **ret)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = make(ret);
    errno = saved;
    return error;
}

static inline _Atomic int64_t *line_at_offset(const struct nw_counter *counter, uint32_t offset)
{
    return (_Atomic int64_t *)(void *)(counter->lines + offset);
}

/* The thread is on another CPU than at its last addition, or on none of this machine. */
static NOINLINE uint32_t find_line(void)
{
    uint32_t cpu = self_cpu();
    struct nw_affinity at = self_now();
    if (self.known == SELF_PRETENDED || self.known != cpu)
        return line_at[at.slot % slots];
    self.line = line_at[at.slot];
    self.line_cpu = cpu;
    return self.line;
}

API void nw_counter_add(struct nw_counter *counter, int64_t value)
{
    uint32_t line = LIKELY(self.line_cpu == self_cpu()) ? self.line : find_line();
    atomic_fetch_add_explicit(line_at_offset(counter, line), value, memory_order_relaxed);
}

API int64_t nw_counter_sum(const struct nw_counter *counter)
{
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < slots; slot++)
        sum += (uint64_t)atomic_load_explicit(line_at_offset(counter, line_at[slot]), memory_order_relaxed);
    return (int64_t)sum;
}

API void nw_counter_close(struct nw_counter *counter)
{
    int saved = errno;
    if (!counter)
        return;
    kernel_unmap(counter->lines, counter->size);
    free(counter);
    atomic_fetch_sub_explicit(&open_counters, 1, memory_order_relaxed);
    errno = saved;
}

unsigned counter_count(void)
{
    return atomic_load_explicit(&open_counters, memory_order_relaxed);
}
