/*
 * arena: malloc that is local to the node of the CPU that runs the thread. What the rest of the shim sees of it.
 *
 * Undecided until the shim knows whether this process is governed; then off (every call is forwarded to the
 * allocator that the program would have without us) or on. What was allocated before comes from a small static pool.
 *
 * The allocation functions are malloc's: any thread, not in signal handlers, errno set to ENOMEM on failure only.
 */
#ifndef NODEWISE_SHIM_ARENA_ARENA_H
#define NODEWISE_SHIM_ARENA_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct heap;
struct thread;

/* --- life --- */

/* The plan is known and governs this process: reserves what its rules need. Once, by start-up. */
void arena_start(void);
/* The process is dormant, perhaps not for ever. */
void arena_stay_off(void);
/* The same as arena_start() after arena_stay_off(), in the only thread: what the program has by then stays foreign. */
void arena_start_late(void);
bool arena_is_on(void);
/* Does the pointer lie in the arenas, or in the bootstrap pool? */
bool arena_owns(const void *pointer);

/* Another plan is in force: which rule allocates where. The arenas themselves stay as they are, or off. */
void arena_plan_changed(void);
/* The thread got another rule: its next allocation looks at it. Any thread. */
void arena_rule_changed(struct thread *thread);
/*
 * The same, and the thread's heap is rehomed: it goes over to the new node's region. The caller owns the record.
 */
void arena_rehome(struct thread *thread);
/* The calling thread's start routine is over; destructors may still allocate and free. */
void arena_thread_ended(void);

/* --- the slow paths behind malloc and free (interpose/memory.c) --- */

void *arena_allocate(size_t size);
void *arena_allocate_zeroed(size_t size);
/* From a region of that node. NULL: the calling thread has no arena, or the node has none; errno is kept then. */
void *arena_allocate_on(uint32_t node, size_t size);
/* alignment: a power of two. */
void *arena_allocate_aligned(size_t alignment, size_t size);
void *arena_reallocate(void *pointer, size_t size);
void arena_free(void *pointer);
/*
 * The same, where the caller knows its thread's heap: reading it again costs an access to a page on another node.
 */
void arena_free_from(struct heap *heap, void *pointer);
size_t arena_usable_size(void *pointer);
/* Everything idle back to the kernel. Returns whether there was any. */
bool arena_trim(void);

#endif
