#include "policy/pick.h"

/*
 * All counters are relaxed: they steer choices and guard no data. The only thing that two threads must never
 * both believe, that a CPU is exclusively theirs, rests on the atomicity of one fetch_or for each word.
 */

static uint32_t load_used(const struct occupancy *occupancy, uint32_t slot)
{
    return atomic_load_explicit(&occupancy->used[slot], memory_order_relaxed);
}

static uint64_t outside_of(const struct occupancy *occupancy, uint32_t word)
{
    return atomic_load_explicit(&occupancy->outside[word], memory_order_relaxed);
}

/* Has the slot a CPU that the process may use, and where those are asked for, that no exclusive thread holds? */
static bool has_cpu(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot, bool unclaimed)
{
    const struct plan_mask *mask = &plan->masks[plan->slots[slot].mask];
    for (uint32_t i = 0; i < mask->word_count; i++) {
        const _Atomic uint64_t *claimed = &occupancy->claimed[mask->first_word + i];
        uint64_t left = plan->words[mask->word_first + i] & ~outside_of(occupancy, mask->first_word + i);
        if (unclaimed)
            left &= ~atomic_load_explicit(claimed, memory_order_relaxed);
        if (left)
            return true;
    }
    return false;
}

bool pick_is_usable(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot)
{
    return !occupancy_is_narrowed(occupancy) || has_cpu(plan, occupancy, slot, false);
}

/* Is every CPU of the slot held by an exclusive thread, or one that the process may not use. */
static bool slot_is_closed(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot)
{
    bool may_be = (plan->header->features & PLAN_HAS_EXCLUSIVE) || occupancy_is_narrowed(occupancy);
    return may_be && !has_cpu(plan, occupancy, slot, true);
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

/* All usable CPUs of the slot's claim, or none. A word with a foreign bit gets only our new bits taken back. */
static bool try_claim(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot)
{
    const struct plan_mask *mask = &plan->masks[plan->slots[slot].claim_mask];
    uint64_t claimed = 0;
    for (uint32_t i = 0; i < mask->word_count; i++) {
        uint64_t bits = plan->words[mask->word_first + i] & ~outside_of(occupancy, mask->first_word + i);
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
        claimed |= bits;
    }
    return claimed != 0;
}

/* --- room --- */

/* What of a place is given out: with smt = "cores_first" a core to each thread, and only then all CPUs. */
enum room { ROOM_CORES, ROOM_CPUS, ROOM_COUNT };

static enum room first_room(const struct plan_rule *rule)
{
    return rule->smt == SMT_CORES_FIRST ? ROOM_CORES : ROOM_CPUS;
}

/* Cores or CPUs of the slot's mask, which several places of the rule's level may share. */
static uint64_t size_of(const struct plan_view *plan, uint32_t slot, enum room room)
{
    return room == ROOM_CORES ? plan->slots[slot].core_count : plan->masks[plan->slots[slot].mask].weight;
}

/* The threads there. A core is shared with the threads on its other hardware threads. */
static struct occupancy_load load_of(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot,
                                     enum room room)
{
    return occupancy_load(plan, occupancy, room == ROOM_CORES ? plan->slots[slot].core_mask : plan->slots[slot].mask);
}

/* Is it less than half a thread too many with one thread more? */
static bool has_room_for_one(uint64_t load, uint64_t size)
{
    return load + OCCUPANCY_ONE / 2 <= size * OCCUPANCY_ONE;
}

/*
 * Can one more thread have a core or CPU there? On a core, threads that may also be elsewhere on the node give way for
 * as long as the node has room.
 */
static bool is_free_for_one(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t index,
                            enum room room)
{
    const struct plan_slot *slot = &plan->slots[index];
    struct occupancy_load load = load_of(plan, occupancy, index, room);
    if (!slot->around || has_room_for_one(load.all, size_of(plan, index, room)))
        return has_room_for_one(load.all, size_of(plan, index, room));
    uint64_t around = room == ROOM_CORES ? slot->around_cores : plan->masks[slot->around].weight;
    return has_room_for_one(load.tight, size_of(plan, index, room)) &&
           has_room_for_one(occupancy_load(plan, occupancy, slot->around).all, around);
}

/* For how many threads of its rule the slot is. */
static uint32_t share_of(const struct plan_view *plan, uint32_t slot, enum room room)
{
    return room == ROOM_CORES ? plan->slots[slot].cores : plan->slots[slot].capacity;
}

static bool has_room(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot, enum room room)
{
    return load_used(occupancy, slot) < share_of(plan, slot, room) && is_free_for_one(plan, occupancy, slot, room);
}

bool pick_has_core(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot, int64_t come)
{
    int64_t load = (int64_t)load_of(plan, occupancy, slot, ROOM_CORES).all + come * (int64_t)OCCUPANCY_ONE;
    return (int64_t)load_used(occupancy, slot) + come < (int64_t)share_of(plan, slot, ROOM_CORES) &&
           (load < 0 || has_room_for_one((uint64_t)load, size_of(plan, slot, ROOM_CORES))) &&
           !slot_is_closed(plan, occupancy, slot);
}

static bool take_if_room(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot, enum room room)
{
    uint32_t used = load_used(occupancy, slot);
    if (!has_room(plan, occupancy, slot, room))
        return false;
    while (used < share_of(plan, slot, room))
        if (atomic_compare_exchange_weak_explicit(&occupancy->used[slot], &used, used + 1, memory_order_relaxed,
                                                  memory_order_relaxed)) {
            occupancy_add(plan, occupancy, slot);
            return true;
        }
    return false;
}

static struct pick take(const struct plan_view *plan, struct occupancy *occupancy, uint32_t slot, uint8_t reason)
{
    uint32_t before = atomic_fetch_add_explicit(&occupancy->used[slot], 1, memory_order_relaxed);
    occupancy_add(plan, occupancy, slot);
    if (reason == REASON_OK && before >= plan->slots[slot].capacity)
        reason = REASON_OVERSUBSCRIBED;
    return (struct pick){.slot = slot, .reason = reason};
}

/* --- the least loaded --- */

static bool is_near(const struct plan_view *plan, uint32_t slot, uint32_t near)
{
    return near != PLAN_NONE && masks_intersect(plan, plan->slots[slot].mask, plan->slots[near].mask);
}

/* A place that is looked at, with the threads there and the cores or CPUs that it has. */
struct candidate {
    uint32_t slot; /* PLAN_NONE: there is none */
    uint64_t load, size;
};

static struct candidate candidate_of(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot,
                                     enum room room)
{
    return (struct candidate){slot, load_of(plan, occupancy, slot, room).all, size_of(plan, slot, room)};
}

/* Differences of less than an eighth of a thread come from threads that may be anywhere. */
static bool is_emptier(const struct candidate *one, const struct candidate *other)
{
    uint64_t noise = OCCUPANCY_ONE / 8 * (one->size < other->size ? one->size : other->size);
    return one->load * other->size + noise < other->load * one->size;
}

/* Fewer threads per core or CPU; of equals the one that is near, then the one with fewer of the rule's. */
static bool is_better(const struct plan_view *plan, const struct occupancy *occupancy, const struct candidate *one,
                      const struct candidate *best, uint32_t near)
{
    if (is_emptier(one, best) || is_emptier(best, one))
        return is_emptier(one, best);
    bool one_near = is_near(plan, one->slot, near), best_near = is_near(plan, best->slot, near);
    if (one_near != best_near)
        return one_near;
    return (uint64_t)load_used(occupancy, one->slot) * plan->slots[best->slot].capacity <
           (uint64_t)load_used(occupancy, best->slot) * plan->slots[one->slot].capacity;
}

/* Which places are looked at. */
enum among { AMONG_OPEN, AMONG_USABLE, AMONG_ALL };

static bool is_among(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot, enum among among)
{
    if (among == AMONG_OPEN)
        return !slot_is_closed(plan, occupancy, slot);
    return among == AMONG_ALL || pick_is_usable(plan, occupancy, slot);
}

/* least_used() among some places, of those that have a core left, or of all. */
static uint32_t least_used_of(const struct plan_view *plan, const struct occupancy *occupancy,
                              const struct plan_rule *rule, uint32_t near, enum room room, enum among among)
{
    struct candidate best = {.slot = PLAN_NONE};
    uint32_t start = occupancy_start(occupancy, rule->slot_count);
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + (start + i) % rule->slot_count;
        if (room == ROOM_CORES && !has_room(plan, occupancy, slot, room))
            continue;
        if (!is_among(plan, occupancy, slot, among))
            continue;
        struct candidate one = candidate_of(plan, occupancy, slot, room);
        if (best.slot == PLAN_NONE || is_better(plan, occupancy, &one, &best, near))
            best = one;
    }
    return best.slot;
}

/*
 * The slot with the fewest threads per core, when no core is left per CPU; of equals one that shares CPUs with the slot
 * `near`, else the earliest; closed ones only when all are closed, and of these the usable ones first.
 */
static uint32_t least_used(const struct plan_view *plan, const struct occupancy *occupancy,
                           const struct plan_rule *rule, uint32_t near, bool *ret_closed)
{
    uint32_t best = PLAN_NONE;
    *ret_closed = false;
    for (int room = (int)first_room(rule); room < ROOM_COUNT && best == PLAN_NONE; room++)
        best = least_used_of(plan, occupancy, rule, near, (enum room)room, AMONG_OPEN);
    if (best != PLAN_NONE)
        return best;
    *ret_closed = true;
    best = least_used_of(plan, occupancy, rule, near, ROOM_CPUS, AMONG_USABLE);
    return best != PLAN_NONE ? best : least_used_of(plan, occupancy, rule, near, ROOM_CPUS, AMONG_ALL);
}

/* With one thread fewer it would not be fuller than the emptiest, and no core or CPU is left idle for it. */
static bool is_full_as_others(const struct plan_view *plan, const struct occupancy *occupancy,
                              const struct plan_rule *rule, uint32_t slot, uint32_t emptiest)
{
    enum room room = first_room(rule);
    if (!has_room(plan, occupancy, emptiest, room))
        room = ROOM_CPUS;
    if (plan->slots[slot].capacity < 2 ||
        (!has_room(plan, occupancy, slot, room) && has_room(plan, occupancy, emptiest, room)))
        return false;
    struct candidate one = candidate_of(plan, occupancy, slot, room);
    struct candidate least = candidate_of(plan, occupancy, emptiest, room);
    if (one.load <= OCCUPANCY_ONE)
        return true;
    one.load -= OCCUPANCY_ONE;
    return !is_emptier(&least, &one);
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
    for (uint32_t slot = rule->slot_first; slot < rule->slot_first + rule->slot_count; slot++)
        if (is_near(plan, slot, near) && is_full_as_others(plan, occupancy, rule, slot, emptiest) &&
            !slot_is_closed(plan, occupancy, slot))
            return slot;
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

/* --- in order --- */

/* The first slot in order with room; near to the creator's slot only, unless near is PLAN_NONE. */
static uint32_t take_first_free(const struct plan_view *plan, struct occupancy *occupancy, const struct plan_rule *rule,
                                uint32_t near, enum room room)
{
    uint32_t start = occupancy_start(occupancy, rule->slot_count);
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + (start + i) % rule->slot_count;
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

/* A place that is closed has its turn, too: the one behind it would get two. */
static struct pick pick_round_robin(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t slot = PLAN_NONE;
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        slot = rule->slot_first + next_turn(occupancy, rule_index, rule->slot_count);
        if (!slot_is_closed(plan, occupancy, slot))
            return take(plan, occupancy, slot, REASON_OK);
    }
    return take(plan, occupancy, slot, REASON_SHARED_CPU);
}

static struct pick pick_in_order(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index,
                                 uint32_t creator_slot)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t slot = PLAN_NONE;
    for (int room = (int)first_room(rule); room < ROOM_COUNT && slot == PLAN_NONE; room++) {
        if (rule->distribution == DIST_INHERIT && creator_slot != PLAN_NONE)
            slot = take_first_free(plan, occupancy, rule, creator_slot, (enum room)room);
        if (slot == PLAN_NONE)
            slot = take_first_free(plan, occupancy, rule, PLAN_NONE, (enum room)room);
    }
    if (slot == PLAN_NONE)
        return take_least_used(plan, occupancy, rule, rule->distribution == DIST_INHERIT ? creator_slot : PLAN_NONE);
    return (struct pick){.slot = slot, .reason = REASON_OK};
}

/* --- one place for all --- */

/* Where most threads of the rule are, else near the creator, else the first: one place for all of a process. */
static uint32_t primary_slot(const struct plan_view *plan, const struct occupancy *occupancy,
                             const struct plan_rule *rule, uint32_t near)
{
    uint32_t best = PLAN_NONE, most = 0;
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + i, used = load_used(occupancy, slot);
        if (used > most || (!most && best == PLAN_NONE && is_near(plan, slot, near))) {
            best = slot;
            most = used;
        }
    }
    return best != PLAN_NONE ? best : rule->slot_first;
}

static struct pick pick_primary(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index,
                                uint32_t creator_slot)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t slot = primary_slot(plan, occupancy, rule, creator_slot);
    if (slot_is_closed(plan, occupancy, slot))
        return take_least_used(plan, occupancy, rule, creator_slot);
    return take(plan, occupancy, slot, REASON_OK);
}

/* --- alone --- */

/* Is another thread there? To the claim of a core, those give way that may be on other cores, too. */
static bool is_occupied(const struct plan_view *plan, const struct occupancy *occupancy, uint32_t slot)
{
    struct occupancy_load load = load_of(plan, occupancy, slot, ROOM_CORES);
    return !has_room_for_one(plan->slots[slot].core_count == 1 ? load.tight : load.all, 1);
}

static bool claim_first(const struct plan_view *plan, struct occupancy *occupancy, const struct plan_rule *rule,
                        uint32_t start, bool occupied_too, struct pick *ret_pick)
{
    for (uint32_t i = 0; i < rule->slot_count; i++) {
        uint32_t slot = rule->slot_first + (start + i) % rule->slot_count;
        if ((!occupied_too && is_occupied(plan, occupancy, slot)) || !try_claim(plan, occupancy, slot))
            continue;
        *ret_pick = take(plan, occupancy, slot, REASON_OK);
        ret_pick->claims = true;
        ret_pick->reason = REASON_OK;
        return true;
    }
    return false;
}

/*
 * A free place for one thread alone, of those first where no other thread is. Two threads that try the same CPUs at once
 * may both step back, so the walk is repeated before it gives up; a place that is really taken stays so.
 */
static struct pick pick_exclusive(const struct plan_view *plan, struct occupancy *occupancy, uint32_t rule_index)
{
    const struct plan_rule *rule = &plan->rules[rule_index];
    uint32_t start = occupancy_start(occupancy, rule->slot_count);
    if (rule->distribution == DIST_ROUND_ROBIN)
        start = next_turn(occupancy, rule_index, rule->slot_count);
    struct pick pick;
    for (int attempt = 0; attempt < 4; attempt++)
        if (claim_first(plan, occupancy, rule, start, attempt > 0, &pick))
            return pick;
    bool closed;
    return take(plan, occupancy, least_used(plan, occupancy, rule, PLAN_NONE, &closed), REASON_NO_FREE_SLOT);
}

/* --- what the shim and the dry run ask --- */

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
    case DIST_SHARING:
        return take_least_used(plan, occupancy, rule, creator_slot);
    case DIST_PRIMARY:
        return pick_primary(plan, occupancy, rule_index, creator_slot);
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
    return rule->distribution == DIST_INHERIT || rule->distribution == DIST_LEAST_LOADED ||
           rule->distribution == DIST_PRIMARY || rule->distribution == DIST_SHARING;
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

void pick_count(const struct plan_view *plan, struct occupancy *occupancy, struct pick *pick, bool on_slot)
{
    if (pick->away != on_slot)
        return;
    if (on_slot)
        occupancy_add(plan, occupancy, pick->slot);
    else
        occupancy_remove(plan, occupancy, pick->slot);
    pick->away = !on_slot;
}

void pick_release(const struct plan_view *plan, struct occupancy *occupancy, struct pick pick)
{
    if (pick.claims) {
        const struct plan_mask *mask = &plan->masks[plan->slots[pick.slot].claim_mask];
        unclaim_words(plan, occupancy, mask, mask->word_count);
    }
    pick_count(plan, occupancy, &pick, false);
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
        left |= ret_bits[i] & ~outside_of(occupancy, (uint32_t)i);
    }
    if (left)
        return used;
    *ret_shared = true;
    return plan_mask_expand(plan, mask, ret_bits, words);
}
