/*
 * setexpr_eval: what each word of the set grammar means on a topology. The reading half is setexpr.c.
 *
 * A value is a set of CPUs and a set of nodes at once: under `nodes` a node without CPUs (CXL memory) has a
 * meaning for memory although no thread can go there. Values are not yet cut to scope->limit. Functions add
 * to an empty *ret_value, return 0 or -ENOMEM, or what is said.
 */
#ifndef NODEWISE_POLICY_SETEXPR_EVAL_H
#define NODEWISE_POLICY_SETEXPR_EVAL_H

#include <stdbool.h>

#include "policy/setexpr.h"

struct set_value {
    struct cpuset cpus, nodes;
};

enum set_word { SET_WORD_ALL, SET_WORD_NONE, SET_WORD_LOCAL, SET_WORD_PERF, SET_WORD_EFF };
enum set_device { SET_DEVICE_NETDEV, SET_DEVICE_BLOCK, SET_DEVICE_PCI, SET_DEVICE_GPU, SET_DEVICE_FILE, SET_DEVICE_IP };

void set_value_free(struct set_value *value);
int eval_union(struct set_value *value, const struct set_value *other);
/*
 * What is in both, and what is not in the other one. A node with CPUs stays while any of them does, one without CPUs goes
 * by its number.
 */
int eval_intersect(const struct set_scope *scope, struct set_value *value, const struct set_value *other);
int eval_without(const struct set_scope *scope, struct set_value *value, const struct set_value *other);
/* Everything that the scope allows but the value. */
int eval_invert(const struct set_scope *scope, enum set_unit unit, struct set_value *value);
int eval_word(const struct set_scope *scope, enum set_word word, struct set_value *ret_value);
/* Bare numbers: CPUs under SET_CPUS, nodes else; relative ones count what is allowed. */
int eval_numbers(const struct set_scope *scope, enum set_unit unit, bool relative, const struct cpuset *ids,
                 struct set_value *ret_value);
int eval_places(const struct set_scope *scope, enum level level, const struct cpuset *ids, struct set_value *ret_value);
/* The places of the level that the value touches. */
int eval_level_of(const struct set_scope *scope, enum level level, const struct set_value *value,
                  struct set_value *ret_value);
/* What is near to a device; -ENODEV: this topology has no such device. */
int eval_device(const struct set_scope *scope, enum set_device kind, const char *name, struct set_value *ret_value);
/* -ENOENT, -ELOOP from scope->rule_cpus. */
int eval_rule(const struct set_scope *scope, const char *name, struct set_value *ret_value);

#endif
