/*
 * nodewise.h: what a program may ask for itself. Library libnodewise-api.so.1, pkg-config name nodewise.
 *
 * It works without the preloaded library. With it, threads keep the places that the policy gave them, memory comes from
 * the arenas of the nodes, and the deployment's policy overrides what the program suggests.
 *
 * Errors are negative errno values. Outputs (ret_…) are set on success only. Nothing is printed, nothing aborts, errno is
 * kept. A wish ends as struct nw_got, which is read back from the kernel: with NW_SOFT what was not granted is told
 * there, with NW_HARD it is an error and leaves nothing behind.
 *
 * What nw_X_open() gives, nw_X_close() takes back, all of it; NULL does nothing. Options are copied, zeroed options are
 * the defaults. Structures that may grow begin with their size, which the caller sets: a program that was built with an
 * older header keeps working.
 *
 * Any thread may call any function at any time, unless its text says otherwise. The child of a fork may use topologies
 * and nw_self(); what reports errors answers -ECHILD there.
 *
 * Each function's comment is also the source of its manual page (tools/man/header_pages.py): a line "name - summary",
 * paragraphs, then those that begin with "Returns:", "Errors:" and "Safety:".
 */
#ifndef NODEWISE_H
#define NODEWISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two cache lines: processors fetch the neighbour of a line with it. */
#define NW_CACHE_LINE 128
/* For a member or variable that shares its cache lines with nothing before it: struct { NW_PADDED long hits; … }. */
#define NW_PADDED __attribute__((aligned(NW_CACHE_LINE)))

/* --- what was granted --- */

enum nw_level {
    NW_STRICT,      /* as asked */
    NW_BEST_EFFORT, /* in part, or later than asked */
    NW_NONE,        /* not at all */
};

enum nw_mode {
    NW_SOFT, /* what is not granted is told in struct nw_got */
    NW_HARD, /* what is not granted is an error */
};

/* How a wish ended, as the kernel says it, never as it was asked. */
struct nw_got {
    enum nw_level level;
    uint16_t reason; /* why not further; nw_reason() has the sentence. 0: as asked */
};

/*
 * nw_reason - the sentence for a reason's number
 *
 * The sentences are those of nodewise(1), as `nodewise why` says them. The numbers are those of struct nw_got.
 *
 * Returns: static text; "unknown" for a number that this version does not know.
 *
 * Safety: any thread, signal handlers, a forked child.
 */
const char *nw_reason(uint16_t reason);

/*
 * nw_governed - tells whether the preloaded library governs this process
 *
 * It does while it is loaded and has a plan for the process. It stops for good when the process sandboxes itself.
 *
 * Returns: true while placements come from the plan; false without the preloaded library, or while it is dormant.
 *
 * Safety: any thread, signal handlers, a forked child.
 */
bool nw_governed(void);

/* What this process may do, each tried once on memory of its own. Set size to sizeof(struct nw_capabilities). */
struct nw_capabilities {
    uint32_t size;
    bool pin;                 /* sched_setaffinity(2) */
    bool set_mempolicy;       /* memory policies of threads */
    bool mbind;               /* memory policies of mappings */
    bool move_pages;          /* asking where pages are, and moving them */
    bool huge_2m, huge_1g;    /* a page of that size is free in the kernel's pool */
    bool weighted_interleave; /* Linux 6.9 */
    bool io_uring;            /* not forbidden by the kernel or a filter */
};

/*
 * nw_capabilities - tries what this process may do
 *
 * Each call is made once in the life of the process, on scratch memory, and undone. Nothing is concluded from the
 * process's capabilities(7): a seccomp filter or a container may forbid what they allow. A process that sandboxes itself
 * later keeps the old answers.
 *
 * ret: its member size is set by the caller; members beyond that size are not written.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: size is too small for the first member. -ECHILD: the process is a forked child.
 */
int nw_capabilities(struct nw_capabilities *ret);

/*
 * nw_report - writes what the library holds as JSON
 *
 * One object with what the process may do, whether it is governed, the calling thread's affinity, and the regions, values,
 * counters and pools that are open. What the preloaded library has placed is in `nodewise report PID`.
 *
 * fd: a descriptor to write to. It may be a pipe; the call blocks as write(2) does.
 *
 * Returns: 0, or a negative errno, also one of write(2).
 *
 * Errors: -EBADF: fd is not open for writing. -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 */
int nw_report(int fd);

/* --- who am I: affinities --- */

/*
 * Where a thread is and what of that is certain. cpu and node: the thread is pinned to that CPU. node alone, cpu -1: it is
 * kept on that node. Both -1: unknown, the scheduler may take it anywhere. Numbers of CPUs and nodes are the kernel's and
 * may have gaps.
 *
 * slot and node_index are always those of the CPU where the thread is at this moment: dense numbers from 0, for arrays.
 */
struct nw_affinity {
    int32_t cpu, node;
    uint32_t slot;       /* of the CPU, below nw_slots() */
    uint32_t node_index; /* of its node, below nw_node_indexes() */
};

/*
 * nw_self - the affinity of the calling thread
 *
 * It follows the thread when the scheduler, the program or the preloaded library moves it. Whether the thread is pinned is
 * asked when it is on another CPU than at the last call, and after this library's own pins: a mask that is set otherwise, also
 * with sched_setaffinity(2), is seen when the thread next changes its CPU.
 *
 * Returns: the affinity at this moment. For a thread that is not pinned, slot and node_index may be old as soon as they
 * are returned.
 *
 * Safety: any thread, signal handlers, a forked child. No system call, unless the thread has changed its CPU.
 */
struct nw_affinity nw_self(void);

/*
 * nw_slots - the number of slots for storage
 *
 * Every CPU that the machine may ever have has a slot, and so has every CPU of a synthetic registry.
 *
 * Returns: the number of slots, at least 1. It grows only by nw_registry_open() with a synthetic machine.
 *
 * Safety: any thread, signal handlers, a forked child.
 */
unsigned nw_slots(void);

/*
 * nw_node_indexes - the number of indexes of nodes
 *
 * Returns: the number of indexes that struct nw_affinity may have in node_index, at least 1. It grows as nw_slots() does.
 *
 * Safety: any thread, signal handlers, a forked child.
 */
unsigned nw_node_indexes(void);

enum nw_count {
    NW_AUTO,    /* a CPU for each core that the affinity and the cgroup's quota leave */
    NW_ALL,     /* every CPU of the process's affinity */
    NW_EXACTLY, /* n, or an error */
    NW_AT_MOST, /* NW_AUTO, but not more than n */
};

struct nw_registry;

/*
 * nw_registry_open - lists the affinities that threads may take
 *
 * The registry lists CPUs of the process's affinity, one for each thread that is to be pinned. First come the first
 * hardware threads of cores, nodes in turn; then the others.
 *
 * how, n: how many; n counts for NW_EXACTLY and NW_AT_MOST alone.
 * synthetic: NULL for this machine. Else a machine as `nodewise plan --topology` takes it ("numa:2 core:4 pu:1"): then
 * nothing is pinned, and nw_self() answers as if it were. For tests of programs.
 * ret: close it with nw_registry_close().
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ERANGE: NW_EXACTLY n, and there are fewer; or the synthetic machine has more than 8192 CPUs. -EINVAL: n is 0
 * where it counts, or the synthetic machine cannot be read. -ENOMEM: memory is short. -ECHILD: the process is a forked
 * child.
 */
int nw_registry_open(enum nw_count how, unsigned n, const char *synthetic, struct nw_registry **ret);

/*
 * nw_registry_affinities - lists a registry's affinities
 *
 * ret: room for `room` affinities, or NULL with room 0. As many as fit are written, in the order in which they are best
 * taken.
 *
 * Returns: how many there are, which may be more than room.
 */
unsigned nw_registry_affinities(const struct nw_registry *registry, struct nw_affinity *ret, unsigned room);

/*
 * nw_registry_take - pins the calling thread to a slot of the registry
 *
 * The slot is the thread's until it ends, takes another one, or the registry is closed; no other thread can take it
 * meanwhile. A thread has one slot at most. The mask that the thread had does not come back; nw_pin_push() has that.
 *
 * slot: of one of the registry's affinities; NW_ANY_SLOT: the first free one; under a policy that one of the free ones
 * whose CPU has the fewest threads, of all the user's processes that are governed.
 * ret: NULL, or how far the kernel followed.
 *
 * Returns: 0, or a negative errno. Where the kernel refuses, the thread keeps the slot, and ret says why.
 *
 * Errors: -EINVAL: the registry has no such slot. -EBUSY: a living thread has it, or all of them are taken. -ENOMEM:
 * memory is short. -ECHILD: the process is a forked child.
 */
int nw_registry_take(struct nw_registry *registry, uint32_t slot, struct nw_got *ret);

#define NW_ANY_SLOT UINT32_MAX

/*
 * nw_registry_close - closes a registry
 *
 * Threads that have taken a slot stay pinned, and keep their affinity.
 */
void nw_registry_close(struct nw_registry *registry);

/* --- topology and scoped pins --- */

struct nw_topology;

/* A set of CPUs: bit i of word w is CPU w * (bits of a long) + i. Free it with nw_set_free(). */
struct nw_set {
    unsigned long *bits;
    size_t words;
};

/*
 * nw_topology_open - opens the description of a machine
 *
 * synthetic: NULL for this machine, which is read once in a process; else as for nw_registry_open().
 * ret: immutable, shared and counted. Close it with nw_topology_close().
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: the synthetic machine cannot be read. -ENOMEM: memory is short. -EIO: the machine cannot be read.
 *
 * Safety: any thread, a forked child of a process that had one thread.
 */
int nw_topology_open(const char *synthetic, struct nw_topology **ret);

/*
 * nw_topology_nodes - lists the nodes of a machine
 *
 * ret_ids: room for `room` numbers, or NULL with room 0: the kernel's numbers, ascending.
 *
 * Returns: how many nodes there are, which may be more than room.
 */
unsigned nw_topology_nodes(const struct nw_topology *topology, int32_t *ret_ids, unsigned room);

/*
 * nw_topology_node - tells the CPUs and the memory of a node
 *
 * ret_cpus: NULL, or the node's CPUs, none for a node with memory alone. Free it with nw_set_free().
 * ret_bytes: NULL, or the node's memory in bytes, 0 for a node with CPUs alone.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ENOENT: the machine has no such node. -ENOMEM: memory is short.
 */
int nw_topology_node(const struct nw_topology *topology, int32_t node, struct nw_set *ret_cpus, uint64_t *ret_bytes);

/*
 * nw_topology_distance - the distance of two nodes
 *
 * Returns: the distance as the firmware says it: 10 from a node to itself, 20 where it says nothing; -ENOENT: there is no
 * such node.
 */
int nw_topology_distance(const struct nw_topology *topology, int32_t from, int32_t to);

/*
 * nw_topology_set - resolves a set of CPUs
 *
 * set: in the grammar of nodewise.toml(5): "node:0", "socket:1", "l3-of(netdev:eth0)", "0-3,8", "all". The result is cut to
 * the CPUs that the process was allowed when the topology was read.
 * ret: the CPUs. Free it with nw_set_free().
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: the text is no set. -ENOENT: it is empty on this machine. -ENOMEM: memory is short.
 */
int nw_topology_set(const struct nw_topology *topology, const char *set, struct nw_set *ret);

/*
 * nw_topology_close - gives a topology back
 */
void nw_topology_close(struct nw_topology *topology);

/*
 * nw_set_free - frees a set
 *
 * The set is empty afterwards.
 */
void nw_set_free(struct nw_set *set);

/* A pin of the calling thread, on its stack. It must not be copied. */
struct nw_pin {
    uint64_t opaque[6];
};

/*
 * nw_pin_push - pins the calling thread for a while
 *
 * Pins nest. While one is pushed, the preloaded library does not move the thread; what it would have done is done at
 * the last nw_pin_pop(). While it is pinned, a memory policy of the thread's is off: new pages are of the nodes where it
 * runs. Pins are popped before the thread ends.
 *
 * pin: stays where it is until it is popped.
 * set: as for nw_topology_set(), of this machine.
 * ret: NULL, or how far the kernel followed.
 *
 * Returns: 0, or a negative errno; then nothing has changed and there is nothing to pop.
 *
 * Errors: -EINVAL: the text is no set. -ENOENT: the set is empty on this machine. -EPERM: NW_HARD, and the kernel
 * granted a part only. Others of sched_setaffinity(2): it refused; with NW_SOFT that is told in ret. -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 *
 * Safety: any thread, each with pins of its own.
 */
int nw_pin_push(struct nw_pin *pin, const char *set, enum nw_mode mode, struct nw_got *ret);

/*
 * nw_pin_pop - takes a pin off
 *
 * The mask and the memory policy that the thread had at nw_pin_push() come back. A forked child may pop what its parent's
 * thread had pushed.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EPERM: the pin is another thread's, or none. -EBUSY: it is not the innermost one. Others: the kernel refused
 * to restore the mask; the pin is off.
 *
 * Safety: the thread that pushed it.
 */
int nw_pin_pop(struct nw_pin *pin);

#ifdef __cplusplus
}
#endif

#include "nodewise-exchange.h"
#include "nodewise-io.h"
#include "nodewise-memory.h"
#include "nodewise-pool.h"

#endif
