#include "policy/pick.h"

/*
 * All counters are relaxed: they steer choices and guard no data. The only thing that two threads must never
 * both believe, that a CPU is exclusively theirs, rests on the atomicity of one fetch_or for each word.
 */

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
    return round_up_8(4 * (uint64_t)plan->count[PLAN_SLOTS]) + round_up_8(4 * (uint64_t)plan->count[PLAN_RULES]) +
           8 * cpu_words(plan);
}

void occupancy_init(struct occupancy *ret_occupancy, const struct plan_view *plan, void *memory)
{
    char *at = memory;
    ret_occupancy->used = (void *)at;
    at += round_up_8(4 * (uint64_t)plan->count[PLAN_SLOTS]);
    ret_occupancy->turn = (void *)at;
    at += round_up_8(4 * (uint64_t)plan->count[PLAN_RULES]);
    ret_occupancy->claimed = (void *)at;
    ret_occupancy->claimed_words = cpu_words(plan);
}

static uint32_t load_used(const struct occupancy *occupancy, uint32_t slot)
{
    return atomic_load_explicit(&occupancy->used[slot], memory_order_relaxed);
}

/* Is every CPU of the slot held by an exclusive thread. */
static bool slot_is_closed(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot)
{
    if (!(plan->header->features & PLAN_HAS_EXCLUSIVE))
        return false;
    const struct plan_mask *mask = &plan->masks[plan->slots[slot].mask];
    for (uint32_t i = 0; i < mask->word_count; i++) {
        uint64_t claimed = atomic_load_explicit(&occupancy->claimed[mask->first_word + i], memory_order_relaxed);
        if (plan->words[mask->word_first + i] & ~claimed)
            return false;
    }
    return true;
}

static bool masks_intersect(const struct plan_view *plan, uint32_t a, uint32_t b)
{
    const struct plan_mask *mask = &plan->masks[a], *other = &plan->masks[b];
    for (uint32_t i = 0; i < mask->word_count; i++) {
        uint32_t word = mask->first_word + i;
        if (word >= other->first_word && word - other->first_word < other->word_count &&
            (plan->words[mask->word_first + i] & plan->words[other->word_first + word - other->first_word]))
            return true;
    }
    return false;
}

static void unclaim_words(const struct plan_view *plan, struct occupancy *occupancy, const struct plan_mask *mask,
                          uint32_t words)
{
    for (uint32_t i = 0; i < words; i++)
        atomic_fetch_and_explicit(&occupancy->claimed[mask->first_word + i], ~plan->words[mask->word_first + i],
                                  memory_order_relaxed);
}

/* All CPUs of the slot's claim, or none. A word with a foreign bit gets only our new bits taken back. */
static bool try_claim(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot)
{
    const struct plan_mask *mask = &plan->masks[plan->slots[slot].claim_mask];
    for (uint32_t i = 0; i < mask->word_count; i++) {
        uint64_t bits = plan->words[mask->word_first + i];
        _Atomic uint64_t *word = &occupancy->claimed[mask->first_word + i];
        /* Looking first keeps a doomed attempt from showing bits, even for an instant, to other pickers. */
        if (atomic_load_explicit(word, memory_order_relaxed) & bits) {
            unclaim_words(plan, occupancy, mask, i);
            return false;
        }
        uint64_t before = atomic_fetch_or_explicit(word, bits, memory_order_relaxed);
        if (before & bits) {
            atomic_fetch_and_explicit(word, ~(bits & ~before), memory_order_relaxed);
            unclaim_words(plan, occupancy, mask, i);
            return false;
        }
    }
    return true;
}

/* What of a place is given out: with smt = "cores_first" a core to each thread, and only then all CPUs. */
enum room { ROOM_CORES, ROOM_CPUS, ROOM_COUNT };

static uint32_t room_of(const struct plan_view *plan, uint32_t slot, enum room room)
{
    return room == ROOM_CORES ? plan->slots[slot].cores : plan->slots[slot].capacity;
}

static bool take_if_room(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot, enum room room)
{
    uint32_t used = load_used(occupancy, slot);
    while (used < room_of(plan, slot, room))
        if (atomic_compare_exchange_weak_explicit(&occupancy->used[slot], &used, used + 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static struct pick take(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot, uint8_t reason)
{
    uint32_t before = atomic_fetch_add_explicit(&occupancy->used[slot], 1, memory_order_relaxed);
    if (reason == REASON_OK && before >= plan->slots[slot].capacity)
        reason = REASON_OVERSUBSCRIBED;
    return (struct pick){.slot = slot, .reason = reason};
}

static bool is_near(const struct plan_view *plan, uint32_t slot, uint32_t near)
{
    return near != PLAN_NONE && masks_intersect(plan, plan->slots[slot].mask, plan->slots[near].mask);
}

/* Fewer threads per core or CPU; of equals the one that is near. */
static bool is_better(const struct plan_view *plan, uint32_t slot, uint32_t used, uint32_t best, uint32_t best_used,
                      uint32_t near, enum room room)
{
    uint64_t load = (uint64_t)used * room_of(plan, best, room);
    uint64_t best_load = (uint64_t)best_used * room_of(plan, slot, room);
    if (load != best_load)
        return load < best_load;
    return is_near(plan, slot, near) && !is_near(plan, best, near);
}

/* least_used() among the places that have a core left, or among all; PLAN_NONE: there is none. */
static uint32_t least_used_of(const struct plan_view *plan, const struct occupancy *occupancy,
                              const struct plan_rule *rule, uint32_t near, enum room room, bool closed_too)
{
    uint32_t best = PLAN_NONE, best_used = 0;
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + i, used = load_used(occupancy, slot);
        if (room == ROOM_CORES && used >= room_of(plan, slot, room))
            continue;
        if (!closed_too && slot_is_closed(plan, occupancy, slot))
            continue;
        if (best == PLAN_NONE || is_better(plan, slot, used, best, best_used, near, room)) {
            best = slot;
            best_used = used;
        }
    }
    return best;
}

/*
 * The slot with the fewest threads per core, when no core is left per CPU; of equals one that shares CPUs with the slot
 * `near`, else the earliest; closed ones only when all are closed.
 */
static uint32_t least_used(const struct plan_view *plan, const struct occupancy *occupancy,
                           const struct plan_rule *rule, uint32_t near, bool *ret_closed)
{
    uint32_t best = PLAN_NONE;
    *ret_closed = false;
    for (int room = rule->smt == SMT_CORES_FIRST ? ROOM_CORES : ROOM_CPUS; room < ROOM_COUNT && best == PLAN_NONE;
         room++)
        best = least_used_of(plan, occupancy, rule, near, (enum room)room, false);
    if (best != PLAN_NONE)
        return best;
    *ret_closed = true;
    return least_used_of(plan, occupancy, rule, near, ROOM_CPUS, true);
}

/* With one thread fewer it would not be fuller than the emptiest, and no CPU is left idle for it. */
static bool is_full_as_others(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot,
                              uint32_t emptiest)
{
    uint32_t used = load_used(occupancy, slot), fewest = load_used(occupancy, emptiest);
    enum room room = fewest < room_of(plan, emptiest, ROOM_CORES) ? ROOM_CORES : ROOM_CPUS;
    uint64_t capacity = room_of(plan, slot, room), least = room_of(plan, emptiest, room);
    if (plan->slots[slot].capacity < 2 || (used >= capacity && fewest < least))
        return false;
    return !used || (used - 1) * least <= fewest * capacity;
}

/*
 * A difference of one thread is noise: the waiting creator is counted, too. Near its creator a thread finds the memory
 * that it begins with, so a place of several CPUs that shares some with `near` comes first when it has at most one
 * thread more than the emptiest.
 */
static uint32_t prefer_near(const struct plan_view *plan, const struct occupancy *occupancy,
                            const struct plan_rule *rule, uint32_t emptiest, uint32_t near)
{
    if (near == PLAN_NONE || rule->bind_to == LEVEL_CORE || rule->bind_to == LEVEL_CPU)
        return emptiest;
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + i;
        if (is_near(plan, slot, near) && is_full_as_others(plan, occupancy, slot, emptiest) &&
            !slot_is_closed(plan, occupancy, slot))
            return slot;
    }
    return emptiest;
}

static struct pick take_least_used(const struct plan_view *plan, struct occupancy *occupancy,
                                   const struct plan_rule *rule, uint32_t near)
{
    bool closed;
    uint32_t slot = least_used(plan, occupancy, rule, near, &closed);
    if (!closed)
        slot = prefer_near(plan, occupancy, rule, slot, near);
    return take(plan, occupancy, slot, closed ? REASON_SHARED_CPU : REASON_OK);
}

/* The first slot in order with room; near to the creator's slot only, unless near is PLAN_NONE. */
static uint32_t take_first_free(const struct plan_view *plan, struct occupancy *occupancy, const struct plan_rule *rule,
                                uint32_t near, enum room room)
{
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + i;
        if (near != PLAN_NONE && !is_near(plan, slot, near))
            continue;
        if (!slot_is_closed(plan, occupancy, slot) && take_if_room(plan, occupancy, slot, room))
            return slot;
    }
    return PLAN_NONE;
}

static uint32_t next_turn(struct occupancy *occupancy, uint32_t rule_index, uint32_t slot_count)
{
    return atomic_fetch_add_explicit(&occupancy->turn[rule_index], 1, memory_order_relaxed) % slot_count;
}

static struct pick pick_round_robin(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t turn = next_turn(occupancy, rule_index, rule->slot_count);
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + (turn + i) % rule->slot_count;
        if (!slot_is_closed(plan, occupancy, slot))
            return take(plan, occupancy, slot, REASON_OK);
    }
    return take(plan, occupancy, rule->slot_first + turn, REASON_SHARED_CPU);
}

static struct pick pick_in_order(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index,
                                 uint32_t creator_slot)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t slot = PLAN_NONE;
    for (int room = rule->smt == SMT_CORES_FIRST ? ROOM_CORES : ROOM_CPUS; room < ROOM_COUNT && slot == PLAN_NONE;
         room++) {
        if (rule->distribution == DIST_INHERIT && creator_slot != PLAN_NONE)
            slot = take_first_free(plan, occupancy, rule, creator_slot, (enum room)room);
        if (slot == PLAN_NONE)
            slot = take_first_free(plan, occupancy, rule, PLAN_NONE, (enum room)room);
    }
    if (slot == PLAN_NONE)
        return take_least_used(plan, occupancy, rule, rule->distribution == DIST_INHERIT ? creator_slot : PLAN_NONE);
    return (struct pick){.slot = slot, .reason = REASON_OK};
}

/*
 * A free place for one thread alone. Two threads that try the same CPUs at once may both step back, so the
 * walk is repeated before it gives up; a place that is really taken stays so.
 */
static struct pick pick_exclusive(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t start = rule->distribution == DIST_ROUND_ROBIN ? next_turn(occupancy, rule_index, rule->slot_count) : 0;
    for (int attempt = 0; attempt < 3; attempt++) {
        for (uint32_t i = 0; i < rule->slot_count; i++) {
            uint32_t slot = rule->slot_first + (start + i) % rule->slot_count;
            if (!try_claim(plan, occupancy, slot))
                continue;
            struct pick pick = take(plan, occupancy, slot, REASON_OK);
            pick.claims = true;
            pick.reason = REASON_OK;
            return pick;
        }
    }
    bool closed;
    return take(plan, occupancy, least_used(plan, occupancy, rule, PLAN_NONE, &closed), REASON_NO_FREE_SLOT);
}

struct pick pick_slot(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index,
                      uint32_t creator_slot)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    if (rule->flags & PLAN_RULE_EXCLUSIVE)
        return pick_exclusive(plan, occupancy, rule_index);
    switch (rule->distribution) {
    case DIST_ROUND_ROBIN:
        return pick_round_robin(plan, occupancy, rule_index);
    case DIST_SCATTER: /* its order spreads; taking the emptiest keeps spreading on the second round */
        return take_least_used(plan, occupancy, rule, PLAN_NONE);
    case DIST_LEAST_LOADED: /* its creator's memory is what a thread begins with */
        return take_least_used(plan, occupancy, rule, creator_slot);
    default:
        return pick_in_order(plan, occupancy, rule_index, creator_slot);
    }
}

bool pick_keeps_start(const struct plan_view *plan, uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    if (rule->slot_count < 2 || (rule->flags & PLAN_RULE_EXCLUSIVE))
        return false;
    if (rule->bind_to == LEVEL_CORE || rule->bind_to == LEVEL_CPU)
        return false;
    return rule->distribution == DIST_INHERIT || rule->distribution == DIST_LEAST_LOADED;
}

uint32_t pick_nth(const struct plan_view *plan, uint32_t rule_index, uint32_t n)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint64_t room = 0;
    if (rule->distribution == DIST_INHERIT || (rule->flags & PLAN_RULE_EXCLUSIVE))
        return PLAN_NONE;
    if (rule->distribution != DIST_COMPACT)
        return rule->slot_first + n % rule->slot_count;
    for (uint32_t i = 0; i < rule->slot_count; i++)
        room += plan->slots[rule->slot_first + i].capacity;
    n = (uint32_t)(n % room); /* capacities are at least 1 */
    for (int spare = 0; spare <= 1; spare++)
        for (uint32_t i = 0; i < rule->slot_count; i++) {
            const struct plan_slot *slot = &plan->slots[rule->slot_first + i];
            uint32_t here = spare ? slot->capacity - slot->cores : slot->cores;
            if (n < here)
                return rule->slot_first + i;
            n -= here;
        }
    return rule->slot_first;
}

struct pick pick_this(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot)
{
    return take(plan, occupancy, slot, REASON_OK);
}

void pick_release(const struct plan_view *plan, struct occupancy *occupancy, struct pick pick)
{
    if (pick.claims) {
        const struct plan_mask *mask = &plan->masks[plan->slots[pick.slot].claim_mask];
        unclaim_words(plan, occupancy, mask, mask->word_count);
    }
    atomic_fetch_sub_explicit(&occupancy->used[pick.slot], 1, memory_order_relaxed);
}

size_t pick_mask(const struct plan_view *plan, const struct occupancy *occupancy, struct pick pick, uint64_t *ret_bits,
                 size_t words, bool *ret_shared)
{
    uint32_t mask = plan->slots[pick.slot].mask;
    size_t used = plan_mask_expand(plan, mask, ret_bits, words);
    *ret_shared = pick.reason == REASON_NO_FREE_SLOT || pick.reason == REASON_SHARED_CPU;
    if (pick.claims || !(plan->header->features & PLAN_HAS_EXCLUSIVE))
        return used;

    uint64_t left = 0;
    for (size_t i = 0; i < used && i < occupancy->claimed_words; i++) {
        ret_bits[i] &= ~atomic_load_explicit(&occupancy->claimed[i], memory_order_relaxed);
        left |= ret_bits[i];
    }
    if (left)
        return used;
    *ret_shared = true;
    return plan_mask_expand(plan, mask, ret_bits, words);
}
