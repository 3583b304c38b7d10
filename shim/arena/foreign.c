#include "shim/arena/foreign.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "shim/arena/arena.h"
#include "shim/arena/bootstrap.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/base/state.h"

/*
 * The thread that is looking a symbol up: dlsym may call calloc (glibc before 2.34), which then has to come from the
 * bootstrap pool instead of looking itself up.
 */
static _Atomic(void *) binding ON_DATA_PAGE;

static bool may_bind(void)
{
    return atomic_load_explicit(&binding, memory_order_relaxed) != __builtin_thread_pointer();
}

static void bind_core(void)
{
    atomic_store_explicit(&binding, __builtin_thread_pointer(), memory_order_relaxed);
    (void)NEXT_OR_BIND(malloc);
    (void)NEXT_OR_BIND(free);
    atomic_store_explicit(&binding, NULL, memory_order_relaxed);
}

/* Are the two known without which nothing can be forwarded? The others are looked up when they are called. */
static inline bool is_bound(void)
{
    if (LIKELY(NEXT(free)))
        return true;
    if (!may_bind())
        return false;
    bind_core();
    return NEXT(free) != NULL;
}

bool foreign_bind(void)
{
    return is_bound();
}

void *foreign_malloc(size_t size)
{
    return is_bound() ? NEXT(malloc)(size) : bootstrap_allocate(1, size);
}

void *foreign_calloc(size_t size)
{
    return is_bound() ? NEXT_OR_BIND(calloc)(1, size) : bootstrap_allocate(1, size);
}

void *foreign_aligned(size_t alignment, size_t size)
{
    if (!is_bound())
        return bootstrap_allocate(alignment, size);
    if (NEXT_OR_BIND(memalign))
        return NEXT(memalign)(alignment, size);
    return NEXT_OR_BIND(aligned_alloc) ? NEXT(aligned_alloc)(alignment, size) : NULL;
}

/* The pool's blocks do not grow. */
static void *move_from_bootstrap(void *pointer, size_t size)
{
    size_t old = bootstrap_size(pointer);
    void *block = arena_allocate(size);
    if (block)
        memcpy(block, pointer, old < size ? old : size);
    return block;
}

void *foreign_realloc(void *pointer, size_t size)
{
    if (pointer && bootstrap_owns(pointer))
        return move_from_bootstrap(pointer, size);
    return is_bound() ? NEXT_OR_BIND(realloc)(pointer, size) : bootstrap_allocate(1, size);
}

void foreign_free(void *pointer)
{
    if (!pointer || bootstrap_owns(pointer))
        return;
    if (is_bound())
        NEXT(free)(pointer);
}

size_t foreign_usable_size(void *pointer)
{
    if (!pointer)
        return 0;
    if (bootstrap_owns(pointer))
        return bootstrap_size(pointer);
    return is_bound() && NEXT_OR_BIND(malloc_usable_size) ? NEXT(malloc_usable_size)(pointer) : 0;
}
