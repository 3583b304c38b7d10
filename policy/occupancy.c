#include "policy/occupancy.h"

#include <string.h>

static uint64_t round_up_8(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

static size_t cpu_words(const struct plan_view *plan)
{
    return ((size_t)plan->count[PLAN_CPUS] + 63) / 64;
}

size_t occupancy_size(const struct plan_view *plan)
{
    return 8 + round_up_8(4 * (uint64_t)plan->count[PLAN_SLOTS]) + round_up_8(4 * (uint64_t)plan->count[PLAN_RULES]) +
           2 * 8 * cpu_words(plan) + sizeof(struct occupancy_count) * (uint64_t)plan->count[PLAN_CPUS];
}

void occupancy_init(struct occupancy *ret_occupancy, const struct plan_view *plan, void *memory)
{
    char *at = memory;
    ret_occupancy->threads = (void *)at;
    at += 8;
    ret_occupancy->used = (void *)at;
    at += round_up_8(4 * (uint64_t)plan->count[PLAN_SLOTS]);
    ret_occupancy->turn = (void *)at;
    at += round_up_8(4 * (uint64_t)plan->count[PLAN_RULES]);
    ret_occupancy->claimed = (void *)at;
    ret_occupancy->claimed_words = cpu_words(plan);
    ret_occupancy->outside = ret_occupancy->claimed + cpu_words(plan);
    atomic_store_explicit(&ret_occupancy->narrowed, false, memory_order_relaxed);
    ret_occupancy->counts = (void *)(ret_occupancy->outside + cpu_words(plan));
    occupancy_begin_at(ret_occupancy, 0);
}

/* Multiples of the golden section, the whole part left out, are far apart however many of them follow each other. */
void occupancy_begin_at(struct occupancy *occupancy, uint32_t number)
{
    atomic_store_explicit(&occupancy->start, number * UINT32_C(2654435769), memory_order_relaxed);
}

uint32_t occupancy_start(const struct occupancy *occupancy, uint32_t count)
{
    uint64_t part = atomic_load_explicit(&occupancy->start, memory_order_relaxed);
    return (uint32_t)(part * count >> 32);
}

void occupancy_narrow(const struct plan_view *plan, struct occupancy *occupancy, const uint64_t *bits, size_t words)
{
    const struct plan_mask *allowed = &plan->masks[plan->header->allowed_mask];
    for (uint32_t i = 0; i < allowed->word_count; i++) {
        size_t word = allowed->first_word + i;
        uint64_t out = plan->words[allowed->word_first + i] & ~(word < words ? bits[word] : 0);
        if (!out || word >= occupancy->claimed_words)
            continue;
        atomic_fetch_or_explicit(&occupancy->outside[word], out, memory_order_relaxed);
        atomic_store_explicit(&occupancy->narrowed, true, memory_order_relaxed);
    }
}

static void change(struct occupancy_threads *threads, uint64_t part, bool tight, bool adds)
{
    uint64_t difference = adds ? part : -part;
    atomic_fetch_add_explicit(&threads->all, difference, memory_order_relaxed);
    if (tight)
        atomic_fetch_add_explicit(&threads->tight, difference, memory_order_relaxed);
}

static void count_one(struct occupancy *occupancy, bool adds)
{
    atomic_fetch_add_explicit(occupancy->threads, adds ? 1 : -UINT64_C(1), memory_order_relaxed);
}

/* The part of a thread that falls on the next CPUs, when `before` of `all` have theirs. All parts together are one. */
static uint64_t part_of(uint64_t before, uint64_t size, uint64_t all)
{
    uint64_t end = before + size < all ? before + size : all;
    return before < end ? OCCUPANCY_ONE * end / all - OCCUPANCY_ONE * before / all : 0;
}

/* --- CPUs of a mask of the plan --- */

/* The first CPUs of the groups in the i-th word of a mask. */
static uint64_t groups_in(const struct plan_view *plan, const struct plan_mask *mask, uint32_t i)
{
    const struct plan_mask *groups = &plan->masks[plan->header->groups];
    uint32_t word = mask->first_word + i - groups->first_word;
    if (mask->first_word + i < groups->first_word || word >= groups->word_count)
        return 0;
    return plan->words[mask->word_first + i] & plan->words[groups->word_first + word];
}

static uint32_t first_id(const struct plan_mask *mask, uint32_t i, uint64_t word)
{
    return (mask->first_word + i) * 64 + (uint32_t)__builtin_ctzll(word);
}

static void count(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot, bool adds)
{
    const struct plan_mask *mask = &plan->masks[plan->slots[slot].mask];
    bool tight = plan->slots[slot].core_count == 1;
    uint64_t before = 0;
    count_one(occupancy, adds);
    for (uint32_t i = 0; i < mask->word_count; i++)
        for (uint64_t word = groups_in(plan, mask, i); word; word &= word - 1) {
            uint32_t id = first_id(mask, i, word);
            if (id >= plan->count[PLAN_CPUS])
                return;
            uint64_t size = plan->cpus[id].group_size;
            change(&occupancy->counts[id].own, part_of(before, size, mask->weight), tight, adds);
            before += size;
        }
}

void occupancy_add(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot)
{
    count(plan, occupancy, slot, true);
}

void occupancy_remove(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot)
{
    count(plan, occupancy, slot, false);
}

static void sum_up(struct occupancy_load *sum, const struct occupancy_threads *threads)
{
    sum->all += atomic_load_explicit(&threads->all, memory_order_relaxed);
    sum->tight += atomic_load_explicit(&threads->tight, memory_order_relaxed);
}

struct occupancy_load occupancy_load(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t index)
{
    const struct plan_mask *mask = &plan->masks[index];
    struct occupancy_load sum = {0, 0};
    for (uint32_t i = 0; i < mask->word_count; i++)
        for (uint64_t word = groups_in(plan, mask, i); word; word &= word - 1) {
            uint32_t id = first_id(mask, i, word);
            if (id >= plan->count[PLAN_CPUS])
                return sum;
            sum_up(&sum, &occupancy->counts[id].own);
            sum_up(&sum, &occupancy->counts[id].others);
        }
    return sum;
}

/* --- CPUs that a thread chose --- */

void occupancy_pin_set(struct occupancy_pin *ret_pin, const uint64_t *bits, size_t words)
{
    size_t first = 0;
    *ret_pin = (struct occupancy_pin){0};
    while (first < words && !bits[first])
        first++;
    while (words > first && !bits[words - 1])
        words--;
    ret_pin->first_word = (uint32_t)first;
    ret_pin->word_count = (uint32_t)(words - first);
    if (words - first <= OCCUPANCY_PIN_WORDS)
        memcpy(ret_pin->bits, bits + first, (words - first) * sizeof(*bits));
}

static uint64_t pin_word(const struct plan_view *plan, const struct occupancy_pin *pin, uint32_t i)
{
    uint64_t first = ((uint64_t)pin->first_word + i) * 64, end = plan->count[PLAN_CPUS];
    uint64_t known = first >= end ? 0 : end - first < 64 ? (UINT64_C(1) << (end - first)) - 1 : UINT64_MAX;
    return pin->word_count <= OCCUPANCY_PIN_WORDS ? pin->bits[i] & known : known;
}

#define FOREACH_PINNED(id, plan, pin)                                                                                  \
    for (uint32_t i_ = 0; i_ < (pin)->word_count; i_++)                                                                \
        for (uint64_t word_ = pin_word(plan, pin, i_), id = 0;                                                         \
             word_ && ((id = ((pin)->first_word + i_) * 64 + (uint64_t)__builtin_ctzll(word_)), true);                 \
             word_ &= word_ - 1)

static void count_pin(const struct plan_view *plan, struct occupancy *occupancy, const struct occupancy_pin *pin,
                      bool adds)
{
    uint64_t all = 0, before = 0;
    uint32_t core = PLAN_NONE;
    bool tight = true;
    count_one(occupancy, adds);
    FOREACH_PINNED(id, plan, pin)
    {
        tight = tight && (!all || plan->cpus[id].core == core);
        core = plan->cpus[id].core;
        all++;
    }
    FOREACH_PINNED(id, plan, pin)
    {
        uint64_t part = part_of(before++, 1, all);
        change(&occupancy->counts[id].pinned, part, tight, adds);
        change(&occupancy->counts[plan->cpus[id].group].own, part, tight, adds);
    }
}

void occupancy_pin_add(const struct plan_view *plan, struct occupancy *occupancy, const struct occupancy_pin *pin)
{
    count_pin(plan, occupancy, pin, true);
}

void occupancy_pin_remove(const struct plan_view *plan, struct occupancy *occupancy, const struct occupancy_pin *pin)
{
    count_pin(plan, occupancy, pin, false);
}
