/*
 * Brings malloc, free and realloc that call glibc's own names for them, as programs do that count allocations. WRAPS
 * says which, a bit each (1 malloc, 2 free, 4 realloc), so that blocks also cross from a wrapped function to one that is not.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

void *__libc_malloc(size_t size);
void __libc_free(void *pointer);
void *__libc_realloc(void *pointer, size_t size);

#if WRAPS & 1
void *malloc(size_t size)
{
    return __libc_malloc(size);
}
#endif

#if WRAPS & 2
void free(void *pointer)
{
    __libc_free(pointer);
}
#endif

#if WRAPS & 4
void *realloc(void *pointer, size_t size)
{
    return __libc_realloc(pointer, size);
}
#endif

static void *use(void *unused)
{
    for (size_t size = 1; size < 1000000; size *= 3)
        free(realloc(malloc(size), 2 * size));
    return unused;
}

int main(void)
{
    pthread_t thread;
    use(NULL);
    if (pthread_create(&thread, NULL, use, NULL) != 0)
        return 1;
    pthread_join(thread, NULL);
    use(NULL);
    puts("done");
    return 0;
}
