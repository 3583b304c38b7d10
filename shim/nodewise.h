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
 * It follows the thread when the scheduler, the program or the preloaded library moves it. A pin that another thread or
 * another process sets on this thread is seen when the thread next changes its CPU.
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
 * slot: of one of the registry's affinities; NW_ANY_SLOT: the first free one.
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

/* --- memory regions --- */

enum nw_policy {
    NW_LOCAL,               /* the node of the CPU that touches a page first */
    NW_BIND,                /* these nodes and no other */
    NW_PREFERRED,           /* the first of these nodes, else any */
    NW_PREFERRED_MANY,      /* these nodes, else any; Linux 5.15 */
    NW_INTERLEAVE,          /* page by page over these nodes */
    NW_WEIGHTED_INTERLEAVE, /* by the kernel's weights; Linux 6.9, else NW_INTERLEAVE and the reason */
};

/* Set size to sizeof(struct nw_region_options); the rest may be zero. */
struct nw_region_options {
    uint32_t size;
    uint8_t policy; /* enum nw_policy */
    uint8_t mode;   /* enum nw_mode */
    uint8_t huge; /* 0: as the system has it; 't': transparent huge pages; 'n': none; '2', '1': pages of 2 MiB, 1 GiB */
    uint8_t
        prefault; /* 0: no; 't': threads of the nodes touch the pages; 'p': the kernel makes them, MADV_POPULATE_WRITE */
    const char *nodes;      /* "0-1", or a set as for nw_topology_set(); NULL: the caller's node */
    unsigned touch_threads; /* for 't': how many in all; 0: one for each node */
};

struct nw_region {
    void *start;
    size_t length; /* in bytes, whole pages */
    struct nw_got got;
};

/*
 * nw_region_map - maps memory on nodes
 *
 * The memory is private to the process, anonymous, and zero.
 *
 * ret: the mapping, with what was granted. Unmap it with nw_region_unmap().
 * length: in bytes, rounded up to whole pages, huge ones where they are asked for.
 * options: NULL is all zero.
 *
 * Returns: 0, or a negative errno. With NW_SOFT a refused policy or missing huge pages leave a valid mapping and a reason;
 * with NW_HARD they are an error and leave none.
 *
 * Errors: -EINVAL: length is 0, or an option is unknown, or nodes is no set. -ENOENT: nodes is empty on this machine.
 * -ENOMEM: memory is short. -EPERM, -ENOSYS, and others of mbind(2): NW_HARD, and the kernel refused. -ECHILD: the process
 * is a forked child.
 */
int nw_region_map(struct nw_region *ret, size_t length, const struct nw_region_options *options);

/*
 * nw_region_check - tells which share of a region's pages is where it should be
 *
 * Asks move_pages(2) for pages at even distances. A page that does not exist yet counts for nothing.
 *
 * sample: how many pages to look at; 0: 1024.
 * ret_share_right: from 0 to 1; 1 where no page that was looked at exists.
 *
 * Returns: how many of the pages exist, or a negative errno.
 *
 * Errors: -EINVAL: the region is not mapped. -EPERM, -ENOSYS: the kernel does not tell. -ENOMEM: memory is short. -ECHILD:
 * the process is a forked child.
 */
int nw_region_check(const struct nw_region *region, unsigned sample, double *ret_share_right);

/*
 * nw_region_unmap - unmaps a region
 *
 * The region is empty afterwards; unmapping it again does nothing.
 *
 * Returns: 0, or a negative errno of munmap(2).
 */
int nw_region_unmap(struct nw_region *region);

/*
 * nw_alloc_on - allocates memory of a node
 *
 * With the preloaded library the memory comes from the arena of the node. Without it it is malloc's, and the pages that
 * are new are touched on the node. There is no promise: nw_region_map() has one.
 *
 * node: the kernel's number.
 *
 * Returns: memory for free(3), or NULL: memory is short, or there is no such node.
 */
void *nw_alloc_on(int32_t node, size_t size);

/* --- storage per core, node, process; relocation --- */

enum nw_scope {
    NW_PER_CORE,    /* a value for each slot: each CPU as the kernel counts them */
    NW_PER_NODE,    /* a value for each node_index */
    NW_PER_PROCESS, /* one value */
};

/* How values come and go. All but create may be NULL. The functions may call the library, but not on the same storage. */
struct nw_value_ops {
    void *(*create)(void *context, struct nw_affinity where);    /* by a thread of that place; NULL: it failed */
    void *(*clone)(const void *value, struct nw_affinity where); /* makes a carried value's twin, for another place */
    void (*relocate)(void *value, struct nw_affinity from,
                     struct nw_affinity to); /* from may be unknown, or equal to to */
    void (*destroy)(void *value);
};

struct nw_local;

/*
 * nw_local_open - opens storage with a value for each place
 *
 * No value is made yet. Storage is counted: nw_local_retain(), nw_local_release().
 *
 * ops: copied. context: handed to ops->create.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: no create, or no such scope. -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 */
int nw_local_open(enum nw_scope scope, const struct nw_value_ops *ops, void *context, struct nw_local **ret);

/*
 * nw_local_get - the value of the caller's place
 *
 * Makes it if the place has none. Where two threads of one place make one at the same time, one of both is published for
 * good and the other one is destroyed before anybody but its maker has seen it.
 *
 * Returns: the value, the storage's; NULL: create failed, or the process is a forked child and there was no value.
 *
 * Safety: any thread. No lock, and no system call where the value exists.
 */
void *nw_local_get(struct nw_local *local);

/*
 * nw_local_peek - the value of any place
 *
 * index: a slot, or a node_index, or 0, by the storage's scope.
 *
 * Returns: the value, or NULL: there is none yet, or no such place.
 *
 * Safety: any thread, signal handlers.
 */
void *nw_local_peek(struct nw_local *local, uint32_t index);

/*
 * nw_local_set - replaces the value of the caller's place
 *
 * value: the storage's from now on. NULL: the next nw_local_get() makes one.
 * ret_old: the value that was replaced, or NULL: the caller's from now on. Other threads may still be using it, and only
 * the program knows until when.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 */
int nw_local_set(struct nw_local *local, void *value, void **ret_old);

/*
 * nw_local_each - calls a function for every value
 *
 * fn: gets the value, its place, and context. The place's cpu and node are those of the index, -1 where it has none. A
 * value that is made or replaced meanwhile may or may not be visited.
 */
void nw_local_each(struct nw_local *local, void (*fn)(void *value, struct nw_affinity where, void *context),
                   void *context);

/*
 * nw_local_retain - counts another user of the storage
 *
 * Returns: local.
 */
struct nw_local *nw_local_retain(struct nw_local *local);

/*
 * nw_local_release - gives the storage back
 *
 * The last user's call destroys all values.
 */
void nw_local_release(struct nw_local *local);

/* A handle on storage that its user carries along. Zeroed but for local: nothing is carried yet. */
struct nw_carried {
    struct nw_local *local;
    void *value;
    struct nw_affinity at; /* where the value is of */
};

/*
 * nw_carried_relocate - brings a carried handle to another place
 *
 * In the same place as before the handle keeps the value that it carries, even where the storage has got another one.
 * In another place it gets that place's value; where there is none, the storage's clone() makes it of the carried value,
 * or else create() does. relocate() is told of each call: from equals to where the place is the same.
 *
 * Returns: the value that is carried now; NULL: it could not be made, and the handle is as it was.
 *
 * Safety: any thread; one at a time on a handle.
 */
void *nw_carried_relocate(struct nw_carried *carried, struct nw_affinity to);

/*
 * nw_on_relocate - registers a function for when the calling thread has moved
 *
 * The function is called by the thread itself, at a safe point: in nw_safe_point(), nw_pin_push(), nw_pin_pop(),
 * nw_registry_take(), and between tasks of a pool. It is never called in a signal handler, and not while another one of the
 * thread's is running. It is called when slot or node have changed since the last call. Moves between two safe points
 * are one.
 *
 * fn: NULL takes those with this context off.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ENOENT: fn is NULL, and there is none with this context. -ENOMEM: memory is short. -ECHILD: the process is a
 * forked child.
 *
 * Safety: any thread, for itself.
 */
int nw_on_relocate(void (*fn)(struct nw_affinity from, struct nw_affinity to, void *context), void *context);

/*
 * nw_safe_point - lets functions of nw_on_relocate() run
 *
 * Costs what nw_self() costs where the thread has not moved. Memory of nw_track() is moved here, too.
 *
 * Returns: how many functions were called.
 *
 * Safety: any thread, not in a signal handler.
 */
unsigned nw_safe_point(void);

/*
 * nw_track - lets memory follow the calling thread
 *
 * When the thread has come to another node, its next safe point moves the memory's whole pages there. Moving is the
 * kernel's work, about a microsecond for each page of 4 KiB.
 *
 * start, length: stays the program's. length 0: the memory that was given with this start is tracked no longer.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -EINVAL: no whole page in it. -ENOENT: length is 0, and nothing is tracked there. -ENOMEM: memory is short.
 * -ECHILD: the process is a forked child.
 *
 * Safety: any thread, for itself. Before it unmaps the memory, the program ends the tracking.
 */
int nw_track(void *start, size_t length);

/* --- counters --- */

struct nw_counter;

/*
 * nw_counter_open - opens a counter
 *
 * A counter has NW_CACHE_LINE bytes for each CPU that the machine may have, on the CPU's node, in whole pages for each
 * node.
 *
 * Returns: 0, or a negative errno.
 *
 * Errors: -ENOMEM: memory is short. -ECHILD: the process is a forked child.
 */
int nw_counter_open(struct nw_counter **ret);

/*
 * nw_counter_add - adds to a counter
 *
 * Safety: any thread, signal handlers, a forked child, whose counter is its own.
 */
void nw_counter_add(struct nw_counter *counter, int64_t value);

/*
 * nw_counter_sum - the sum of all that was added
 *
 * Returns: the sum, modulo 2 to the 64. It is exact when nobody adds meanwhile; it is no snapshot while others do.
 *
 * Safety: any thread, signal handlers, a forked child.
 */
int64_t nw_counter_sum(const struct nw_counter *counter);

/*
 * nw_counter_close - closes a counter
 */
void nw_counter_close(struct nw_counter *counter);

#ifdef __cplusplus
}
#endif

#include "nodewise-pool.h"

#endif
