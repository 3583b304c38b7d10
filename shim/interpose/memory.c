/*
 * memory: malloc and its family. The fast paths are here, on one screen. They leave all other cases to arena/arena.h.
 *
 * A process without arenas never passes the first comparison: its threads' heap is a placeholder that runs on no CPU,
 * and every pointer is foreign.
 */
#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "shim/arena/arena.h"
#include "shim/arena/heap.h"
#include "shim/arena/large.h"
#include "shim/arena/small.h"
#include "shim/base/common.h"
#include "shim/interpose/memory.h"

#define FEW_BYTES    1024u /* clearing so few bytes costs less than checking whether they are clear */
#define ALIGNED_MOST 4096u /* larger alignments are seldom: the slow path's */

/* Names that glibc's headers lack: one was withdrawn (2.26), two belong to C23. */
void cfree(void *pointer);
void free_sized(void *pointer, size_t size);
void free_aligned_sized(void *pointer, size_t alignment, size_t size);

/* Returns a block of 1 to CLASS_MAX_SIZE bytes, or NULL where the slow path has to decide. */
static inline void *take_block(size_t size)
{
    struct heap *heap = heap_self;
    if (!LIKELY(heap_is_here(heap)))
        return NULL;
    struct bin *bin = &heap->bins[class_of_last(size - 1)];
    void *block = bin->blocks;
    if (!LIKELY(block))
        return NULL;
    bin_begin_with(bin, *(void **)block);
    bin->taken++;
    return block;
}

PUBLIC void *malloc(size_t size)
{
    if (LIKELY(size - 1 < CLASS_MAX_SIZE)) { /* a size of 0 goes to the slow path, too */
        void *block = take_block(size);

        if (LIKELY(block))
            return block;
    }
    return arena_allocate(size);
}

PUBLIC void free(void *pointer)
{
    struct heap *heap = heap_self;
    uintptr_t offset = (uintptr_t)pointer - heap->start;
    if (LIKELY(offset < heap_size(heap))) {
        size_t entry = class_at(heap->classes, offset);
        if (LIKELY(entry)) {
            struct bin *bin = heap_bin(heap, entry);
            *(void **)pointer = bin->blocks;
            bin_begin_with(bin, pointer);
            if (!LIKELY(--bin->budget))
                small_look(bin);
            return;
        }
    }
    if (pointer) /* glibc frees NULL 17 times for each thread that gets a used stack */
        arena_free_from(heap, pointer);
}

static bool multiply(size_t count, size_t size, size_t *ret_product)
{
    if (LIKELY(!__builtin_mul_overflow(count, size, ret_product)))
        return true;
    errno = ENOMEM;
    return false;
}

PUBLIC void *calloc(size_t count, size_t size)
{
    size_t bytes;
    if (!multiply(count, size, &bytes))
        return NULL;
    if (LIKELY(bytes - 1 < FEW_BYTES)) {
        void *block = take_block(bytes);
        if (LIKELY(block))
            return memset(block, 0, bytes);
    }
    return arena_allocate_zeroed(bytes);
}

/* The size in bytes of the block at the pointer, or 0 where the slow path has to answer. */
static inline size_t block_size(const void *pointer)
{
    uintptr_t offset = (uintptr_t)pointer - region_map.base;
    unsigned entry = LIKELY(offset < arena_dense()) ? class_at(region_map.classes, offset) : 0;
    return entry ? class_size(entry - 1) : 0;
}

PUBLIC void *realloc(void *pointer, size_t size)
{
    size_t old = block_size(pointer);
    if (size <= old && size >= old / 2 && size)
        return pointer;
    if (old && size - 1 < GROWING_LEAST - 1) { /* what is larger may go on growing, see large.h */
        void *block = take_block(size);
        if (LIKELY(block)) {
            memcpy(block, pointer, old < size ? old : size);
            heap_self->grown = block;
            own_free(pointer);
            return block;
        }
    }
    return arena_reallocate(pointer, size);
}

PUBLIC void *reallocarray(void *pointer, size_t count, size_t size)
{
    size_t bytes;
    return multiply(count, size, &bytes) ? arena_reallocate(pointer, bytes) : NULL;
}

/* --- aligned --- */

static bool is_power_of_two(size_t number)
{
    return number && !(number & (number - 1));
}

/* A block whose size is a multiple of the alignment is aligned to it (arena/size_class.h). */
static inline void *allocate_aligned(size_t alignment, size_t size)
{
    if (LIKELY(alignment <= ALIGNED_MOST && size - 1 < CLASS_MAX_SIZE - ALIGNED_MOST)) {
        void *block = take_block((size + alignment - 1) & ~(alignment - 1));
        if (LIKELY(block))
            return block;
    }
    return arena_allocate_aligned(alignment, size);
}

PUBLIC int posix_memalign(void **ret_pointer, size_t alignment, size_t size)
{
    int saved = errno;
    if (!is_power_of_two(alignment) || alignment % sizeof(void *))
        return EINVAL;
    void *block = allocate_aligned(alignment, size);
    errno = saved; /* posix_memalign(3) does not set errno */
    if (!block)
        return ENOMEM;
    *ret_pointer = block;
    return 0;
}

/* As in glibc, an alignment that is not a power of two is rounded up to one; EINVAL if that is too large. */
PUBLIC void *memalign(size_t alignment, size_t size)
{
    size_t power = sizeof(void *);
    if (alignment > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    while (power < alignment)
        power *= 2;
    return allocate_aligned(power, size);
}

PUBLIC void *aligned_alloc(size_t alignment, size_t size)
{
    return own_memalign(alignment, size);
}

PUBLIC void *valloc(size_t size)
{
    return arena_allocate_aligned(page_size(), size);
}

PUBLIC void *pvalloc(size_t size)
{
    size_t bytes;
    if (__builtin_add_overflow(size, page_size() - 1, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return arena_allocate_aligned(page_size(), page_floor(bytes));
}

/* --- names that cannot be taken over --- */

#if __has_attribute(copy)
#define SAME_AS(name) alias(#name), copy(name)
#else
#define SAME_AS(name) alias(#name)
#endif
#define OWN(name) extern __typeof__(own_##name) own_##name __attribute__((SAME_AS(name)));

OWN(malloc)
OWN(calloc)
OWN(realloc)
OWN(free)
OWN(memalign)
OWN(valloc)
OWN(pvalloc)
OWN(malloc_usable_size)

/* --- other names of free --- */

PUBLIC void cfree(void *pointer)
{
    own_free(pointer);
}

PUBLIC void free_sized(void *pointer, size_t size)
{
    (void)size;
    own_free(pointer);
}

PUBLIC void free_aligned_sized(void *pointer, size_t alignment, size_t size)
{
    (void)alignment;
    (void)size;
    own_free(pointer);
}

PUBLIC size_t malloc_usable_size(void *pointer)
{
    size_t size = block_size(pointer);
    return LIKELY(size) ? size : arena_usable_size(pointer);
}
