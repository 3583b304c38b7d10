#include "policy/board.h"

#include <errno.h>
#include <string.h>

#define CLOSE_LOOKS 2u /* processes of a window whose start time is looked at, too */

/* --- checks --- */

static uint64_t hash(uint64_t sum, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
        uint64_t word;
        memcpy(&word, bytes + i, sizeof(word));
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return sum;
}

static uint64_t check_of_head(const struct board *board)
{
    uint64_t sum = hash(1, &board->read.head, offsetof(struct board_head, busy));
    return hash(sum, board->read.sums, board->cpus * sizeof(*board->read.sums));
}

static uint64_t check_of_slot(const struct board *board, const struct board_slot *slot,
                              const struct board_threads *threads, uint32_t index)
{
    uint64_t sum = hash(index + UINT64_C(2), slot, offsetof(struct board_slot, check));
    return hash(sum, threads, board->cpus * sizeof(*threads));
}

/* --- the file --- */

static int read_all(const struct board_file *file, uint64_t offset, void *ret_data, size_t size)
{
    long count = file->read(file->context, offset, ret_data, size);
    if (count < 0)
        return (int)count;
    memset((char *)ret_data + count, 0, size - (size_t)count); /* an empty file, or one that was cut short */
    return 0;
}

static int write_head(const struct board_file *file, struct board *board)
{
    board->read.head.busy = 0;
    board->read.head.check = check_of_head(board);
    return file->write(file->context, 0, &board->read, BOARD_SLOTS_AT(board->cpus));
}

/* From here to write_head() the sums may not fit the slots. */
static int begin_writing(const struct board_file *file)
{
    const uint32_t busy = 1;
    return file->write(file->context, offsetof(struct board_head, busy), &busy, sizeof(busy));
}

static bool is_used(const struct board *board, uint32_t index)
{
    return board->read.head.used[index / 64] >> index % 64 & 1;
}

/* Reads a slot into board->other. false: it is not sound. */
static bool read_slot(const struct board_file *file, struct board *board, uint32_t index, int *ret_error)
{
    *ret_error = read_all(file, BOARD_SLOT_AT(board->cpus, index), &board->other, BOARD_SLOT_SIZE(board->cpus));
    return !*ret_error && board->other.slot.process.pid &&
           board->other.slot.check == check_of_slot(board, &board->other.slot, board->other.threads, index);
}

/* --- the sums --- */

static void add(struct board *board, const struct board_threads *threads)
{
    for (uint32_t i = 0; i < board->cpus; i++) {
        board->read.sums[i].all += threads[i].all;
        board->read.sums[i].tight += threads[i].tight;
    }
}

static uint64_t less(uint64_t sum, uint64_t part)
{
    return sum > part ? sum - part : 0;
}

static void subtract(struct board *board, const struct board_threads *threads)
{
    for (uint32_t i = 0; i < board->cpus; i++) {
        board->read.sums[i].all = less(board->read.sums[i].all, threads[i].all);
        board->read.sums[i].tight = less(board->read.sums[i].tight, threads[i].tight);
    }
}

/* The head from all slots that are sound. */
static int make_anew(const struct board_file *file, struct board *board)
{
    struct board_head *head = &board->read.head;
    int error = 0;
    memset(&board->read, 0, BOARD_SLOTS_AT(board->cpus));
    head->magic = BOARD_MAGIC;
    head->cpus = board->cpus;
    for (uint32_t i = 0; i < BOARD_SLOTS && !error; i++) {
        if (read_slot(file, board, i, &error)) {
            head->used[i / 64] |= UINT64_C(1) << i % 64;
            add(board, board->other.threads);
        } else if (!error && file->read(file->context, BOARD_SLOT_AT(board->cpus, i), &board->other, 1) < 1) {
            break; /* the end of the file */
        }
    }
    return error ? error : write_head(file, board);
}

/* --- what a process does --- */

static void forget(struct board *board)
{
    board->index = BOARD_NONE;
    memset(&board->own, 0, BOARD_SLOT_SIZE(board->cpus));
}

/* Is the process's slot as it wrote it? */
static bool own_is_there(const struct board_file *file, const struct board *board, int *ret_error)
{
    struct board_slot slot;
    if (board->index == BOARD_NONE || !is_used(board, board->index))
        return false;
    *ret_error = read_all(file, BOARD_SLOT_AT(board->cpus, board->index), &slot, sizeof(slot));
    return !*ret_error && memcmp(&slot, &board->own.slot, sizeof(slot)) == 0;
}

int board_read(const struct board_file *file, struct board *board)
{
    int error = read_all(file, 0, &board->read, BOARD_SLOTS_AT(board->cpus));
    struct board_head *head = &board->read.head;
    if (!error && !head->magic && file->read(file->context, 0, head, 1) == 0) { /* an empty file */
        head->magic = BOARD_MAGIC;
        head->cpus = board->cpus;
        forget(board);
        return 0;
    }
    if (!error &&
        (head->magic != BOARD_MAGIC || head->cpus != board->cpus || head->busy || head->check != check_of_head(board)))
        error = make_anew(file, board);
    if (!error && !own_is_there(file, board, &error))
        forget(board);
    return error;
}

struct board_sum board_others(const struct board *board, uint32_t cpu)
{
    struct board_sum sum = {0, 0};
    if (cpu >= board->cpus)
        return sum;
    sum.all = less(board->read.sums[cpu].all, board->own.threads[cpu].all);
    sum.tight = less(board->read.sums[cpu].tight, board->own.threads[cpu].tight);
    if (sum.all > BOARD_MOST)
        sum.all = BOARD_MOST;
    if (sum.tight > sum.all)
        sum.tight = sum.all;
    return sum;
}

bool board_is_empty(const struct board *board)
{
    for (uint32_t i = 0; i < BOARD_SLOTS / 64; i++)
        if (board->read.head.used[i])
            return false;
    return true;
}

/* Is the slot one of a process that ended, or what this process had before it became another program? */
static bool is_over(const struct board *board, uint32_t index, bool closely, ledger_is_alive *is_alive)
{
    const struct ledger_process *process = &board->other.slot.process;
    if (index == board->index)
        return false;
    if (process->pid == board->self.pid && process->space == board->self.space)
        return true;
    return !is_alive(process, closely);
}

static int give_back(const struct board_file *file, struct board *board, uint32_t index)
{
    const struct board_slot none = {0};
    board->read.head.used[index / 64] &= ~(UINT64_C(1) << index % 64);
    subtract(board, board->other.threads);
    return file->write(file->context, BOARD_SLOT_AT(board->cpus, index), &none, sizeof(none));
}

int board_look(const struct board_file *file, struct board *board, ledger_is_alive *is_alive)
{
    uint32_t first = board->read.head.hand % BOARD_SLOTS, seen = 0, i = 0;
    int error = 0;
    bool changed = false;
    for (; i < BOARD_SLOTS && seen < BOARD_WINDOW && !error; i++) {
        uint32_t index = (first + i) % BOARD_SLOTS;
        if (!board->read.head.used[index / 64] && index % 64 == 0) {
            i += 63;
            continue;
        }
        if (!is_used(board, index))
            continue;
        bool sound = read_slot(file, board, index, &error);
        bool closely = (seen++ + board->self.pid) % BOARD_WINDOW < CLOSE_LOOKS;
        if (error || (sound && !is_over(board, index, closely, is_alive)))
            continue;
        if (!sound) /* a damaged slot: what it has of the sums is not known */
            return make_anew(file, board);
        if (!changed)
            error = begin_writing(file);
        changed = true;
        if (!error)
            error = give_back(file, board, index);
    }
    board->read.head.hand = (first + i) % BOARD_SLOTS;
    return error || !changed ? error : write_head(file, board);
}

static uint32_t free_slot(const struct board *board)
{
    for (uint32_t i = 0; i < BOARD_SLOTS / 64; i++)
        if (~board->read.head.used[i])
            return i * 64 + (uint32_t)__builtin_ctzll(~board->read.head.used[i]);
    return BOARD_NONE;
}

static int leave(const struct board_file *file, struct board *board)
{
    const struct board_slot none = {0};
    uint32_t index = board->index;
    if (index == BOARD_NONE)
        return 0;
    int error = begin_writing(file);
    if (!error)
        error = file->write(file->context, BOARD_SLOT_AT(board->cpus, index), &none, sizeof(none));
    if (error)
        return error;
    board->read.head.used[index / 64] &= ~(UINT64_C(1) << index % 64);
    subtract(board, board->own.threads);
    forget(board);
    return write_head(file, board);
}

int board_write(const struct board_file *file, struct board *board, const struct board_threads *threads)
{
    size_t size = board->cpus * sizeof(*threads);
    if (!threads)
        return leave(file, board);
    if (board->index != BOARD_NONE && memcmp(threads, board->own.threads, size) == 0)
        return 0;
    uint32_t index = board->index != BOARD_NONE ? board->index : free_slot(board);
    if (index == BOARD_NONE)
        return -ENOSPC;
    int error = begin_writing(file);
    if (error)
        return error;
    subtract(board, board->own.threads); /* all 0 without a slot */
    memcpy(board->own.threads, threads, size);
    board->own.slot = (struct board_slot){.process = board->self};
    board->own.slot.check = check_of_slot(board, &board->own.slot, threads, index);
    error = file->write(file->context, BOARD_SLOT_AT(board->cpus, index), &board->own, BOARD_SLOT_SIZE(board->cpus));
    if (error) { /* the head still says that a writer is not done: the next process makes it anew */
        forget(board);
        return error;
    }
    add(board, threads);
    board->index = index;
    board->read.head.used[index / 64] |= UINT64_C(1) << index % 64;
    return write_head(file, board);
}
