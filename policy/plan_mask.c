#include "policy/plan.h"

#include <string.h>

bool plan_mask_has(const struct plan_view *plan, uint32_t mask_index, unsigned id)
{
    const struct plan_mask *mask = &plan->masks[mask_index];
    uint32_t word = id / 64;
    if (word < mask->first_word || word - mask->first_word >= mask->word_count)
        return false;
    return plan->words[mask->word_first + word - mask->first_word] >> (id % 64) & 1;
}

uint32_t plan_mask_first(const struct plan_view *plan, uint32_t mask_index)
{
    const struct plan_mask *mask = &plan->masks[mask_index];
    for (uint32_t i = 0; i < mask->word_count; i++) {
        uint64_t word = plan->words[mask->word_first + i];
        if (word)
            return (mask->first_word + i) * 64 + (uint32_t)__builtin_ctzll(word);
    }
    return 0;
}

size_t plan_mask_expand(const struct plan_view *plan, uint32_t mask_index, uint64_t *ret_bits, size_t words)
{
    const struct plan_mask *mask = &plan->masks[mask_index];
    size_t used = 1;
    memset(ret_bits, 0, words * sizeof(*ret_bits));
    for (uint32_t i = 0; i < mask->word_count && mask->first_word + i < words; i++) {
        uint64_t word = plan->words[mask->word_first + i];
        ret_bits[mask->first_word + i] = word;
        if (word)
            used = mask->first_word + i + 1;
    }
    return used;
}
