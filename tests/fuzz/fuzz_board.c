/*
 * Bytes as damage to a board: three each say where and what. Then each process has to see no more than is believed, in a
 * bounded number of steps, and the board has to be sound afterwards: what one writes, the others see.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/board.h"
#include "tests/file_in_memory.h"

#define CPUS      64u
#define PROCESSES 20u
#define ROOM      (1u << 18)
#define MOST_IO   20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char data_of_store[ROOM];
static struct file_in_memory store = {.data = data_of_store, .room = ROOM, .until_death = ~0ul};
static const struct board_file file = {file_in_memory_read, file_in_memory_write, &store};
static struct board boards[PROCESSES];

static bool is_alive(const struct ledger_process *process, bool closely)
{
    return process->pid % 3 != 0 && (!closely || process->ticks == 1);
}

/* Returns what the others have on a CPU. */
static uint64_t exchange(uint32_t process, uint32_t cpu)
{
    struct board_threads mine[CPUS] = {0};
    struct board *board = &boards[process];
    if (board_read(&file, board) != 0 || board_look(&file, board, is_alive) != 0)
        abort();
    for (uint32_t i = 0; i < CPUS; i++)
        if (board_others(board, i).all > BOARD_MOST || board_others(board, i).tight > board_others(board, i).all)
            abort();
    uint64_t others = board_others(board, cpu).all;
    mine[cpu].all = 1;
    int error = board_write(&file, board, mine);
    if (error && error != -ENOSPC)
        abort();
    return others;
}

static void damage(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i + 3 <= size; i += 3) {
        uint32_t at = (uint32_t)(data[i] << 8 | data[i + 1]);
        if (at == 0xffff)
            store.size = data[i + 2] * (store.size / 256); /* cut short */
        else
            store.data[at] = (char)data[i + 2];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    memset(data_of_store, 0, ROOM);
    memset(boards, 0, sizeof(boards));
    store.size = 0;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        boards[i].cpus = CPUS;
        boards[i].index = BOARD_NONE;
        boards[i].self = (struct ledger_process){.pid = i + 1, .ticks = 1, .space = 1};
    }
    for (uint32_t i = 0; i < PROCESSES / 2; i++)
        exchange(i, i % 8);
    damage(data, size);
    for (uint32_t i = 0; i < PROCESSES; i++) {
        store.reads = store.writes = 0;
        exchange(i, i % 8);
        if (store.reads + store.writes > MOST_IO)
            abort();
    }
    for (uint32_t i = 0; i < PROCESSES; i++) {
        if (board_read(&file, &boards[i]) != 0 || board_write(&file, &boards[i], NULL) != 0)
            abort();
    }
    return 0;
}
