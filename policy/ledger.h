/*
 * ledger: which process of a deployment has which share of the machine, in a file that the processes of one user share.
 *
 * A start costs the same however many processes live: the head counts the processes of each share, a chain of slots
 * leads from a pid to its slot, and free slots are a list. A process gives its slot back when it ends. One that was
 * killed does not: every start looks whether the next LEDGER_WINDOW slots' processes live, in turn, so deployments of
 * up to that many are always exact, and larger ones after a few starts.
 *
 * The file is read and written by functions of the caller, never mapped: who cuts it short must not end the others. It
 * may hold anything. Head and slots carry checks; where one fails, or where a writer died before it was done, the head
 * and the chains are made anew from the sound slots. A wrong ledger costs an even spread, nothing else.
 *
 * Writers hold a lock of the caller's. Pure but for the caller's functions; allocation-free, signal-safe.
 */
#ifndef NODEWISE_POLICY_LEDGER_H
#define NODEWISE_POLICY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"

#define LEDGER_MAGIC   UINT64_C(0x325244474c57444e) /* "NDWLGDR2" */
#define LEDGER_SHARES  256u                         /* more places than that are dealt out in groups */
#define LEDGER_BUCKETS 1024u
#define LEDGER_SLOTS   (1u << 17) /* living processes that have a slot */
#define LEDGER_WINDOW  64u        /* slots whose processes a start looks at */
#define LEDGER_NONE    UINT32_MAX

/* Where the parts of the file are. What lies between the head and the buckets is zero, for later versions. */
#define LEDGER_BUCKETS_AT 4096u /* uint32_t each: the first slot of the chain + 1, or 0 */
#define LEDGER_SLOTS_AT   (LEDGER_BUCKETS_AT + LEDGER_BUCKETS * 4u)

struct ledger_head {
    uint64_t magic;
    uint32_t shares;
    uint32_t turn;      /* of round_robin: shares given out, ever */
    uint32_t slots;     /* slots that were ever in use: the first ones */
    uint32_t used;      /* those in use now */
    uint32_t free_list; /* the first free slot below `slots`, + 1, or 0 */
    uint32_t hand;      /* the slot that the next start looks at first */
    uint32_t counts[LEDGER_SHARES];
    uint32_t busy; /* 1: a writer is not done */
    uint32_t reserved;
    uint64_t check; /* of everything before `busy` */
};

/* A process is known by pid and start time within its pid and time namespaces: containers may share the file. */
struct ledger_process {
    uint32_t pid;
    uint32_t since; /* s since 1970: when it got its slot */
    uint64_t ticks; /* start time, field 22 of /proc/PID/stat; 0: unknown */
    uint64_t space; /* names its namespaces */
};

struct ledger_slot {
    struct ledger_process process; /* pid 0: free */
    uint32_t share;
    uint32_t next; /* in its chain, or in the list of free slots, + 1; 0 ends both. Not part of `check`. */
    uint64_t reserved[3];
    uint64_t check;
};

_Static_assert(sizeof(struct ledger_slot) == 64, "layout of the file");
_Static_assert(sizeof(struct ledger_head) <= LEDGER_BUCKETS_AT, "layout of the file");

/* Memory that the functions work in. */
struct ledger_scratch {
    struct ledger_slot slots[LEDGER_WINDOW];
    uint32_t buckets[LEDGER_BUCKETS];
};

struct ledger_file {
    /* Returns the bytes read, fewer than `size` at the end of the file, or a negative errno. */
    long (*read)(void *context, uint64_t offset, void *ret_data, size_t size);
    int (*write)(void *context, uint64_t offset, const void *data, size_t size); /* 0, or a negative errno */
    void *context;
    struct ledger_scratch *scratch;
};

/* closely: with the process's start time, and not only by its pid. */
typedef bool ledger_is_alive(const struct ledger_process *process, bool closely);

/* Slots of processes that have ended, as ledger_look() found them. */
struct ledger_dead {
    uint32_t count, next_hand;
    uint32_t slots[LEDGER_WINDOW];
    uint64_t checks[LEDGER_WINDOW]; /* of the slots: another process may have got one in the meantime */
};

/*
 * Looks at the next slots. Needs no lock. seed: any number, another one for every process; of the processes that live
 * by their pid it chooses those whose start time is looked at.
 */
void ledger_look(const struct ledger_file *file, uint32_t seed, ledger_is_alive *is_alive,
                 struct ledger_dead *ret_dead);

struct ledger_deal {
    enum process_distribution distribution;
    uint32_t shares;
    const uint32_t *sizes; /* CPUs of each share, for compact, which fills one before the next */
    uint32_t share;        /* the one that the process has already (a reload), or LEDGER_NONE: it is to choose */
};

struct ledger_place {
    uint32_t share;
    uint32_t index; /* a small number that no other living process of the deployment has */
};

/* The share that the next process gets by the head's counts, which stay as they are. */
uint32_t ledger_choose(struct ledger_head *head, const struct ledger_deal *deal);

/*
 * The place of a process, now in the ledger: what it has already, else a new one. `dead` gives its slots back first.
 * -ENOSPC and other errors of writing: it has none.
 */
int ledger_claim(const struct ledger_file *file, const struct ledger_process *process, const struct ledger_deal *deal,
                 const struct ledger_dead *dead, struct ledger_place *ret_place);

/* Gives the slot of a process back. Where it has none, nothing changes. */
int ledger_release(const struct ledger_file *file, const struct ledger_process *process, uint32_t shares);

/*
 * Copies what is sound of `from`, which another process may be writing, to an empty file. Needs no lock on either.
 */
int ledger_copy(const struct ledger_file *from, const struct ledger_file *to, uint32_t shares);

/* Reads the head. -EUCLEAN: it is not sound, or not for that number of shares. */
int ledger_read_head(const struct ledger_file *file, uint32_t shares, struct ledger_head *ret_head);

/* What a slot's `check` must be. */
uint64_t ledger_check_slot(const struct ledger_slot *slot, uint32_t index);

#endif
