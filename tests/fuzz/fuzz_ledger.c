/*
 * Bytes as damage to a ledger: three each say where and what. The ledger then has to give out shares that there are, in a
 * bounded number of steps, to count every new process once, and to be sound afterwards.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/ledger.h"
#include "tests/file_in_memory.h"

#define SHARES    5u
#define PROCESSES 40u
#define ROOM      (LEDGER_SLOTS_AT + 4096u * (uint32_t)sizeof(struct ledger_slot))
#define MOST_IO   4000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char data_of_store[ROOM];
static struct file_in_memory store = {.data = data_of_store, .room = ROOM, .until_death = ~0ul};
static struct ledger_scratch scratch;
static const struct ledger_file file = {file_in_memory_read, file_in_memory_write, &store, &scratch};

static bool is_alive(const struct ledger_process *process, bool closely)
{
    return process->pid % 3 != 0 && (!closely || process->ticks == 1);
}

static void claim(uint32_t pid)
{
    static const uint32_t sizes[SHARES] = {1, 1, 2, 1, 1};
    struct ledger_deal deal = {pid % 2 ? PROC_DIST_LEAST_LOADED : PROC_DIST_COMPACT, SHARES, sizes, LEDGER_NONE};
    struct ledger_process process = {.pid = pid, .since = 1, .ticks = 1, .space = 1};
    struct ledger_place place;
    struct ledger_dead dead;
    ledger_look(&file, pid, is_alive, &dead);
    int error = ledger_claim(&file, &process, &deal, &dead, &place);
    if (error ? error != -ENOSPC : place.share >= SHARES)
        abort();
}

static void damage(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 3 <= size; i += 3) {
        uint32_t at = (uint32_t)(data[i] << 8 | data[i + 1]);
        if (at == 0xffff)
            store.size = data[i + 2] * (store.size / 256); /* cut short */
        else
            store.data[at % (uint32_t)(sizeof(struct ledger_head) * 2 + PROCESSES * sizeof(struct ledger_slot)) +
                       (at & 1   ? LEDGER_SLOTS_AT
                        : at & 2 ? LEDGER_BUCKETS_AT
                                 : 0)] = (char)data[i + 2];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ledger_head head;
    memset(data_of_store, 0, ROOM);
    store.size = 0;
    for (uint32_t pid = 1; pid <= PROCESSES; pid++)
        claim(pid);
    damage(data, size);
    for (uint32_t pid = 100; pid <= 140; pid++) {
        store.reads = store.writes = 0;
        claim(pid);
        if (store.reads + store.writes > MOST_IO)
            abort();
    }
    if (ledger_read_head(&file, SHARES, &head) != 0)
        abort();
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SHARES; i++)
        sum += head.counts[i];
    if (sum != head.used)
        abort();
    struct ledger_process last = {.pid = 140, .since = 1, .ticks = 1, .space = 1};
    if (ledger_release(&file, &last, SHARES) != 0)
        abort();
    return 0;
}
