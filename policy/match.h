/*
 * match: which rule a thread falls under. First match wins. The same code decides in the shim, in the dry run
 * and in `why`, so they cannot disagree.
 *
 * Pure, allocation-free, signal-safe.
 */
#ifndef NODEWISE_POLICY_MATCH_H
#define NODEWISE_POLICY_MATCH_H

#include <stdbool.h>

#include "policy/plan.h"

#define FACTS_MAX_FRAMES 32

struct process_facts {
    const char *exe;         /* path of /proc/self/exe */
    const char *exe_link;    /* path as given to execve (/usr/bin/redis-server is a link to redis-check-rdb), or NULL;
                                a condition on the program holds for either */
    const char *comm;        /* at start-up */
    const char *argv;        /* arguments joined with spaces, as in a process listing; after fork as it then is */
    const char *parent_comm; /* NULL: not known */
    uint32_t index;          /* in the deployment; PLAN_NONE: not known */
    uint32_t uid;
    bool forked; /* made by fork without exec since */
};

/* NULL texts are unknown: conditions on them are false. */
struct thread_facts {
    const char *name; /* thread name; NULL or unnamed when it has only its creator's */
    bool unnamed;
    bool main;
    uint32_t index;                             /* creation order, main = 0 */
    const char *start_library, *start_function; /* full path and symbol of the start routine */
    const char *creator_library, *creator_function;
    const char *stack_library[FACTS_MAX_FRAMES], *stack_function[FACTS_MAX_FRAMES]; /* innermost first */
    uint32_t frames;
    const struct process_facts *process;
};

/*
 * The index of the first rule that matches, or PLAN_NONE. Thread globs never match an unnamed thread. Library
 * globs without '/' look at the base name. A clause takes the main thread only when it names it: main = true,
 * forked = true, a `thread` glob that fits, or a process key; the catch-all never does. So for the main thread
 * PLAN_NONE means "the union mask", for every other thread "the base state".
 */
uint32_t match_rule(const struct plan_view *plan, const struct thread_facts *facts);

/*
 * Does one rule match; on false *ret_failed is the first condition that failed in its most promising clause, NULL: all
 * held, and the thread is a main thread, which the clause does not name.
 */
bool match_one(const struct plan_view *plan, uint32_t rule, const struct thread_facts *facts,
               const struct plan_condition **ret_failed);

/* Does [target] match this process; on false *ret_key is the condition that failed (may be NULL). */
bool match_target(const struct plan_view *plan, const struct process_facts *facts, uint32_t *ret_key);

/* fnmatch(3) without flags, bounded: '*', '?', '[a-z]', '\'. Linear time in text x pattern, no recursion. */
bool glob_match(const char *pattern, const char *text);

/*
 * Does one of a condition's patterns fit? false for NULL. In paths, a pattern with a '/' is about the whole path, one
 * without about the file name: users write "libgomp.so*".
 */
bool match_text(const struct plan_view *plan, const struct plan_condition *condition, const char *text);
bool match_path(const struct plan_view *plan, const struct plan_condition *condition, const char *path);

/* "thread", "start_library", …: the word of a key in the policy language. */
const char *plan_key_word(unsigned key);
/* The same of a condition of [target], whose keys are all about the process: "exe", where a rule says "process_exe". */
const char *plan_target_word(unsigned key);

#endif
