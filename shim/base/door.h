/*
 * door: the one table that the shim exports, `nodewise_door`, for libnodewise-api.so. The companion refers to it weakly,
 * so that the loader answers the question whether the shim is there.
 *
 * The two may be of different versions: a member is there where `size` reaches beyond it, members are only added at the
 * end, and another meaning of one raises `version`.
 *
 * Functions: any thread, signal-safe and errno kept, unless it says otherwise.
 */
#ifndef NODEWISE_SHIM_BASE_DOOR_H
#define NODEWISE_SHIM_BASE_DOOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOOR_VERSION 1u

/* What a worker of a pool has counted, relaxed. As struct segment_worker_counts of base/segment_layout.h. */
struct door_counts {
    uint64_t run, stolen[4], slept, woken;
};

/* A pool of the policy, as its program is to open it. Its workers are placed by the shim when they have their names. */
struct door_pool {
    uint32_t how, number; /* enum pool_size of policy/policy.h */
    uint32_t places;      /* cores of its CPUs, or CPUs where each hardware thread counts as one */
    uint32_t steal;       /* enum steal of policy/words.h */
    uint32_t spin_us, backlog;
};

/* What the policy says of an exchange. The workers that the library starts are placed by the shim when they have names. */
struct door_exchange {
    uint32_t how, number;        /* enum pool_size of policy/policy.h */
    uint32_t places;             /* as above, of the CPUs that it has for these workers */
    uint32_t spin_us;            /* UINT32_MAX: as the program says */
    uint64_t memory_limit, ring; /* bytes; 0: as the program says */
    char threads[32];            /* what the workers are called by */
    uint32_t transport;          /* enum exchange_transport of policy/words.h */
};

/* What a worker of an exchange tells of itself. */
struct door_peer {
    uint64_t slept, refused; /* since it told the last time */
    uint32_t channels;
};

/* What workers on one node have sent to those on another since it was told the last time. UINT32_MAX: of no known node. */
struct door_flow {
    uint32_t from, to;
    uint64_t messages, bytes;
    int64_t queued; /* how much more is in the rings, or less */
};

/* CPUs that a program has for one of its threads: bit i of word w is CPU (first_word + w) * 64 + i. */
struct door_place {
    const uint64_t *bits;
    uint32_t first_word, words;
};

struct nodewise_door {
    uint32_t size, version;
    /* The plan governs the process, also while a reload is under way. */
    bool (*governs)(void);
    /* false: the process has sandboxed itself, and no call that places anything may be made any more. */
    bool (*may_place)(void);
    /*
     * The CPUs that the process was started with, cut to `words` words, which are filled. Returns false, and fills nothing,
     * while the plan does not govern the process.
     */
    bool (*base_mask)(uint64_t *ret_bits, size_t words);
    /*
     * Between hold() and release() the shim leaves the calling thread's mask and memory policy alone, whatever it decides
     * meanwhile; release() carries that out. They nest. hold() may wait some milliseconds for a thread that is placing
     * this one. Not signal-safe.
     */
    void (*hold)(void);
    void (*release)(void);
    /* Memory for free(3) from the node's arena, as malloc(3); NULL: there is none for this thread, or no memory. */
    void *(*alloc_on)(uint32_t node, size_t size);
    /* false: the plan has no pool of that name, or does not govern the process. */
    bool (*find_pool)(const char *name, struct door_pool *ret_pool);
    /* What pools have done, for views: telemetry/pools.h says what each does. Not signal-safe but for the last. */
    uint32_t (*open_pool)(const char *name);
    void (*close_pool)(uint32_t pool);
    uint32_t (*enter_pool)(uint32_t pool, uint32_t node, bool guest);
    void (*leave_pool)(uint32_t worker);
    struct door_counts *(*pool_counts)(uint32_t worker);
    /*
     * Of these places the one whose CPUs have the fewest threads, of all the user's governed processes; of several the
     * first. The calling thread counts there from now on, and the caller is to pin it there. Returns the place's number; 0
     * while the plan does not govern the process. Not signal-safe.
     */
    uint32_t (*take_place)(const struct door_place *places, uint32_t count);
    /* false: the plan says nothing of an exchange of that name, or does not govern the process. */
    bool (*find_exchange)(const char *name, struct door_exchange *ret_exchange);
    /* What exchanges do, for views: telemetry/exchanges.h says what each does. One thread at a time; not signal-safe. */
    uint32_t (*open_exchange)(const char *name);
    void (*close_exchange)(uint32_t exchange);
    uint32_t (*enter_exchange)(uint32_t exchange, uint32_t node);
    void (*leave_exchange)(uint32_t peer);
    void (*tell_peer)(uint32_t peer, const struct door_peer *told);
    void (*tell_flow)(uint32_t exchange, const struct door_flow *told);
    /* So many messages from one thread to another since it was told the last time: they may belong together. As above. */
    void (*tell_hands)(uint32_t from_tid, uint32_t to_tid, uint64_t messages);
};

extern const struct nodewise_door nodewise_door;

/* Is the member there? door: not NULL. */
#define DOOR_HAS(door, member)                                                                                         \
    ((door)->version == DOOR_VERSION && (door)->size >= offsetof(struct nodewise_door, member) + sizeof((door)->member))

#endif
