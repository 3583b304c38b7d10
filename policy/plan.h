/*
 * plan: a policy made concrete for one machine, as one flat block of bytes that is written once, mapped
 * read-only and used in place. This header is the whole file format.
 *
 *   plan_header | section 0 | section 1 | …      every section 8-byte aligned, at plan_header.sections[i]
 *
 * All references are indices into a section (never pointers), texts are byte offsets into PLAN_STRINGS. Numbers
 * are in the machine's byte order: a plan is made on the machine that uses it (the magic tells otherwise).
 *
 * plan_check() proves every index, offset, count, enum value and string end, after which plan_view and all
 * accessors below read without further checks. Only a checked view may reach match.h, pick.h or the shim.
 *
 * Threads and signals: everything here is pure and allocation-free (except plan building, policy/compile.h),
 * so the shim uses it in constructors and in new threads.
 */
#ifndef NODEWISE_POLICY_PLAN_H
#define NODEWISE_POLICY_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/words.h"

#define PLAN_MAGIC     UINT64_C(0x314e414c5057444e) /* "NDWPLAN1" little-endian */
#define PLAN_VERSION   14u
#define PLAN_MAX_SIZE  (64u << 20) /* bytes; a larger file is refused unread */
#define PLAN_NONE      UINT32_MAX  /* "no such index" in every index field that says "or PLAN_NONE" */
#define PLAN_MAX_RULES 1024u
#define PLAN_MAX_CPUS  131072u

enum plan_section_id {
    PLAN_STRINGS,       /* char, NUL-terminated texts; offset 0 is "" */
    PLAN_RULES,         /* struct plan_rule; the catch-all, where there is one, is the last */
    PLAN_CLAUSES,       /* struct plan_clause */
    PLAN_CONDITIONS,    /* struct plan_condition */
    PLAN_PATTERNS,      /* uint32_t string offsets (globs) */
    PLAN_RANGES,        /* struct plan_range */
    PLAN_SLOTS,         /* struct plan_slot */
    PLAN_MASKS,         /* struct plan_mask; mask 0 is the empty mask */
    PLAN_WORDS,         /* uint64_t, the masks' bits */
    PLAN_CPUS,          /* struct plan_cpu, indexed by CPU id, up to the highest id of the machine */
    PLAN_NODES,         /* struct plan_node, ascending ids */
    PLAN_DISTANCES,     /* uint32_t, nodes x nodes by index in PLAN_NODES */
    PLAN_TARGETS,       /* struct plan_target: conditions of [target], all must hold; none: every process */
    PLAN_LABELS,        /* uint32_t string offsets in pairs name, value ([metrics] labels) */
    PLAN_MAPPING_RULES, /* struct plan_mapping_rule: tables of memory.regions */
    PLAN_EXCHANGES,     /* struct plan_exchange */
    PLAN_SECTION_COUNT
};

extern const uint32_t plan_record_size[PLAN_SECTION_COUNT]; /* bytes of one record */

struct plan_section {
    uint32_t offset; /* bytes from the start of the plan */
    uint32_t count;  /* records */
};

/* Feature bits: what the shim must prepare; computed by the compiler so that the shim pays for nothing else. */
enum plan_feature {
    PLAN_NEEDS_NAMES = 1 << 0,        /* a rule looks at thread names */
    PLAN_NEEDS_LIBRARIES = 1 << 1,    /* start_library or creator_library */
    PLAN_NEEDS_FUNCTIONS = 1 << 2,    /* start_function or creator_function */
    PLAN_NEEDS_CALLSTACK = 1 << 3,    /* stack_library or stack_function: libunwind */
    PLAN_NEEDS_PARENT = 1 << 4,       /* parent_comm */
    PLAN_NEEDS_FORK = 1 << 5,         /* a rule looks at forked or at the process: a forked child matches again */
    PLAN_HAS_EXCLUSIVE = 1 << 6,      /* some rule is exclusive: CPUs are claimed */
    PLAN_HAS_MEMPOLICY = 1 << 7,      /* some rule sets a memory policy */
    PLAN_HAS_HARD = 1 << 8,           /* some rule is enforcement = "hard" */
    PLAN_HAS_RENAME = 1 << 9,         /* some rule renames unnamed threads */
    PLAN_HAS_MAIN_RULE = 1 << 10,     /* a rule says main = true: main gets a slot, else the union */
    PLAN_HAS_STACKS = 1 << 11,        /* some rule says where stacks lie */
    PLAN_HAS_NEXT_TOUCH = 1 << 12,    /* some rule has next_touch */
    PLAN_HAS_MIGRATE = 1 << 13,       /* some rule has migrate_on_move */
    PLAN_HAS_MAPPING_RULES = 1 << 14, /* some rule has mapping rules */
    PLAN_HAS_STEAL = 1 << 15,         /* some rule has rebalance.steal */
    PLAN_NEEDS_NUMBER = 1 << 16,      /* a rule looks at process_index */
    PLAN_HAS_SHARING = 1 << 17,       /* some rule has distribution = "sharing" */
    PLAN_IS_PRETENDED = 1 << 18,      /* of another machine: places are recorded, nothing is applied (pretend.h) */
};

struct plan_header {
    uint64_t magic;
    uint32_t version;
    uint32_t header_size;    /* sizeof(struct plan_header) */
    uint64_t total_size;     /* bytes, equals the file's size */
    uint64_t checksum;       /* plan_checksum() over the whole plan with this field as 0 */
    uint64_t policy_id;      /* hash of the policy's text and overrides */
    uint32_t features;       /* enum plan_feature */
    uint32_t default_rule;   /* index of the catch-all rule, or PLAN_NONE: base state where nothing matches */
    uint32_t main_mask;      /* mask: union of all rules' CPUs */
    uint32_t allowed_mask;   /* mask: what the compiler was allowed to use */
    uint32_t source;         /* string: the policy's file name(s), for views */
    uint32_t children;       /* enum children */
    uint32_t at_exit;        /* enum at_exit */
    uint32_t report_file;    /* string template, "" for stderr */
    uint32_t report_formats; /* bits of enum report_format */
    uint32_t cpu_report;     /* enum cpu_report */
    uint32_t cpu_number;
    uint32_t cpu_apis;             /* bits of enum cpu_api */
    uint32_t process_distribution; /* enum process_distribution */
    uint32_t match_delay_us;
    uint32_t metrics_flags;  /* 1 enabled, 2 per_thread */
    uint32_t process_shares; /* of [process] distribution: the plans beside this one, each for a part of the machine;
                                0: none */
    uint32_t process_share;  /* which of them this is; PLAN_NONE: none */
    uint32_t share_sizes;  /* PLAN_RANGES, from here, process_shares of them: how many CPUs each share has (first), and
                              which (last, a mask) */
    uint32_t report_pages; /* 1: the report at the end looks where the pages lie */
    uint32_t groups;       /* mask: the first CPU of each group, see struct plan_cpu */
    uint32_t pools, pool_count; /* PLAN_RANGES, from here, PLAN_POOL_RANGES for each pool, see plan_pool() */
    uint32_t memory_return_ms;  /* 0: idle memory stays until the program calls malloc or free */
    uint32_t main_memory; /* rule whose memory policy all rules share, and main without a rule, too; or PLAN_NONE */
    struct plan_section sections[PLAN_SECTION_COUNT];
};

enum plan_rule_flag {
    PLAN_RULE_EXCLUSIVE = 1 << 0,
    PLAN_RULE_MIGRATE = 1 << 1, /* memory.migrate_on_move */
    PLAN_RULE_CATCH_ALL = 1 << 2,
    PLAN_RULE_MAIN = 1 << 3,       /* some clause says main = true */
    PLAN_RULE_NEXT_TOUCH = 1 << 4, /* memory.next_touch */
    PLAN_RULE_BALANCING = 1 << 5,  /* memory.numa_balancing */
    PLAN_RULE_UNOBSERVED = 1 << 7, /* observe = "off" */
    PLAN_RULE_REFUSED = 1 << 6, /* the rule is hard and this machine cannot carry it out: no process starts under it */
};

/* what a condition looks at; the words of `match` and [target] */
enum plan_key {
    PLAN_KEY_THREAD,
    PLAN_KEY_UNNAMED,
    PLAN_KEY_MAIN,
    PLAN_KEY_INDEX,
    PLAN_KEY_START_LIBRARY,
    PLAN_KEY_START_FUNCTION,
    PLAN_KEY_CREATOR_LIBRARY,
    PLAN_KEY_CREATOR_FUNCTION,
    PLAN_KEY_STACK_LIBRARY,
    PLAN_KEY_STACK_FUNCTION,
    PLAN_KEY_PROCESS_EXE,
    PLAN_KEY_PROCESS_COMM,
    PLAN_KEY_PROCESS_ARGV,
    PLAN_KEY_PARENT_COMM,
    PLAN_KEY_PROCESS_INDEX,
    PLAN_KEY_FORKED,
    PLAN_KEY_USER, /* only in PLAN_TARGETS; ranges of uids */
    PLAN_KEY_COUNT
};

struct plan_condition {
    uint32_t key;          /* enum plan_key */
    uint32_t first, count; /* PLAN_PATTERNS for text keys, PLAN_RANGES for INDEX, PROCESS_INDEX and USER */
    uint32_t value;        /* 0 or 1 for UNNAMED, MAIN and FORKED */
};

struct plan_rule {
    uint32_t name;                             /* string; "defaults" for the catch-all */
    uint32_t origin;                           /* string: "redis.toml:31" */
    uint32_t clause_first, clause_count;       /* OR; 0 clauses only in the catch-all, which matches everything */
    uint32_t slot_first, slot_count;           /* at least one slot */
    uint32_t set_mask;                         /* mask: all CPUs of the rule */
    uint32_t rename;                           /* string template, or 0 */
    uint32_t asked;                            /* string: the set as written ("near netdev:eth0"), for views */
    uint32_t flags;                            /* enum plan_rule_flag */
    uint8_t distribution, level, bind_to, smt; /* enums of words.h */
    uint8_t enforcement, on_app_affinity, mem_policy, arena;
    uint8_t huge_pages, prefault, stack, steal;
    uint8_t set_reason; /* enum reason: OK, FALLBACK_SET, EMPTY_SET, NO_DEVICE */
    uint8_t mem_reason; /* enum reason: OK, MEM_NODE, … */
    uint16_t imbalance_permille;
    uint32_t interval_ms, min_residency_ms;
    uint64_t prefault_size; /* bytes */
    uint32_t mapping_rules_first, mapping_rules_count;
    uint64_t move_bytes; /* that may be moved in a second */
    uint32_t move_ms;    /* of a second that moving may take */
    uint8_t node_ids;    /* enum node_ids */
    uint8_t spare[3];    /* 0 */
};

/* A mapping rule: a table of memory.regions. The first of a rule that fits a mapping counts. */
struct plan_mapping_rule {
    uint64_t min_size, max_size;             /* bytes; max UINT64_MAX: no limit */
    uint32_t name;                           /* string, "" where the table has none */
    struct plan_condition library, function; /* of the caller; count 0: any */
    uint32_t mem_mask;                       /* nodes of the policy; 0: those of the thread's slot */
    uint8_t kind;                            /* enum mapping_kind, MAPPING_COUNT: any */
    uint8_t mem_policy, huge_pages, prefault;
    uint8_t mem_reason; /* enum reason: OK, MEM_NODE, NO_DEVICE */
    uint8_t spare[3];
};

/* One place that a thread of the rule can get, in the order in which the distribution hands them out. */
struct plan_slot {
    uint32_t mask;       /* CPUs of the thread */
    uint32_t claim_mask; /* CPUs that an exclusive thread takes from all other threads (whole cores) */
    uint32_t mem_mask;   /* nodes for the memory policy (0, the empty mask: none to give) */
    uint32_t home_node;  /* node id, or PLAN_NONE when the mask spans nodes */
    uint32_t capacity;   /* threads until the place counts as full, at least 1 */
    uint32_t cores;      /* threads until other places with free cores come first, at most capacity */
    uint32_t place;      /* index of the level's place (for views and balance) */
    uint32_t core_mask;  /* all CPUs of the mask's cores */
    uint32_t core_count; /* how many cores those are, at least 1 */
    uint32_t around;     /* of a slot of one core: the allowed CPUs of its node, which wider threads may use; else 0 */
    uint32_t around_cores; /* how many cores those are */
};

struct plan_clause {
    uint32_t condition_first, condition_count; /* AND; at least one */
};

struct plan_range {
    uint32_t first, last; /* both included */
};

struct plan_mask {
    uint32_t first_word;             /* number of the first word that is not 0: bit 0 is id 64 * first_word */
    uint32_t word_first, word_count; /* PLAN_WORDS */
    uint32_t weight;                 /* bits set */
};

struct plan_cpu {
    uint32_t node;     /* node id, or PLAN_NONE: no such CPU */
    uint32_t mem_node; /* nearest node with allowed memory */
    uint32_t l3, core, package;
    uint32_t group; /* the first CPU of those that are in the same slots as this one: threads are counted by them */
    uint32_t group_size; /* of a group's first CPU: how many it has; else 0 */
};

struct plan_node {
    uint32_t id;
    uint32_t cpus;   /* mask */
    uint64_t memory; /* bytes */
};

struct plan_target {
    struct plan_condition condition;
};

/* A pool of the opt-in library: what its program is told. Its rule places its workers. */
enum { PLAN_POOL_RANGES = 3 };
struct plan_pool {
    uint32_t rule;
    uint32_t size, number; /* enum pool_size */
    uint32_t steal;        /* enum steal */
    uint32_t spin_us, backlog;
};

/* An exchange of the opt-in library: what its program is told. Its rule places the workers that the library starts. */
struct plan_exchange {
    uint32_t rule;
    uint32_t size, number;                 /* enum pool_size */
    uint32_t pattern_first, pattern_count; /* PLAN_PATTERNS: names of the exchanges; at least one */
    uint32_t spin_us;                      /* UINT32_MAX: as the program says */
    uint32_t transport, unused;            /* enum exchange_transport */
    uint64_t memory_limit, ring;           /* bytes; 0: as the program says */
};

/* A checked plan. Plain pointers into the mapped bytes, plus counts. */
struct plan_view {
    const struct plan_header *header;
    const char *strings;
    const struct plan_rule *rules;
    const struct plan_clause *clauses;
    const struct plan_condition *conditions;
    const uint32_t *patterns;
    const struct plan_range *ranges;
    const struct plan_slot *slots;
    const struct plan_mask *masks;
    const uint64_t *words;
    const struct plan_cpu *cpus;
    const struct plan_node *nodes;
    const uint32_t *distances;
    const struct plan_target *targets;
    const uint32_t *labels;
    const struct plan_mapping_rule *mapping_rules;
    const struct plan_exchange *exchanges;
    uint32_t count[PLAN_SECTION_COUNT];
};

/*
 * Checks size bytes at data (8-byte aligned, as mmap gives) and fills the view. 0, or -EINVAL (not a plan, or
 * damaged; *ret_what says which part, for diagnostics, may be NULL), -EPROTONOSUPPORT (another version).
 * Cost: one pass for the checksum, one over the records; no allocation, no system call.
 */
int plan_check(struct plan_view *ret_view, const void *data, size_t size, const char **ret_what);

/* FNV-1a over 8-byte words, with the checksum field read as 0; size is a multiple of 8. */
uint64_t plan_checksum(const void *data, size_t size);

static inline const char *plan_text(const struct plan_view *plan, uint32_t string)
{
    return plan->strings + string;
}

/* The n-th pool, n below header->pool_count. */
static inline struct plan_pool plan_pool(const struct plan_view *plan, uint32_t n)
{
    const struct plan_range *ranges = &plan->ranges[plan->header->pools + n * PLAN_POOL_RANGES];
    return (struct plan_pool){ranges[0].first, ranges[0].last >> 16, ranges[0].last & 0xffff,
                              ranges[1].first, ranges[1].last,       ranges[2].first};
}

bool plan_mask_has(const struct plan_view *plan, uint32_t mask, unsigned id);
/* The lowest id, 0 where the mask has none. */
uint32_t plan_mask_first(const struct plan_view *plan, uint32_t mask);
/*
 * Writes the mask as a plain bit array of `words` 64-bit words, as sched_setaffinity(2) and set_mempolicy(2)
 * take it. Ids that do not fit are dropped; returns the number of words that hold bits (at least 1).
 */
size_t plan_mask_expand(const struct plan_view *plan, uint32_t mask, uint64_t *ret_bits, size_t words);

#endif
