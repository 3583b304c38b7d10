#include "shim/arena/bootstrap.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/arena/page.h"
#include "shim/sys/raw.h"

#define POOL_SIZE    (128u << 10)
#define ALIGNMENT    16u
#define MAPPINGS_MAX 64u

/* Before each block: its size. */
static _Alignas(16) char pool[POOL_SIZE];
static _Atomic size_t used;

static struct {
    _Atomic(char *) start;
    size_t size;
} mappings[MAPPINGS_MAX];
static _Atomic uint32_t mapping_count;

static void *from_pool(size_t alignment, size_t size)
{
    size_t before = atomic_load_explicit(&used, memory_order_relaxed), start, end;
    do {
        uintptr_t address = (uintptr_t)pool + before + sizeof(size_t);
        start = ((address + alignment - 1) & ~(alignment - 1)) - (uintptr_t)pool;
        if (start > sizeof(pool) || size > sizeof(pool) - start)
            return NULL;
        end = start + size;
    } while (!atomic_compare_exchange_weak_explicit(&used, &before, end, memory_order_relaxed, memory_order_relaxed));
    memcpy(pool + start - sizeof(size_t), &size, sizeof(size));
    return pool + start;
}

/* For what the pool is too small for: libstdc++'s emergency buffers are the largest that are usual. */
static void *from_mapping(size_t alignment, size_t size)
{
    size_t whole = size + alignment + sizeof(size_t);
    uint32_t number = atomic_fetch_add_explicit(&mapping_count, 1, memory_order_relaxed);
    uintptr_t start;
    if (number >= MAPPINGS_MAX || whole < size)
        return NULL;
    char *memory = raw_mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (memory == MAP_FAILED)
        return NULL;
    mappings[number].size = whole;
    atomic_store_explicit(&mappings[number].start, memory, memory_order_release);
    start = ((uintptr_t)memory + sizeof(size_t) + alignment - 1) & ~(uintptr_t)(alignment - 1);
    memcpy((char *)start - sizeof(size_t), &size, sizeof(size));
    return (void *)start;
}

void *bootstrap_allocate(size_t alignment, size_t size)
{
    if (alignment < ALIGNMENT)
        alignment = ALIGNMENT;
    atomic_store_explicit(&region_map.bootstrapped, true, memory_order_relaxed);
    void *block = from_pool(alignment, size);
    return block ? block : from_mapping(alignment, size);
}

bool bootstrap_owns(const void *pointer)
{
    uint32_t count = atomic_load_explicit(&mapping_count, memory_order_relaxed);
    if (!atomic_load_explicit(&region_map.bootstrapped, memory_order_relaxed))
        return false;
    if ((uintptr_t)pointer - (uintptr_t)pool < sizeof(pool))
        return true;
    for (uint32_t i = 0; i < count && i < MAPPINGS_MAX; i++) {
        char *start = atomic_load_explicit(&mappings[i].start, memory_order_acquire);
        if (start && (uintptr_t)pointer - (uintptr_t)start < mappings[i].size)
            return true;
    }
    return false;
}

size_t bootstrap_size(const void *pointer)
{
    size_t size;
    memcpy(&size, (const char *)pointer - sizeof(size), sizeof(size));
    return size;
}
