/*
 * board: how many threads each CPU has, of all governed processes of a user, in a file that these share. A process takes
 * what the others have there into account when it chooses places, and writes down what it has itself.
 *
 * The head has the sums for each CPU, so looking costs the same however many processes there are. Each process has a
 * slot with its own part of the sums: it changes that, and takes it back at its end. One that was killed does not: every
 * process looks, once, whether the next BOARD_WINDOW slots' processes live.
 *
 * As with the ledger (policy/ledger.h), the file is read and written by functions of the caller, never mapped, and may
 * hold anything. Head and slots carry checks; where the head's fails, or where a writer died before it was done, it is made
 * anew from the sound slots. A wrong board costs an even spread, nothing else.
 *
 * The caller holds a lock of its own. Pure but for the caller's functions; allocation-free, signal-safe.
 */
#ifndef NODEWISE_POLICY_BOARD_H
#define NODEWISE_POLICY_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/ledger.h"

#define BOARD_NAME   "occupancy" /* of the file */
#define BOARD_MAGIC  UINT64_C(0x3144524157444e42)
#define BOARD_CPUS   8192u /* CPUs with higher numbers are not on the board */
#define BOARD_SLOTS  4096u /* processes that have a slot */
#define BOARD_WINDOW 64u   /* slots whose processes a process looks at */
#define BOARD_NONE   UINT32_MAX
#define BOARD_MOST   (256 * UINT64_C(720720)) /* threads on a CPU, in parts, that are believed */

/* Threads on a CPU in parts, as in policy/occupancy.h. */
struct board_threads {
    uint32_t all, tight;
};

struct board_sum {
    uint64_t all, tight;
};

struct board_head {
    uint64_t magic;
    uint32_t cpus;
    uint32_t hand; /* the slot that the next process looks at first */
    uint64_t used[BOARD_SLOTS / 64];
    uint32_t busy; /* 1: a writer is not done */
    uint32_t reserved;
    uint64_t check; /* of everything before `busy`, and of the sums */
};

struct board_slot {
    struct ledger_process process;
    uint64_t reserved[3];
    uint64_t check; /* of everything before, the numbers behind it, and the slot's index */
};

_Static_assert(sizeof(struct board_slot) == 56, "layout of the file");

/* The file is the head, the sums of each CPU, and the slots, each with the numbers of its process for each CPU. */
#define BOARD_SUMS_AT          sizeof(struct board_head)
#define BOARD_SLOTS_AT(cpus)   (BOARD_SUMS_AT + (uint64_t)(cpus) * sizeof(struct board_sum))
#define BOARD_SLOT_SIZE(cpus)  (sizeof(struct board_slot) + (uint64_t)(cpus) * sizeof(struct board_threads))
#define BOARD_SLOT_AT(cpus, i) (BOARD_SLOTS_AT(cpus) + (uint64_t)(i)*BOARD_SLOT_SIZE(cpus))

struct board_file {
    /* Returns the bytes read, fewer than `size` at the end of the file, or a negative errno. */
    long (*read)(void *context, uint64_t offset, void *ret_data, size_t size);
    int (*write)(void *context, uint64_t offset, const void *data, size_t size); /* 0, or a negative errno */
    void *context;
};

/* What a process knows of the board. Zeroed but for `cpus`, `self` and `index` (BOARD_NONE) at first. */
struct board {
    uint32_t cpus;  /* at most BOARD_CPUS */
    uint32_t index; /* of the process's slot, or BOARD_NONE */
    struct ledger_process self;
    struct {
        struct board_head head; /* as they lie in the file */
        struct board_sum sums[BOARD_CPUS];
    } read;
    struct {
        struct board_slot slot;
        struct board_threads threads[BOARD_CPUS];
    } own, other; /* the process's slot as it wrote it last; room for another one's */
};

/*
 * Reads the board, and makes it anew where it is not sound. A slot of the process that is gone is forgotten. 0, or a
 * negative errno of the caller's functions: there is no board.
 */
int board_read(const struct board_file *file, struct board *board);

/* The threads of other processes on a CPU, after board_read(). */
struct board_sum board_others(const struct board *board, uint32_t cpu);

/* Has no process a slot, as the board was read or written last? */
bool board_is_empty(const struct board *board);

/* Takes back what processes that ended have on the board, and what this one had as another program. */
int board_look(const struct board_file *file, struct board *board, ledger_is_alive *is_alive);

/*
 * Writes what the process has now, `cpus` numbers, after board_read(). NULL: nothing any more, its slot is given back.
 * 0; -ENOSPC: all slots are taken; an error of the caller's functions.
 */
int board_write(const struct board_file *file, struct board *board, const struct board_threads *threads);

#endif
