/*
 * policy: what one policy file (with its layers) asks for, as plain values. config/ builds it from text,
 * policy/compile.c turns it into a plan for one topology.
 *
 * Everything is resolved here except what depends on the machine: inheritance from [defaults] has happened
 * (each rule's placement is complete), words are enums, times are microseconds, sizes bytes. Sets are still
 * text, because only a topology gives them a meaning.
 *
 * Ownership: one allocation arena inside the policy; policy_free() releases everything, and every pointer in
 * it (also span.source) is valid until then. Immutable once built, so any number of threads may read it.
 */
#ifndef NODEWISE_POLICY_POLICY_H
#define NODEWISE_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/diag.h"
#include "policy/words.h"

/* one string and where it was written */
struct text {
    const char *value; /* NULL: not given */
    struct span span;
};

struct text_list {
    struct text *items;
    size_t count;
};

/* A set and its fallbacks: the first alternative that is not empty on this machine is taken (policy/setexpr.h). */
struct set_list {
    struct text *items;
    size_t count; /* 0: not given */
};

/* "3-7"; last == UINT32_MAX for "3-" */
struct index_range {
    uint32_t first, last;
};

struct rebalance {
    enum steal steal;
    uint64_t interval_us;
    double imbalance; /* 0..1 */
    uint64_t min_residency_us;
};

/* a mapping rule: one table of memory.regions */
struct mapping_rule {
    const char *name;
    struct span span;
    struct text_list library, function; /* globs on the caller */
    const char *kind;                   /* anonymous file shared huge stack, or NULL for any */
    uint64_t min_size, max_size;        /* bytes; max 0: no limit */
    enum mem_policy policy;
    struct set_list nodes;
    enum huge_pages huge_pages;
    enum prefault prefault;
};

struct memory {
    enum mem_policy policy;
    struct span policy_span;
    struct set_list nodes;
    enum node_ids node_ids;
    bool numa_balancing;
    enum arena arena;
    enum huge_pages huge_pages;
    enum prefault prefault;
    uint64_t prefault_size; /* bytes, 0: not given */
    enum stack stack;
    bool next_touch, migrate_on_move;
    uint64_t move_bytes, move_time_us; /* of a second; 0: not given */
    struct mapping_rule *mapping_rules;
    size_t mapping_rule_count;
};

/* Where a thread goes and how. At most one of nodes, cpus, near is given: a rule that sets one drops the others. */
struct placement {
    struct set_list nodes, cpus, near;
    enum level bind_to;
    enum distribution distribution;
    enum level level; /* never LEVEL_NONE */
    enum smt smt;
    bool exclusive;
    enum observe observe;
    enum enforcement enforcement;
    enum app_affinity on_app_affinity;
    const char *rename; /* template for unnamed threads, or NULL */
    struct rebalance rebalance;
    struct memory memory;
};

enum tri { TRI_ANY = -1, TRI_FALSE = 0, TRI_TRUE = 1 };

/* One table of `match`: all given keys must hold (AND), one pattern of a list is enough (OR). */
struct match {
    struct span span;
    struct text_list thread;
    enum tri unnamed, main, forked;
    struct index_range *index;
    size_t index_count;
    struct text_list start_library, start_function, creator_library, creator_function;
    struct text_list stack_library, stack_function;
    struct text_list process_exe, process_comm, process_argv, parent_comm;
    struct index_range *process_index;
    size_t process_index_count;
};

/* how a number of threads is given: "auto", "exactly:N", "at_most:N"; of an exchange that has none: its program says it */
enum pool_size { POOL_AUTO, POOL_EXACTLY, POOL_AT_MOST, POOL_AS_PROGRAM };

/* `threads` of a rule, a pool or an exchange */
struct thread_count {
    enum pool_size size;
    uint32_t number;  /* of POOL_EXACTLY and POOL_AT_MOST */
    struct span span; /* of the value */
};

struct rule {
    const char *name;
    struct span span;      /* of the name's value */
    struct match *matches; /* OR; at least one */
    size_t match_count;
    struct thread_count threads;
    struct placement placement;
};

/* A pool of the opt-in library: a rule for its workers, which are known by their names, and what the pool is like. */
struct pool_rule {
    struct rule rule;
    enum steal steal;
    uint64_t spin_us;
    uint32_t backlog; /* tasks from outside for each node */
};

#define EXCHANGE_LARGEST_RING (UINT64_C(1) << 30) /* bytes */

/* An exchange of the opt-in library: a rule for the workers that nw_exchange_run() starts, and what its program is told. */
struct exchange_rule {
    struct rule rule;
    struct text_list names;      /* globs for names of exchanges; none: the rule's name */
    uint64_t spin_us;            /* UINT64_MAX: as the program says */
    uint64_t memory_limit, ring; /* bytes; 0: as the program says */
    enum exchange_transport transport;
};

struct label {
    const char *name, *value;
};

/* the number of CPUs with CPUS_NUMBER, and where it stands */
struct cpu_number {
    uint32_t number;
    struct span span;
};

/* a variable of [cpu_count] export, and whose number it gets: "process", or "rule:NAME" */
struct exported {
    const char *variable, *whose;
    struct span span; /* of the latter */
};

struct policy {
    struct {
        struct text_list exe, comm, argv, user;
        enum children children;
    } target;
    struct {
        struct set_list nodes, cpus, reserve_cpus;
    } topology;
    struct {
        enum process_distribution distribution;
        enum level level; /* node, socket, l3 or core */
        struct set_list near;
        struct text_list rank_env;
        uint64_t match_delay_us, memory_return_us;
    } process;
    bool has_defaults; /* [defaults] asks for something: it is the catch-all rule */
    struct placement defaults;
    /* those of the pools first, then those of the exchanges, in their order: their workers' names are theirs alone */
    struct rule *rules;
    size_t rule_count;
    struct pool_rule *pools;
    size_t pool_count;
    struct exchange_rule *exchanges;
    size_t exchange_count;
    struct {
        enum cpu_report report;
        struct cpu_number number;
        uint32_t apis; /* bit per enum cpu_api */
        struct exported *exports;
        size_t export_count;
    } cpu_count;
    struct {
        enum at_exit at_exit;
        const char *file; /* template, or NULL for stderr */
        uint32_t formats; /* bit per enum report_format */
        bool pages;
    } report;
    struct {
        bool enabled, per_thread;
        struct label *labels;
        size_t label_count;
    } metrics;
    struct policy_memory *storage; /* owns everything above */
};

void policy_free(struct policy *policy); /* NULL is fine */

/* Memory that lives as long as the policy; for its builder. NULL without memory. Zeroed. */
void *policy_alloc(struct policy *policy, size_t size);
char *policy_strdup(struct policy *policy, const char *text);
struct policy *policy_new(void); /* all zero, TRI_ANY and defaults are the builder's job */

#endif
