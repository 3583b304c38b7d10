/*
 * mask: a CPU mask as wide as this machine's, for the duration of one decision. Up to 4096 CPUs it lies on the stack
 * (512 bytes, because a thread's stack may have only PTHREAD_STACK_MIN); beyond that it has a mapping of its own. The
 * caller closes what it opened.
 *
 * Any thread, signal-safe. Only mask_open() can fail, and only beyond 4096 CPUs when memory is short.
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

/* Opens a mask of base.words words with all bits clear. Returns 0 or a negative errno. */
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
