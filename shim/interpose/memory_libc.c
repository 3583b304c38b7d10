/*
 * memory_libc: glibc's own names of malloc and free. A program that allocates with one name and frees with the other
 * must not notice that the shim takes both over.
 *
 * But for one case: where another library answers malloc_usable_size and calls these names, it may know what lies in
 * front of glibc's blocks (libc_malloc_debug.so does), so it gets glibc's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
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

/* glibc's debugging malloc (2.34): its names have versions that RTLD_DEFAULT does not look at. */
static bool debugs_malloc(void)
{
    next_dlopen *open = NEXT_OR_BIND(dlopen);
    next_dlclose *close = NEXT_OR_BIND(dlclose);
    void *library = open && close ? open("libc_malloc_debug.so.0", RTLD_LAZY | RTLD_NOLOAD) : NULL;
    if (library)
        close(library);
    return library != NULL;
}

static bool ask_for_other_sizes(void)
{
    void *found = next_find_first("malloc_usable_size");
    return (found && found != (void *)own_malloc_usable_size) || debugs_malloc();
}

/* Does another library say how large blocks are? Asked once: what is loaded before us is there from the start. */
static bool others_know_sizes(void)
{
    static _Atomic signed char known; /* 0: not yet, 1: yes, -1: no */
    signed char answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer)
        return answer > 0;
    atomic_store_explicit(&known, -1, memory_order_relaxed); /* for a call from dlsym */
    answer = ask_for_other_sizes() ? 1 : -1;
    atomic_store_explicit(&known, answer, memory_order_relaxed);
    return answer > 0;
}

static bool is_libcs(void)
{
    return !arena_is_on() || others_know_sizes();
}

PUBLIC void *__libc_malloc(size_t size)
{
    return is_libcs() && NEXT_OR_BIND(__libc_malloc) ? NEXT(__libc_malloc)(size) : own_malloc(size);
}

PUBLIC void *__libc_calloc(size_t count, size_t size)
{
    return is_libcs() && NEXT_OR_BIND(__libc_calloc) ? NEXT(__libc_calloc)(count, size) : own_calloc(count, size);
}

PUBLIC void *__libc_realloc(void *pointer, size_t size)
{
    if (!is_libcs() || (pointer && arena_owns(pointer)) || !NEXT_OR_BIND(__libc_realloc))
        return own_realloc(pointer, size);
    return NEXT(__libc_realloc)(pointer, size);
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
    return is_libcs() && NEXT_OR_BIND(__libc_memalign) ? NEXT(__libc_memalign)(alignment, size)
                                                       : own_memalign(alignment, size);
}

PUBLIC void *__libc_valloc(size_t size)
{
    return is_libcs() && NEXT_OR_BIND(__libc_valloc) ? NEXT(__libc_valloc)(size) : own_valloc(size);
}

PUBLIC void *__libc_pvalloc(size_t size)
{
    return is_libcs() && NEXT_OR_BIND(__libc_pvalloc) ? NEXT(__libc_pvalloc)(size) : own_pvalloc(size);
}
