/* Brings its own malloc that counts, and prints how many calls 1000 threads cost after a warm-up. */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
static atomic_long calls;

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

static void *body(void *argument)
{
    return argument;
}

static void make(int count)
{
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, NULL, body, NULL);
        pthread_join(thread, NULL);
    }
}

int main(void)
{
    make(100);
    long before = calls;
    make(1000);
    printf("%ld\n", calls - before);
    return 0;
}
