/*
 * memory_libc: glibc's own names of malloc and free. A program that allocates with one name and frees with the other
 * must not notice that the shim takes both over.
 */
#include <errno.h>
#include <stddef.h>

#include "shim/arena/arena.h"
#include "shim/base/common.h"
#include "shim/base/next.h"
#include "shim/interpose/memory.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *pointer, size_t size);
void __libc_free(void *pointer);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);

PUBLIC void *__libc_malloc(size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_malloc) ? NEXT(__libc_malloc)(size) : own_malloc(size);
}

PUBLIC void *__libc_calloc(size_t count, size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_calloc) ? NEXT(__libc_calloc)(count, size) : own_calloc(count, size);
}

PUBLIC void *__libc_realloc(void *pointer, size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_realloc) ? NEXT(__libc_realloc)(pointer, size)
                                                          : own_realloc(pointer, size);
}

PUBLIC void __libc_free(void *pointer)
{
    if (!arena_owns(pointer) && NEXT_OR_BIND(__libc_free))
        NEXT(__libc_free)(pointer);
    else
        own_free(pointer);
}

PUBLIC void *__libc_memalign(size_t alignment, size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_memalign) ? NEXT(__libc_memalign)(alignment, size)
                                                           : own_memalign(alignment, size);
}

PUBLIC void *__libc_valloc(size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_valloc) ? NEXT(__libc_valloc)(size) : own_valloc(size);
}

PUBLIC void *__libc_pvalloc(size_t size)
{
    return !arena_is_on() && NEXT_OR_BIND(__libc_pvalloc) ? NEXT(__libc_pvalloc)(size) : own_pvalloc(size);
}
