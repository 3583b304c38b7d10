#include "shim/base/mask.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/base/state.h"
#include "shim/sys/raw.h"

int mask_open(struct mask *ret_mask)
{
    ret_mask->words = shim.base.words;
    ret_mask->bits = ret_mask->small;
    if (ret_mask->words <= MASK_SMALL_WORDS) {
        memset(ret_mask->small, 0, ret_mask->words * 8);
        return 0;
    }
    ret_mask->bits = raw_mmap(NULL, ret_mask->words * 8, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    return ret_mask->bits == MAP_FAILED ? -errno : 0;
}

void mask_close(struct mask *mask)
{
    if (mask->bits != mask->small && mask->bits != MAP_FAILED)
        raw_munmap(mask->bits, mask->words * 8);
}

unsigned mask_weight(const struct mask *mask)
{
    unsigned weight = 0;
    for (size_t i = 0; i < mask->words; i++)
        for (uint64_t word = mask->bits[i]; word; word &= word - 1)
            weight++;
    return weight;
}

bool mask_equal(const struct mask *a, const struct mask *b)
{
    return memcmp(a->bits, b->bits, a->words * 8) == 0;
}

bool mask_is_subset(const struct mask *part, const struct mask *whole)
{
    for (size_t i = 0; i < part->words; i++)
        if (part->bits[i] & ~whole->bits[i])
            return false;
    return true;
}

bool mask_intersects(const struct mask *a, const struct mask *b)
{
    for (size_t i = 0; i < a->words; i++)
        if (a->bits[i] & b->bits[i])
            return true;
    return false;
}

void mask_and(struct mask *mask, const uint64_t *bits)
{
    for (size_t i = 0; i < mask->words; i++)
        mask->bits[i] &= bits[i];
}

void mask_copy(struct mask *mask, const uint64_t *bits)
{
    memcpy(mask->bits, bits, mask->words * 8);
}
