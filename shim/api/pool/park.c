#include "shim/api/pool/park.h"

#include <pthread.h>
#include <stdalign.h>
#include <stddef.h>

#include "shim/api/pool/futex.h"

enum { BUCKETS = 64 };

static struct bucket {
    alignas(128) atomic_uint waiting; /* with park_begin(): sequentially consistent, as what the wakers publish */
    atomic_uint running;              /* those of them that are workers */
    pthread_mutex_t lock;
    struct parked *first;
} buckets[BUCKETS] = {[0 ... BUCKETS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER}};

static struct bucket *bucket_of(const void *key)
{
    /* Fibonacci hashing (Knuth, TAOCP 3, 6.4): addresses differ in their middle bits. */
    return &buckets[((uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15)) >> 58];
}

void park_begin(struct parked *parked, const void *key, bool runs)
{
    struct bucket *bucket = bucket_of(key);
    parked->key = key;
    parked->runs = runs;
    atomic_init(&parked->woken, 0);
    pthread_mutex_lock(&bucket->lock);
    parked->next = bucket->first;
    parked->link = &bucket->first;
    if (parked->next)
        parked->next->link = &parked->next;
    bucket->first = parked;
    atomic_fetch_add(&bucket->waiting, 1);
    atomic_fetch_add(&bucket->running, runs);
    pthread_mutex_unlock(&bucket->lock);
}

int park_wait(struct parked *parked, int64_t deadline)
{
    int error = 0;
    while (error == 0 && !atomic_load_explicit(&parked->woken, memory_order_acquire))
        error = futex_wait(&parked->woken, 0, deadline);
    return error;
}

void park_end(struct parked *parked)
{
    struct bucket *bucket = bucket_of(parked->key);
    pthread_mutex_lock(&bucket->lock);
    *parked->link = parked->next;
    if (parked->next)
        parked->next->link = parked->link;
    atomic_fetch_sub(&bucket->waiting, 1);
    atomic_fetch_sub(&bucket->running, parked->runs);
    pthread_mutex_unlock(&bucket->lock);
}

static __attribute__((noinline)) void wake_listed(struct bucket *bucket, const void *key, bool workers_alone)
{
    /* Under the lock a waiter cannot leave, so that its word is still there. */
    pthread_mutex_lock(&bucket->lock);
    for (struct parked *parked = bucket->first; parked; parked = parked->next)
        if (parked->key == key && (parked->runs || !workers_alone) &&
            !atomic_exchange_explicit(&parked->woken, 1, memory_order_acq_rel))
            futex_wake(&parked->woken, 1);
    pthread_mutex_unlock(&bucket->lock);
}

void park_wake(const void *key)
{
    struct bucket *bucket = bucket_of(key);
    step();
    if (atomic_load(&bucket->waiting))
        wake_listed(bucket, key, false);
}

void park_offer(const void *key)
{
    struct bucket *bucket = bucket_of(key);
    step();
    if (atomic_load(&bucket->running))
        wake_listed(bucket, key, true);
}
