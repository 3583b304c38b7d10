/*
 * layout: the telemetry segment, byte for byte: what the shim writes and what every view reads.
 *
 * One file for each governed process: /dev/shm/nodewise.UID/PID.seg, mode 0600, in a folder 0700 of the same
 * user (root: 0711, because plans of root lie beside it and must be readable by the daemons that root starts).
 * The process maps it shared and keeps no descriptor; a reader maps it read-only, without stopping or asking
 * the program. A regular end removes it (unless a report was asked for and could not be written); after
 * kill -9 it stays, and a reader knows it by a pid that is gone or has another start time.
 *
 * Self-describing: the header gives each section's offset, record size and capacity, so a reader of another
 * version can find its way or refuse with a clear word. A record's fields only ever grow at the end.
 *
 * Consistency: a thread record is guarded by `seq` (odd while it is being written; the reader retries, at
 * most a bounded number of times, and then shows the record as "changing"). Counters are relaxed atomics.
 * Only the owning process writes, but for one word. A forked child never writes its parent's segment.
 */
#ifndef NODEWISE_SHIM_BASE_SEGMENT_LAYOUT_H
#define NODEWISE_SHIM_BASE_SEGMENT_LAYOUT_H

#include <stdint.h>

#define SEGMENT_MAGIC      UINT64_C(0x314745535057444e) /* "NDWPSEG1" */
#define SEGMENT_VERSION    9u
#define SEGMENT_DIR_PREFIX "/dev/shm/nodewise." /* + uid */
#define SEGMENT_SUFFIX     ".seg"
#define RELOAD_SUFFIX      ".reload" /* beside it: the path of a plan, see worker/request.h */

#define SEGMENT_WORKER "nodewise-worker" /* comm of the worker, the library's own thread: it has no record */

#define SEGMENT_THREADS    3072u /* live threads listed; more are placed and counted but not listed */
#define SEGMENT_EVENTS     448u  /* ring */
#define SEGMENT_STRINGS    8192u /* bytes of interned texts; offset 0 is "" */
#define SEGMENT_REGIONS    256u  /* of the arenas */
#define SEGMENT_ARENAS     384u  /* pairs of rule and region that have allocated; further ones are added to the last */
#define SEGMENT_STEPS      6u    /* of enum step (policy/reason.h) */
#define SEGMENT_MASK_WORDS 64u   /* 4096 CPUs of the base mask are shown */

/* why memory could not be moved (move_pages(2)) */
enum segment_kept {
    KEPT_SHARED,    /* other processes have the pages as well */
    KEPT_NODE_FULL, /* no free memory on the node that they were to go to */
    KEPT_IN_USE,    /* pinned, or under I/O, at that moment */
    KEPT_REFUSED,   /* the call failed as a whole */
    SEGMENT_KEPT
};

enum segment_state {
    SEGMENT_STARTING,
    SEGMENT_ACTIVE,
    SEGMENT_STOPPED, /* placing stopped for good (state_reason) */
    SEGMENT_ENDED,   /* the destructor ran */
};

struct segment_section {
    uint32_t offset, record_size, capacity, reserved;
};

enum segment_section_id {
    SEGMENT_RULE_TABLE,
    SEGMENT_THREAD_TABLE,
    SEGMENT_EVENT_TABLE,
    SEGMENT_STRING_TABLE,
    SEGMENT_REGION_TABLE,  /* struct segment_region, by number; start 0: never opened */
    SEGMENT_MAPPING_TABLE, /* struct segment_mapping, by index in PLAN_MAPPING_RULES */
    SEGMENT_ARENA_TABLE,   /* struct segment_arena, in the order of first use; used 0: the end */
    SEGMENT_SECTIONS
};

struct segment_header {
    uint64_t magic;
    uint32_t version, header_size;
    uint64_t total_size;
    uint32_t state;        /* enum segment_state */
    uint32_t state_reason; /* enum reason */
    uint32_t pid, ppid;
    uint64_t start_ticks;     /* /proc/PID/stat field 22: tells a reused pid; 0 until the first thread is made */
    uint64_t start_realtime;  /* ns since 1970 */
    uint64_t start_monotonic; /* ns, the zero of all event times */
    uint64_t plan_checksum;
    uint32_t forked; /* 1: made by fork without exec */
    uint32_t uid;
    uint32_t start_cost_ns; /* what activation took, from the moment the plan was found to apply */
    uint32_t reserved_start;
    struct segment_section sections[SEGMENT_SECTIONS];
    char comm[16];
    char exe[256]; /* may be empty until the first thread is made */
    char plan_path[256];
    uint64_t base_mask[SEGMENT_MASK_WORDS]; /* affinity found at the start */
    uint32_t base_mask_words;
    uint32_t strings_used; /* bytes */
    /* counters, relaxed */
    uint64_t threads_started, threads_ended, threads_unlisted;
    uint64_t events_written; /* the ring's head: event i is at i % capacity */
    uint64_t renames;
    uint64_t kernel_refusals; /* placing calls that failed */
    /* memory that follows its users, see worker/worker.h */
    uint64_t bytes_moved, bytes_not_moved;
    /* what commands ask of the running program, see worker/request.h; the one word that others write */
    uint32_t request_wanted; /* raised by the command, when it has left its file */
    uint32_t request_done;   /* the last one that was looked at */
    uint32_t reload_reason;  /* enum reason: what became of the last change of the plan */
    uint32_t reserved_request;
    uint64_t not_moved[SEGMENT_KEPT]; /* of bytes_not_moved, by enum segment_kept */
    uint32_t following;               /* 1: the worker looks for pages that should move */
    uint32_t follow_reason;           /* enum reason: why the worker never will; 0 otherwise */
};

/* Per rule of the plan, then one more record for "no rule" (base state). */
struct segment_rule {
    uint64_t placed;                    /* threads that the rule ever got */
    uint32_t live;                      /* threads in it now */
    uint32_t strict, best_effort, none; /* outcome of CPU placement, ever */
    uint32_t mem_strict, mem_best_effort, mem_none;
    uint32_t renamed;              /* numbers given out by `rename` */
    uint32_t steps[SEGMENT_STEPS]; /* by enum step: what threads got when they were placed, ever */
    uint32_t reserved;
};

enum segment_thread_state { THREAD_FREE, THREAD_STARTING, THREAD_LIVE, THREAD_ENDED };
enum segment_thread_flag {
    THREAD_FLAG_MAIN = 1 << 0,
    THREAD_FLAG_NAMED = 1 << 1,   /* has a name of its own */
    THREAD_FLAG_UNION = 1 << 2,   /* main with the union mask */
    THREAD_FLAG_CLAIMS = 1 << 3,  /* holds its slot exclusively */
    THREAD_FLAG_SHARED = 1 << 4,  /* its CPUs are shared although exclusive was asked */
    THREAD_FLAG_RENAMED = 1 << 5, /* we gave it its name */
    THREAD_FLAG_PROGRAM = 1 << 6, /* its mask is of the program's choosing, within what the rule allows */
};

#define GOT_NO_POLICY UINT16_MAX

/* 80 bytes */
struct segment_thread {
    uint32_t seq;
    uint32_t tid;
    uint32_t creator_tid;
    uint32_t index; /* creation order in the process, main = 0 */
    char name[16];  /* as last seen */
    uint16_t start_library, start_function, creator_library, creator_function; /* string offsets */
    uint16_t rule;                   /* index in the plan; 0xffff: base state */
    uint8_t state;                   /* enum segment_thread_state */
    uint8_t flags;                   /* enum segment_thread_flag */
    uint32_t slot;                   /* index in PLAN_SLOTS, or UINT32_MAX; of an ended thread: the one that it had */
    uint8_t cpu_outcome, cpu_reason; /* enum outcome, enum reason */
    uint8_t mem_outcome, mem_reason;
    uint8_t why; /* enum reason: BIRTH, RENAME, MAIN_UNION, … */
    uint8_t reserved;
    uint16_t got_cpus;  /* number of CPUs in the mask read back; 65535: more */
    uint32_t born_ms;   /* after start_monotonic */
    uint16_t home_node; /* node id, or UINT16_MAX when the mask spans nodes */
    uint8_t stack_outcome, stack_reason;
    uint64_t got_nodes;      /* of the memory policy read back: the nodes below 64 */
    uint16_t got_policy;     /* the mode read back, with its flags (get_mempolicy(2)); GOT_NO_POLICY: none was set */
    uint16_t got_more_nodes; /* 1: it names nodes from 64 on, too */
    uint32_t reserved_policy;
};

enum segment_event_kind {
    EVENT_NONE,
    EVENT_START,    /* the process was recognised; value: start-up cost in ns */
    EVENT_PLACED,   /* slot = value */
    EVENT_RENAMED,  /* text: the new name */
    EVENT_REFUSED,  /* a placing call failed: value = errno, text = the call */
    EVENT_NARROWED, /* read-back was smaller: value = CPUs got */
    EVENT_STOPPED,  /* reason */
    EVENT_CLAIMED,  /* moved off claimed CPUs */
    EVENT_EXIT,
    EVENT_AFFINITY,  /* the program's own call: value = CPUs it asked for, text = the library that asked */
    EVENT_MEMPOLICY, /* the same about the memory policy */
    EVENT_KINDS
};

/* 48 bytes */
struct segment_event {
    uint64_t number;  /* 1-based position in the stream; 0: never written or being written */
    uint64_t time_ns; /* after start_monotonic */
    uint32_t tid;
    uint16_t kind; /* enum segment_event_kind */
    uint16_t rule; /* or 0xffff */
    uint32_t value;
    uint8_t outcome, reason;
    uint16_t reserved;
    char text[16];
};

/* A region of the arenas: the memory of one node. The program's own pages in it are [start, start + usable). */
struct segment_region {
    uint64_t start;         /* address */
    uint64_t usable;        /* bytes from there, not all of them touched */
    uint64_t in_use, dirty; /* bytes: in pages and objects; free, but resident */
    uint32_t node;          /* id; UINT32_MAX: bound to none */
    uint32_t heaps;
    uint8_t binding;                              /* 0 none, 1 preferred, 2 bind */
    uint8_t bind_reason, huge_pages, huge_reason; /* enum reason, enum huge_pages as got */
    uint32_t away_slices; /* of 64 KiB: in pages and objects that were moved to another node, after their users */
};

/* What one mapping rule (a table of memory.regions) was for, ever. */
struct segment_mapping {
    uint64_t mappings, bytes;
    uint32_t strict, best_effort, none;
    uint32_t reason; /* enum reason: of the last one that did not get all */
};

/* Counters of the threads of one rule in one region. Some pages behind the program; exact at its end. */
struct segment_arena {
    uint32_t used; /* 0 free, 1 being written, 2 in use */
    uint32_t rule; /* index in the plan; UINT32_MAX: none */
    uint32_t region, reserved;
    uint64_t allocations, bytes; /* ever; bytes as rounded up to blocks */
    uint64_t remote_frees;       /* blocks that a thread of another heap freed, ever */
    uint64_t overflows;          /* allocations that the region could not serve: the C library did */
};

_Static_assert(sizeof(struct segment_region) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_arena) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_thread) == 80, "layout of the file");
_Static_assert(sizeof(struct segment_event) == 48, "layout of the file");
_Static_assert(sizeof(struct segment_rule) == 72, "layout of the file");

#endif
