/*
 * cache_model: a last-level cache for each CPU, 256 KiB with 8 ways and lines of 64 bytes, last used first kept. A line
 * that another CPU writes is lost to the others.
 *
 * It is a model: real caches are shared, larger, and fetch ahead. What it is for: accesses that stay in a cache cost
 * the same wherever their memory is, and without it they outnumber those that count.
 *
 * Callbacks of several CPUs run at once; a line's word is read and written relaxed, so that a race of the guest may be
 * resolved in either order, as in a machine.
 */
#ifndef NODEWISE_TESTS_LAB_COUNTER_CACHE_MODEL_H
#define NODEWISE_TESTS_LAB_COUNTER_CACHE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

struct cache;

/* addresses: of physical memory that may be accessed, 0 ≤ address < addresses. NULL: no memory. */
struct cache *cache_open(unsigned cpus, uint64_t addresses);
void cache_close(struct cache *cache);

/* An access by the CPU; returns whether it goes to memory. A CPU's accesses come one after the other. */
bool cache_misses(struct cache *cache, unsigned cpu, uint64_t address, bool store);
/* Everything is forgotten. Nobody accesses meanwhile. */
void cache_clear(struct cache *cache);

#endif
