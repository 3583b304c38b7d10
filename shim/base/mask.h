/*
 * mask: a CPU mask of this machine's width for the time of one decision. On the stack up to 4096 CPUs (512 bytes:
 * a thread may have PTHREAD_STACK_MIN), in a mapping of its own beyond.
 *
 * Any thread, signal-safe. mask_open() can fail only beyond 4096 CPUs and without memory.
 */
#ifndef NODEWISE_SHIM_BASE_MASK_H
#define NODEWISE_SHIM_BASE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MASK_SMALL_WORDS 64u

struct mask {
    uint64_t *bits;
    size_t words;
    uint64_t small[MASK_SMALL_WORDS];
};

/* All clear, base.words wide. 0 or a negative errno. */
int mask_open(struct mask *ret_mask);
void mask_close(struct mask *mask);

static inline bool mask_has(const struct mask *mask, size_t id)
{
    return id < mask->words * 64 && (mask->bits[id / 64] >> id % 64 & 1);
}

unsigned mask_weight(const struct mask *mask);
bool mask_equal(const struct mask *a, const struct mask *b);
bool mask_is_subset(const struct mask *part, const struct mask *whole);
bool mask_intersects(const struct mask *a, const struct mask *b);
void mask_and(struct mask *mask, const uint64_t *bits);
void mask_copy(struct mask *mask, const uint64_t *bits);

#endif
