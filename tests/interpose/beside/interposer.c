/*
 * A library that takes functions over as tracers do, to be preloaded before and behind the shim. KIND says which and how.
 * It counts, and hands on what it gets. Its functions may be called before its constructor ran.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>

#define NEXT_MALLOC 1 /* by dlsym(RTLD_NEXT) */
#define LIBC_MALLOC 2 /* by __libc_malloc */
#define CREATE      3 /* pthread_create */
#define MAPPINGS    4 /* mmap, munmap */
#define FILES       5 /* open */
#define PARTS       6 /* malloc and free alone, by dlsym */
#define SYMBOLS     7 /* dlopen, and what sets affinity and names */

static _Atomic unsigned long calls;

__attribute__((unused)) static void *next(void **place, const char *name)
{
    calls++;
    if (!*place)
        *place = dlsym(RTLD_NEXT, name);
    return *place;
}

#define NEXT(type, name)                                                                                               \
    static void *place;                                                                                                \
    type *found = (type *)next(&place, name)

#if KIND == NEXT_MALLOC || KIND == PARTS

typedef void *allocates(size_t), *allocates_many(size_t, size_t), *resizes(void *, size_t);
typedef void frees(void *);

void *malloc(size_t size)
{
    NEXT(allocates, "malloc");
    return found(size);
}

void free(void *block)
{
    NEXT(frees, "free");
    found(block);
}

#endif

#if KIND == NEXT_MALLOC

/* dlsym may call calloc: such a block is never given back. */
static void *from_pool(size_t size)
{
    static char pool[4096];
    static _Atomic size_t used;
    return pool + atomic_fetch_add(&used, (size + 15) & ~(size_t)15);
}

void *calloc(size_t count, size_t size)
{
    static _Thread_local int inside;
    if (inside)
        return from_pool(count * size);
    inside = 1;
    NEXT(allocates_many, "calloc");
    inside = 0;
    return found(count, size);
}

void *realloc(void *block, size_t size)
{
    NEXT(resizes, "realloc");
    return found(block, size);
}

void *memalign(size_t alignment, size_t size)
{
    NEXT(allocates_many, "memalign");
    return found(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    NEXT(allocates_many, "aligned_alloc");
    return found(alignment, size);
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
    typedef int aligns(void **, size_t, size_t);
    NEXT(aligns, "posix_memalign");
    return found(ret_block, alignment, size);
}

#elif KIND == LIBC_MALLOC

void *__libc_malloc(size_t size), *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size), *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *block);

void *malloc(size_t size)
{
    calls++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    calls++;
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    calls++;
    return __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
    calls++;
    return __libc_memalign(alignment, size);
}

void free(void *block)
{
    calls++;
    __libc_free(block);
}

#elif KIND == CREATE

struct start {
    void *(*function)(void *);
    void *argument;
};

static void *run(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    return start.function(start.argument);
}

int pthread_create(pthread_t *restrict ret_thread, const pthread_attr_t *restrict attributes, void *(*function)(void *),
                   void *restrict argument)
{
    typedef int creates(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    NEXT(creates, "pthread_create");
    struct start *start = malloc(sizeof(*start));
    *start = (struct start){function, argument};
    return found(ret_thread, attributes, run, start);
}

#elif KIND == MAPPINGS

void *mmap(void *start, size_t size, int protection, int flags, int file, off_t offset)
{
    typedef void *maps(void *, size_t, int, int, int, off_t);
    NEXT(maps, "mmap");
    return found(start, size, protection, flags, file, offset);
}

int munmap(void *start, size_t size)
{
    typedef int unmaps(void *, size_t);
    NEXT(unmaps, "munmap");
    return found(start, size);
}

#elif KIND == FILES

int open(const char *path, int flags, ...)
{
    typedef int opens(const char *, int, ...);
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    NEXT(opens, "open");
    free(malloc(100)); /* as tracers that write down what they see */
    return found(path, flags, mode);
}

#elif KIND == SYMBOLS

void *dlopen(const char *file, int mode)
{
    typedef void *loads(const char *, int);
    NEXT(loads, "dlopen");
    return found(file, mode);
}

int pthread_setname_np(pthread_t thread, const char *name)
{
    typedef int names(pthread_t, const char *);
    NEXT(names, "pthread_setname_np");
    return found(thread, name);
}

int sched_setaffinity(pid_t thread, size_t size, const cpu_set_t *mask)
{
    typedef int sets(pid_t, size_t, const cpu_set_t *);
    NEXT(sets, "sched_setaffinity");
    return found(thread, size, mask);
}

#endif

/* Where a tracer would write its log. */
__attribute__((destructor)) static void end(void)
{
    free(malloc(calls % 1000));
}
