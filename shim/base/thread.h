/*
 * thread: the shim's record of one thread, and the pool of these records.
 *
 * Lifetime: the creator takes a record and hands it to the new thread through pthread_create. The record is given back
 * when the start routine of the thread is over. A thread that changes a record owns `busy`. No thread ever waits for
 * it: a thread that finds the record busy leaves its work in `work`, and the owner does that work before it gives the
 * record back (enum thread_work). A signal handler that interrupts an owner, or a thread that names another thread,
 * therefore cannot block.
 *
 * The pool is lock-free and never shrinks. It allocates nothing until its first 1024 records are in use. It hands out
 * the records of a node in a circle, so the entries of ended threads stay readable in the segment for as long as
 * possible.
 */
#ifndef NODEWISE_SHIM_BASE_THREAD_H
#define NODEWISE_SHIM_BASE_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/match.h"
#include "policy/pick.h"
#include "shim/base/segment_layout.h"

struct heap;

/* what the shim has set the thread's mask, or memory policy, to */
enum standing {
    STANDING_BASE,
    STANDING_UNION, /* CPUs only: the union mask of the main thread */
    STANDING_RULE,
    STANDING_PROGRAM, /* set by the program's own call, as far as the rule allows it */
    STANDING_UNKNOWN, /* created by a thread that passed no hook */
};

/* bits of struct thread.work */
enum thread_work {
    WORK_NAME = 1 << 0,   /* new_name was set: match again */
    WORK_CLAIMS = 1 << 1, /* another thread claimed CPUs: compute the mask again */
    WORK_MEMORY = 1 << 2, /* a memory policy is pending; only the thread itself can set it */
    WORK_ORDER = 1 << 3,  /* compare the place with those of the other threads of the rule, see order.h */
    WORK_END = 1 << 4,    /* the thread is over */
    WORK_MATCH = 1 << 5,  /* the facts about the process changed: match again */
    WORK_CHECK = 1 << 6,  /* check that the thread still has the CPUs that it was given */
    WORK_MASK = 1 << 7,   /* the program gave it CPUs: decide what of that stays */
    WORK_ARRIVE = 1 << 8, /* a reload has chosen its place while the thread held the record: carry it out */
};

/* A stack that the C library or the kernel made. end 0: the stack is the program's own, or unknown. */
struct stack_area {
    uintptr_t end;
    size_t size;
};

/* Blocks of a heap that another thread has freed, see arena/remote.h. A new thread may find those of its predecessor. */
struct freed_for {
    _Atomic(const struct heap *) owner;
    _Atomic uint64_t blocks;
};

#define FREED_FOR 4u

struct thread {
    _Atomic uint32_t state; /* enum segment_thread_state */
    _Atomic uint32_t busy;  /* 1: a thread owns the record */
    _Atomic uint32_t work;  /* enum thread_work */
    _Atomic uint32_t tid;   /* 0 until the thread has registered */
    /* of an ended thread: its tid, its end in ms after start_monotonic, and its process, which may be an ancestor */
    _Atomic uint32_t left_tid, left_ms, left_pid;
    uint32_t number; /* position in the pool, and of the thread's record in the segment */
    uint32_t index;  /* order of creation in the process */
    uint32_t creator_tid;
    uint32_t early_masks;     /* arbitrate_early() when the record was taken */
    uint32_t early_adoptions; /* place_adoptions() when the record was taken */
    uint32_t early_names;     /* place.c's counter when the record was taken */
    uint32_t creator_slot;    /* or PLAN_NONE */
    uint32_t rule;            /* or PLAN_NONE */
    struct pick pick;         /* valid when holds_pick */
    struct occupancy_pin pin; /* the CPUs on which it is counted when it chose them itself, see counted.h */
    bool holds_pick;
    uint32_t ticket;   /* time of the pick, see order.h */
    bool ordered;      /* the thread came to its rule by its first name */
    bool named_before; /* the thread has been renamed at least once */
    bool main;
    bool mask_by_attribute; /* pthread_attr_setaffinity_np(3) */
    bool given_mask;        /* during placement at birth: the program may already have given the thread a mask */
    bool chosen;            /* the thread's mask is what the program's last call left it with */
    bool reads_own;    /* the program asked for a mask other than what cpu_count tells: it reads the kernel's answer */
    bool chose_mask;   /* during placement of main: it has a mask that the program chose, before exec or fork */
    bool chose_memory; /* the same for its memory policy */
    bool adopted;      /* no hook saw the birth, and no hook will see the end */
    bool unnamed;
    uint8_t cpus, memory; /* enum standing: the current state, which at first is inherited */
    uint8_t flags;        /* enum segment_thread_flag */
    uint8_t cpu_outcome, cpu_reason, memory_outcome, memory_reason, stack_outcome, stack_reason, why;
    bool got_more_nodes;
    uint16_t got_cpus;
    uint16_t got_policy; /* with got_nodes, got_more_nodes: as in struct segment_thread */
    uint64_t got_nodes;
    bool borrows; /* clone(2) copied a policy that the creator had for the stack's sake; the next two were its own */
    uint16_t lender_mode;
    uint64_t lender_nodes;    /* of the first 64 nodes; a creator whose policy names others lends nothing */
    _Atomic bool rehomes;     /* the thread's heap has to follow it to its new node, see arena/arena.h */
    uintptr_t thread_pointer; /* address of its thread block */
    size_t stack_size; /* requested size of a stack that glibc makes; 0: the program's own stack, or not needed */
    uint64_t placed_at, measured_at; /* monotonic ns: when the thread came to its place; when its load was last read */
    uint64_t busy_ns, ran_ns;        /* run and waited, and run alone, at that reading */
    uint32_t load;                   /* thousandths of a CPU, see rebalance.c */
    uint32_t memory_node;            /* the first of the slot's memory nodes */
    uint32_t old_home;               /* during a reload: the home node before it */
    bool reloading;                  /* the worker owns the record during a reload */
    uint32_t holds;        /* how often the thread itself holds its record, see place/hold.h; the next says who */
    _Atomic uint32_t held; /* has it now, enum held in hold.c */
    uint32_t home_node, born_ms;
    uint16_t start_library, start_function, creator_library, creator_function; /* texts.h */
    uint16_t frames;
    uint16_t stack_library[FACTS_MAX_FRAMES], stack_function[FACTS_MAX_FRAMES];
    char name[16], creator_name[16];
    _Atomic uint64_t new_name[2]; /* the name to match again with, 16 bytes */
    _Atomic uint32_t new_name_tid;
    union {
        void *(*posix)(void *);
        int (*c11)(void *);
    } start;
    void *argument;
    const void *created_by;                /* return address of the creating call */
    _Atomic(struct heap *) heap;           /* the heap that the thread borrowed last, see shim/arena/ */
    struct freed_for freed_for[FREED_FOR]; /* by address of the owner; a new one takes another's place */
};

/* The record of the calling thread. NULL for threads that passed no hook. initial-exec: safe in signal handlers. */
extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));

/* The calling thread is in a function of libc that makes or ends threads: it may hold libc's lock of stacks, and free. */
extern __thread bool thread_in_libc __attribute__((tls_model("initial-exec")));

/*
 * What an object remembers of the thread that made it: the tid, or 0; the rule's number in 16 bits, UINT16_MAX for
 * none.
 */
static inline uint32_t thread_maker(void)
{
    return thread_self ? atomic_load_explicit(&thread_self->tid, memory_order_relaxed) : 0;
}

static inline uint16_t thread_short_rule(uint32_t rule)
{
    return rule < UINT16_MAX ? (uint16_t)rule : UINT16_MAX;
}

/* The kernel's number of the calling thread. */
pid_t thread_own_tid(void);
/* Milliseconds after start_monotonic: the unit of a thread's birth and end. */
uint32_t thread_now_ms(void);

/* Takes a record. It is in state STARTING, busy and otherwise cleared. NULL when memory is short. */
struct thread *thread_take(void);
/* Gives an owned record back. state: THREAD_FREE when no thread was made, else THREAD_ENDED. */
void thread_give(struct thread *thread, enum segment_thread_state state);
/* The record of a registered, live thread, or NULL. Searches the newest records first. */
struct thread *thread_find(pid_t tid);
/*
 * Visits the tids of threads that ended in the last ten seconds. The kernel may still list them while they run
 * destructors of their keys or exit. Threads whose record another thread has taken since are not visited.
 */
void thread_each_leaving(void (*visit)(uint32_t tid, void *context), void *context);
/* The number of records that are STARTING or LIVE. */
uint32_t thread_live_count(void);
/* Calls visit() for every record that is STARTING or LIVE. */
void thread_each(void (*visit)(struct thread *thread, void *context), void *context);
/* For a forked child: frees all records of threads that live, except `keep`, which may be NULL. */
void thread_forget_others(struct thread *keep);

#endif
