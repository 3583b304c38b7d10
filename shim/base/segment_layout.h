/*
 * segment_layout: the telemetry segment, byte for byte, as the shim writes it and as every view reads it.
 *
 * Each governed process has one file, PID.seg in a runtime folder (runtime_folder.h), or memory of its own where none
 * takes it (telemetry/store.h). The folder is the same user's, with mode 0700. root's folder has mode 0711, because root's plans lie in it and the daemons that root starts must be able
 * to read them. The process maps the file shared and keeps no descriptor. A reader maps it read-only and neither stops
 * nor asks the program. A regular end removes the file, unless a report was requested and could not be written. After
 * kill -9 the file stays; a reader recognises it by a pid that does not exist or has another start time.
 *
 * The file describes itself: the header gives the offset, record size and capacity of each section, so a reader of
 * another version can find its way or refuse with a clear message. New fields are only added at the end of a record.
 *
 * Consistency: `seq` guards a thread record. It is odd while the record is being written; the reader then retries a
 * bounded number of times and finally shows the record as "changing". Counters are relaxed atomics. Only the owning
 * process writes, with the exception of one word (request_wanted). A forked child never writes its parent's segment.
 */
#ifndef NODEWISE_SHIM_BASE_SEGMENT_LAYOUT_H
#define NODEWISE_SHIM_BASE_SEGMENT_LAYOUT_H

#include <stdint.h>

#define SEGMENT_MAGIC      UINT64_C(0x314745535057444e) /* "NDWPSEG1" */
#define SEGMENT_VERSION    13u
#define SEGMENT_DIR_PREFIX "/dev/shm/nodewise." /* followed by the uid */
#define SEGMENT_SUFFIX     ".seg"
/* begins the name of a memfd with a segment for which there is no file; the errno that says why not ends it */
#define SEGMENT_MEMORY_NAME "nodewise-segment-"
#define RELOAD_SUFFIX       ".reload" /* beside the segment: a file with the path of a plan, see worker/request.h */

#define SEGMENT_WORKER "nodewise-worker" /* comm of the worker, which has no thread record */

#define SEGMENT_THREADS      3072u /* live threads that are listed; further ones are placed and counted, too */
#define SEGMENT_EVENTS       448u  /* capacity of the ring */
#define SEGMENT_STRINGS      8192u /* bytes of texts, each stored once; offset 0 is "" */
#define SEGMENT_REGIONS      256u  /* regions of the arenas */
#define SEGMENT_POOLS        16u   /* names of pools */
#define SEGMENT_WORKERS      1024u /* and their workers and guests that are listed */
#define SEGMENT_EXCHANGES    16u   /* names of exchanges */
#define SEGMENT_PEERS        1024u /* and their workers that are listed */
#define SEGMENT_FLOWS        512u  /* and pairs of nodes between which something was sent */
#define SEGMENT_ARENAS       384u  /* pairs of rule and region that allocated; further pairs count as the last one */
#define SEGMENT_STEPS        6u    /* number of values of enum step (policy/reason.h) */
#define SEGMENT_MASK_WORDS   64u   /* the first 4096 CPUs of the base mask are stored */
#define SEGMENT_REQUEST_PATH 512u
#define SEGMENT_SEEN_NODES   64u /* node ids that struct segment_seen tells apart */

/* why the kernel did not move memory (move_pages(2)) */
enum segment_kept {
    KEPT_SHARED,    /* other processes map the pages, too */
    KEPT_NODE_FULL, /* the target node has no free memory */
    KEPT_IN_USE,    /* pinned or under I/O at that moment */
    KEPT_REFUSED,   /* the whole call failed */
    SEGMENT_KEPT
};

enum segment_state {
    SEGMENT_STARTING,
    SEGMENT_ACTIVE,
    SEGMENT_STOPPED, /* the shim stopped placing for good (state_reason) */
    SEGMENT_ENDED,   /* the destructor of the library ran */
};

struct segment_section {
    uint32_t offset, record_size, capacity, reserved;
};

enum segment_section_id {
    SEGMENT_RULE_TABLE,
    SEGMENT_THREAD_TABLE,
    SEGMENT_EVENT_TABLE,
    SEGMENT_STRING_TABLE,
    SEGMENT_REGION_TABLE,   /* struct segment_region, by number; start 0: the region was never opened */
    SEGMENT_MAPPING_TABLE,  /* struct segment_mapping, by index in PLAN_MAPPING_RULES */
    SEGMENT_ARENA_TABLE,    /* struct segment_arena, in the order of first use; used 0 ends the table */
    SEGMENT_SEEN_TABLE,     /* one struct segment_seen */
    SEGMENT_POOL_TABLE,     /* struct segment_named; an empty name ends the table */
    SEGMENT_WORKER_TABLE,   /* struct segment_worker; pool 0 ends the table */
    SEGMENT_EXCHANGE_TABLE, /* struct segment_named; an empty name ends the table */
    SEGMENT_PEER_TABLE,     /* struct segment_peer; exchange 0 ends the table */
    SEGMENT_FLOW_TABLE,     /* struct segment_flow; exchange 0 ends the table */
    SEGMENT_SECTIONS
};

struct segment_header {
    uint64_t magic;
    uint32_t version, header_size;
    uint64_t total_size;
    uint32_t state;        /* enum segment_state */
    uint32_t state_reason; /* enum reason */
    uint32_t pid, ppid;
    uint64_t start_ticks; /* /proc/PID/stat field 22, tells a reused pid; 0 until the process makes its first thread */
    uint64_t start_realtime;  /* ns since 1970 */
    uint64_t start_monotonic; /* ns; event times are relative to it */
    uint64_t plan_checksum;
    uint32_t forked; /* 1: the process was made by fork without exec */
    uint32_t uid;
    uint32_t start_cost_ns; /* duration of the activation, from finding the plan to applying it */
    uint32_t reserved_start;
    struct segment_section sections[SEGMENT_SECTIONS];
    char comm[16];
    char exe[256]; /* may be empty until the process makes its first thread */
    char plan_path[256];
    uint64_t base_mask[SEGMENT_MASK_WORDS]; /* affinity of the process at its start */
    uint32_t base_mask_words;
    uint32_t strings_used; /* bytes */
    /* counters, relaxed */
    uint64_t threads_started, threads_ended, threads_unlisted;
    uint64_t events_written; /* head of the ring: event i is at i % capacity */
    uint64_t renames;
    uint64_t kernel_refusals; /* failed placing calls */
    /* memory that moved to the node of its users, see worker/worker.h */
    uint64_t bytes_moved, bytes_not_moved;
    /* requests of commands to the program, see worker/request.h; request_wanted is the word that commands write */
    uint32_t request_wanted; /* the command raises it after it has written its file */
    uint32_t request_done;   /* the last request that the process has handled */
    uint32_t reload_reason;  /* enum reason: outcome of the last reload */
    uint32_t reserved_request;
    uint64_t not_moved[SEGMENT_KEPT]; /* parts of bytes_not_moved, by enum segment_kept */
    uint32_t following;               /* 1: the worker looks for pages that should move */
    uint32_t follow_reason;           /* enum reason: why the worker never looks for such pages; 0 otherwise */
    /* for a segment in no file: what PID.reload would hold, or SURVEY_WANTED_SUFFIX; written before request_wanted is raised */
    char request_path[SEGMENT_REQUEST_PATH];
};

/* One record for each rule of the plan, then one for threads without a rule (base state). */
struct segment_rule {
    uint64_t placed;                    /* threads that the rule was ever given to */
    uint32_t live;                      /* live threads that have the rule */
    uint32_t strict, best_effort, none; /* outcomes of CPU placement, since the start */
    uint32_t mem_strict, mem_best_effort, mem_none;
    uint32_t renamed;              /* numbers that `rename` has assigned */
    uint32_t steps[SEGMENT_STEPS]; /* by enum step: which step placed the threads, since the start */
    uint32_t reserved;
};

enum segment_thread_state { THREAD_FREE, THREAD_STARTING, THREAD_LIVE, THREAD_ENDED };
enum segment_thread_flag {
    THREAD_FLAG_MAIN = 1 << 0,
    THREAD_FLAG_NAMED = 1 << 1,   /* has a name of its own */
    THREAD_FLAG_UNION = 1 << 2,   /* the main thread, with the union mask */
    THREAD_FLAG_CLAIMS = 1 << 3,  /* holds its slot exclusively */
    THREAD_FLAG_SHARED = 1 << 4,  /* shares its CPUs although the rule asks for exclusive ones */
    THREAD_FLAG_RENAMED = 1 << 5, /* the shim gave the thread its name */
    THREAD_FLAG_PROGRAM = 1 << 6, /* the program chose the mask, within the limits of the rule */
};

#define GOT_NO_POLICY UINT16_MAX

/* 80 bytes */
struct segment_thread {
    uint32_t seq;
    uint32_t tid;
    uint32_t creator_tid;
    uint32_t index; /* order of creation in the process; the main thread has 0 */
    char name[16];  /* the last name that the shim has read */
    uint16_t start_library, start_function, creator_library, creator_function; /* string offsets */
    uint16_t rule;                   /* index in the plan; 0xffff: base state */
    uint8_t state;                   /* enum segment_thread_state */
    uint8_t flags;                   /* enum segment_thread_flag */
    uint32_t slot;                   /* index in PLAN_SLOTS, or UINT32_MAX; for an ended thread the slot that it had */
    uint8_t cpu_outcome, cpu_reason; /* enum outcome, enum reason */
    uint8_t mem_outcome, mem_reason;
    uint8_t why; /* enum reason of the placement: BIRTH, RENAME, MAIN_UNION, … */
    uint8_t reserved;
    uint16_t got_cpus;  /* number of CPUs in the mask that was read back; 65535: that many or more */
    uint32_t born_ms;   /* after start_monotonic */
    uint16_t home_node; /* node id, or UINT16_MAX when the mask spans nodes */
    uint8_t stack_outcome, stack_reason;
    uint64_t got_nodes;      /* nodes below 64 of the memory policy that was read back */
    uint16_t got_policy;     /* the mode read back, with flags (get_mempolicy(2)); GOT_NO_POLICY: none was set */
    uint16_t got_more_nodes; /* 1: the policy also names nodes from 64 on */
    uint32_t reserved_policy;
};

enum segment_event_kind {
    EVENT_NONE,
    EVENT_START,    /* the process became governed; value: cost of the start-up in ns */
    EVENT_PLACED,   /* slot = value */
    EVENT_RENAMED,  /* text: the new name */
    EVENT_REFUSED,  /* a placing call failed: value = errno, text = the call */
    EVENT_NARROWED, /* the mask that was read back is smaller: value = its number of CPUs */
    EVENT_STOPPED,  /* reason */
    EVENT_CLAIMED,  /* the thread left CPUs that another thread claimed */
    EVENT_EXIT,
    EVENT_AFFINITY,  /* the program set an affinity: value = CPUs that it asked for, text = the calling library */
    EVENT_MEMPOLICY, /* the program set a memory policy: the same fields */
    EVENT_KINDS
};

/* 48 bytes */
struct segment_event {
    uint64_t number;  /* 1-based position in the stream; 0: never written, or being written */
    uint64_t time_ns; /* after start_monotonic */
    uint32_t tid;
    uint16_t kind; /* enum segment_event_kind */
    uint16_t rule; /* index in the plan, or 0xffff */
    uint32_t value;
    uint8_t outcome, reason;
    uint16_t reserved;
    char text[16];
};

/* A region of the arenas is the memory of one node. The program's pages in it are [start, start + usable). */
struct segment_region {
    uint64_t start;         /* address */
    uint64_t usable;        /* bytes from `start`; not all of them have been touched */
    uint64_t in_use, dirty; /* bytes: in use by pages and objects; free but resident */
    uint32_t node;          /* id; UINT32_MAX: the region is bound to no node */
    uint32_t heaps;
    uint8_t binding;                              /* 0 none, 1 preferred, 2 bind, 3 first touch */
    uint8_t bind_reason, huge_pages, huge_reason; /* enum reason; enum huge_pages as granted */
    uint32_t away_slices; /* slices of 64 KiB whose pages and objects the worker moved to the node of their users */
};

/* Totals of one mapping rule (a table of memory.regions) since the start. */
struct segment_mapping {
    uint64_t mappings, bytes;
    uint32_t strict, best_effort, none;
    uint32_t reason; /* enum reason: of the last mapping that was not granted in full */
};

/*
 * Counters of the threads of one rule in one region. They lag behind the program by some pages and are exact at its
 * end.
 */
struct segment_arena {
    uint32_t used; /* 0 free, 1 being written, 2 in use */
    uint32_t rule; /* index in the plan; UINT32_MAX: no rule */
    uint32_t region, reserved;
    uint64_t allocations, bytes; /* since the start; the bytes are rounded up to blocks */
    uint64_t remote_frees;       /* blocks that a thread of another heap freed, since the start */
    uint64_t overflows;          /* allocations that the region could not serve and the C library's allocator did */
};

/*
 * Where the program's sampled accesses found their pages, since the start (memory/seen.h). An access is local when its
 * page is on the node of the CPU that its thread ran on.
 *
 * Accesses are sampled in windows. A window stands for the time since the last one: the weights count its accesses
 * as many times as its length fits into that time (their unit is arbitrary). The sums of squares tell how much the
 * windows differ, and therefore how sure the shares are.
 */
struct segment_seen {
    uint64_t samples;       /* looks at a thread that placed at least one access */
    uint64_t local, remote; /* accesses of these looks */
    uint64_t unknown;       /* accesses to pages that the kernel did not place: not present, hidden by its balancing */
    uint64_t windows;       /* that have samples */
    uint64_t sampled_ns;    /* length of all windows */
    uint64_t weight;        /* sum over the windows of x: the accesses that a window stands for */
    uint64_t weight_local;  /* sum of y: the local ones of these */
    uint64_t xx, xy, yy;    /* sums of the products */
    uint64_t reserved[5];
    uint64_t served[SEGMENT_SEEN_NODES]; /* x by the page's node; ids above count as the highest */
};

/*
 * Pools (nodewise-pool.h) or exchanges (nodewise-exchange.h) of the C interface that have one name, those of a moment or one
 * after the other.
 */
struct segment_named {
    char name[16];
    uint32_t open;     /* of that name that are not closed */
    uint32_t unlisted; /* their workers, guests and pairs of nodes for which there was no record */
};

enum segment_tier { SEGMENT_TIER_L3, SEGMENT_TIER_NODE, SEGMENT_TIER_SOCKET, SEGMENT_TIER_REMOTE, SEGMENT_TIERS };

/* What a worker has counted, relaxed; a later one of the same pool and node goes on with it. */
struct segment_worker_counts {
    uint64_t run;                   /* tasks, */
    uint64_t stolen[SEGMENT_TIERS]; /* and those of them that came from there */
    uint64_t slept, woken;
};

struct segment_worker {
    uint16_t pool;  /* 1 + its index */
    uint8_t state;  /* enum segment_worker_state */
    uint8_t guests; /* 1: other threads that take part in loops, not a worker of the pool */
    uint32_t node;  /* id */
    struct segment_worker_counts counts;
};

enum segment_worker_state { WORKER_GONE, WORKER_LIVES };

/* A worker of an exchange. A later one of the same exchange and node goes on with what it has counted. */
struct segment_peer {
    uint16_t exchange; /* 1 + its index */
    uint8_t state;     /* enum segment_worker_state */
    uint8_t reserved;
    uint32_t node;     /* id, where it joined; UINT32_MAX: not known */
    uint32_t channels; /* that it has open */
    uint32_t reserved_channels;
    uint64_t slept, refused; /* refused: messages for which there was no room */
};

/*
 * What workers on one node have sent to workers of this process on another, or on the same. They tell when they go to sleep,
 * now and then when they do not, and when they end.
 */
struct segment_flow {
    uint16_t exchange; /* 1 + its index */
    uint16_t reserved;
    uint32_t from, to; /* node ids, or UINT32_MAX */
    uint32_t reserved_node;
    uint64_t messages, bytes; /* since the start; of bytes, as the rings hold them */
    uint64_t queued;          /* bytes in rings that are not taken yet, as one of their ends has seen it last */
};

_Static_assert(sizeof(struct segment_peer) == 32, "layout of the file");
_Static_assert(sizeof(struct segment_flow) == 40, "layout of the file");
_Static_assert(sizeof(struct segment_named) == 24, "layout of the file");
_Static_assert(sizeof(struct segment_worker) == 64, "layout of the file");
_Static_assert(sizeof(struct segment_seen) == 128 + SEGMENT_SEEN_NODES * 8, "layout of the file");
_Static_assert(sizeof(struct segment_region) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_arena) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_thread) == 80, "layout of the file");
_Static_assert(sizeof(struct segment_event) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_rule) == 72, "layout of the file");

#endif
