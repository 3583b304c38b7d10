/*
 * prepare: from the options that many verbs share (-p, --set, --topology) to a policy, a topology and a plan,
 * with every finding printed on stderr. The verbs keep to what is their own.
 */
#ifndef NODEWISE_TOOLS_PREPARE_PREPARE_H
#define NODEWISE_TOOLS_PREPARE_PREPARE_H

#include "config/config.h"
#include "policy/compile.h"
#include "policy/plan.h"
#include "policy/topology.h"

struct policy_options {
    const char *file;  /* -p */
    const char **sets; /* --set, in order; each owned */
    size_t set_count;
    const char *topology; /* --topology, or NULL for this machine */
    bool pretends;        /* the plan for it is only to be recorded (policy/pretend.h) */
    bool no_search;       /* only this file: neither the standard places nor `auto` */
    bool no_default;      /* without a policy there is none, not even `auto` */
};

/* Adds a copy of one --set. 0 or -ENOMEM. */
int policy_options_set(struct policy_options *options, const char *setting);
void policy_options_free(struct policy_options *options);

struct prepared {
    bool refuse_at_start; /* see struct compile_options; set it after prepare_policy() */
    struct config config;
    struct topology *topology;
    struct plan_bytes plan;
    struct plan_view view; /* of plan, checked */
};

/* How much is printed: run and compile print errors and warnings, check also notes. */
enum talk { TALK_ERRORS, TALK_WARNINGS };

/* Reads the policy alone. EXIT_OK, or the exit code after having said why. */
int prepare_policy(struct prepared *ret_prepared, const struct policy_options *options, enum talk talk);
/* The rest: topology and plan for a policy that prepare_policy() read. */
int prepare_plan(struct prepared *prepared, const struct policy_options *options, enum talk talk);
void prepared_free(struct prepared *prepared);

/* Options of plan_compile for a policy: users from the password database, the rank's GPU from the environment. */
struct compile_options compile_options_for(const struct config *config);
/* Do all errors say that the machine, not the policy, is the obstacle. */
bool machine_refuses(const struct diag_list *diags);

#endif
