/* Threads that allocate and free in destructors of thread keys and thread storage, after their start routine is over:
 * by returning, by pthread_exit, by being cancelled. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *dso);
extern void *__dso_handle;
static pthread_key_t keys[3];
static _Atomic int destroyed;

static void destroy(void *block)
{
    char *more = malloc(3000), *other = calloc(1, 200000);
    memset(more, 1, 3000);
    free(block);
    more = realloc(more, 100000);
    free(other);
    free(more);
    destroyed++;
}

static void *work(void *argument)
{
    int way = *(int *)argument;
    for (int i = 0; i < 3; i++)
        pthread_setspecific(keys[i], malloc(100 + (size_t)i * 1000));
    __cxa_thread_atexit_impl(destroy, malloc(50), &__dso_handle);
    if (way == 1)
        pthread_exit(NULL);
    if (way == 2)
        for (;;)
            pause();
    return NULL;
}

int main(void)
{
    int ways[] = {0, 1, 2};
    for (int i = 0; i < 3; i++)
        pthread_key_create(&keys[i], destroy);
    for (int i = 0; i < 600; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, work, &ways[i % 3]);
        if (i % 3 == 2)
            pthread_cancel(thread);
        pthread_join(thread, NULL);
    }
    /* a thread that was cancelled before it set anything has nothing to destroy */
    printf("%s\n", destroyed >= 1600 ? "destroyed" : "not destroyed");
    return 0;
}
