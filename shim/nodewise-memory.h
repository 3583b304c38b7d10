/*
 * nodewise-memory.h: regions, storage that belongs to places, handles that move with their threads, counters. nodewise.h
 * includes it; the rules that its first comment gives hold here, too.
 */
#ifndef NODEWISE_MEMORY_H
#define NODEWISE_MEMORY_H

#include "nodewise.h"

#ifdef __cplusplus
extern "C" {
#endif

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
    uint8_t prefault;       /* 0: no; 't': threads of the nodes touch the pages; 'p': the kernel makes them */
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
 * ops: copied.
 * context: handed to ops->create.
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

#endif
