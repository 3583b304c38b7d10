#include "policy/ledger.h"

#include <string.h>

static void begin_anew(struct ledger *ledger, uint32_t shares)
{
    memset(ledger, 0, sizeof(*ledger));
    ledger->magic = LEDGER_MAGIC;
    ledger->shares = shares;
}

static void strike_out(struct ledger_entry *entry)
{
    entry->pid = 0;
    entry->share = 0;
    entry->ticks = 0;
}

void ledger_count(struct ledger *ledger, uint32_t shares, uint32_t *ret_counts, ledger_is_alive *is_alive)
{
    memset(ret_counts, 0, shares * sizeof(*ret_counts));
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++) {
        struct ledger_entry *entry = &ledger->entries[i];
        if (!entry->pid)
            continue;
        if (entry->share >= shares || !is_alive(entry->pid, entry->ticks))
            strike_out(entry);
        else
            ret_counts[entry->share]++;
    }
}

static uint32_t fewest(const uint32_t *counts, const uint32_t *sizes, uint32_t shares)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < shares; i++) /* processes for each CPU */
        if ((uint64_t)counts[i] * sizes[best] < (uint64_t)counts[best] * sizes[i])
            best = i;
    return best;
}

static uint32_t first_with_room(const uint32_t *counts, const uint32_t *sizes, uint32_t shares)
{
    for (uint32_t i = 0; i < shares; i++)
        if (counts[i] < sizes[i])
            return i;
    return fewest(counts, sizes, shares);
}

static uint32_t choose(struct ledger *ledger, enum process_distribution distribution, const uint32_t *counts,
                       const uint32_t *sizes, uint32_t shares)
{
    if (distribution == PROC_DIST_ROUND_ROBIN)
        return ledger->turn++ % shares;
    if (distribution == PROC_DIST_COMPACT)
        return first_with_room(counts, sizes, shares);
    return fewest(counts, sizes, shares);
}

static struct ledger_entry *entry_of(struct ledger *ledger, uint32_t pid)
{
    for (uint32_t i = 0; i < LEDGER_ENTRIES; i++)
        if (ledger->entries[i].pid == pid)
            return &ledger->entries[i];
    return NULL;
}

uint32_t ledger_claim(struct ledger *ledger, uint32_t pid, uint64_t ticks, enum process_distribution distribution,
                      uint32_t shares, const uint32_t *sizes, ledger_is_alive *is_alive, uint32_t *ret_index)
{
    uint32_t counts[LEDGER_SHARES], share;
    if (ledger->magic != LEDGER_MAGIC || ledger->shares != shares)
        begin_anew(ledger, shares);
    ledger_count(ledger, shares, counts, is_alive);
    struct ledger_entry *entry = entry_of(ledger, pid);
    if (entry && entry->ticks == ticks) { /* it went on as another program */
        *ret_index = (uint32_t)(entry - ledger->entries);
        return entry->share;
    }
    share = choose(ledger, distribution, counts, sizes, shares);
    if (!entry)
        entry = entry_of(ledger, 0);
    *ret_index = entry ? (uint32_t)(entry - ledger->entries) : LEDGER_ENTRIES;
    if (entry) {
        entry->share = share;
        entry->ticks = ticks;
        entry->pid = pid; /* last: an entry that was not finished is free */
    }
    return share;
}
