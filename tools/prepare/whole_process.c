#include "tools/prepare/whole_process.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "policy/compile.h"
#include "policy/cpuset.h"
#include "tools/common/memory_policy.h"

#define WORDS      (PLAN_MAX_CPUS / 64)
#define NODE_WORDS 16 /* 1024 nodes, the most that a kernel can be built for */

#ifndef MPOL_PREFERRED_MANY
#define MPOL_PREFERRED_MANY 5 /* Linux 5.15 */
#endif
#define MODE_WEIGHTED_INTERLEAVE 6 /* Linux 6.9 */

/* --- CPUs --- */

static bool is_empty(const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i])
            return false;
    return true;
}

/* Without any rule, all that the policy may use. */
static void cpus_of_rules(const struct plan_view *plan, uint64_t *ret_cpus)
{
    uint64_t one[WORDS];
    memset(ret_cpus, 0, WORDS * sizeof(*ret_cpus));
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++) {
        plan_mask_expand(plan, plan->rules[i].set_mask, one, WORDS);
        for (size_t word = 0; word < WORDS; word++)
            ret_cpus[word] |= one[word];
    }
    if (is_empty(ret_cpus, WORDS))
        plan_mask_expand(plan, plan->header->allowed_mask, ret_cpus, WORDS);
}

static void write_cpus(const uint64_t *cpus, char *ret_text, size_t size)
{
    struct cpuset set = CPUSET_EMPTY;
    int error = 0;
    for (unsigned id = 0; id < WORDS * 64 && error == 0; id++)
        if (cpus[id / 64] >> id % 64 & 1)
            error = cpuset_add(&set, id);
    char *list = error == 0 ? cpuset_to_string(&set) : NULL;
    snprintf(ret_text, size, "CPUs %s", list ? list : "?");
    free(list);
    cpuset_free(&set);
}

static int apply_cpus(const struct plan_view *plan, char *ret_text, size_t size)
{
    uint64_t wanted[WORDS], now[WORDS] = {0}, got[WORDS] = {0};
    cpus_of_rules(plan, wanted);
    if (syscall(SYS_sched_getaffinity, 0, sizeof(now), now) < 0)
        return -errno;
    for (size_t i = 0; i < WORDS; i++)
        wanted[i] &= now[i]; /* never more than `run` was started with */
    if (is_empty(wanted, WORDS))
        return -EINVAL;
    if (syscall(SYS_sched_setaffinity, 0, sizeof(wanted), wanted) != 0 ||
        syscall(SYS_sched_getaffinity, 0, sizeof(got), got) < 0)
        return -errno;
    write_cpus(got, ret_text, size);
    return memcmp(got, wanted, sizeof(got)) == 0 ? 0 : -EXDEV;
}

/* --- memory --- */

struct wish {
    unsigned policy; /* enum mem_policy; MEM_DEFAULT: none */
    bool differs;    /* rules have several */
    uint64_t nodes[NODE_WORDS];
};

static void add_rule(const struct plan_view *plan, const struct plan_rule *rule, struct wish *wish)
{
    uint64_t one[NODE_WORDS];
    if (rule->mem_policy == MEM_DEFAULT)
        return;
    wish->differs = wish->differs || (wish->policy != MEM_DEFAULT && wish->policy != rule->mem_policy);
    wish->policy = rule->mem_policy;
    for (uint32_t i = rule->slot_first; i < rule->slot_first + rule->slot_count; i++) {
        plan_mask_expand(plan, plan->slots[i].mem_mask, one, NODE_WORDS);
        for (size_t word = 0; word < NODE_WORDS; word++)
            wish->nodes[word] |= one[word];
    }
}

static int mode_of(const struct wish *wish)
{
    unsigned nodes = 0;
    for (size_t i = 0; i < NODE_WORDS; i++)
        nodes += (unsigned)__builtin_popcountll(wish->nodes[i]);
    switch (wish->policy) {
    case MEM_LOCAL:
        return MPOL_LOCAL;
    case MEM_BIND:
        return MPOL_BIND;
    case MEM_PREFERRED:
    case MEM_PREFERRED_MANY:
        return nodes > 1 ? MPOL_PREFERRED_MANY : MPOL_PREFERRED;
    case MEM_INTERLEAVE:
        return MPOL_INTERLEAVE;
    default:
        return MODE_WEIGHTED_INTERLEAVE;
    }
}

static int apply_memory(const struct plan_view *plan, char *ret_text, size_t size)
{
    struct wish wish = {.policy = MEM_DEFAULT};
    uint64_t got[NODE_WORDS] = {0};
    int mode = 0;
    *ret_text = '\0';
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        add_rule(plan, &plan->rules[i], &wish);
    if (wish.policy == MEM_DEFAULT || wish.differs)
        return 0;
    int wanted = mode_of(&wish);
    bool names_nodes = wanted != MPOL_LOCAL;
    /* the kernel reads maxnode - 1 bits */
    if (syscall(SYS_set_mempolicy, wanted, names_nodes ? wish.nodes : NULL, names_nodes ? NODE_WORDS * 64 + 1 : 0) !=
            0 ||
        syscall(SYS_get_mempolicy, &mode, got, NODE_WORDS * 64, NULL, 0) != 0)
        return -errno;
    struct memory_policy policy = memory_policy_of((unsigned)mode, got[0], !is_empty(got + 1, NODE_WORDS - 1));
    char text[MEMORY_POLICY_TEXT];
    memory_policy_text(&policy, text);
    snprintf(ret_text, size, ", memory %s", text);
    return mode == wanted && (!names_nodes || memcmp(got, wish.nodes, sizeof(got)) == 0) ? 0 : -EXDEV;
}

int whole_process_apply(const struct plan_view *plan, char *ret_text, size_t size)
{
    char cpus[512] = "", memory[MEMORY_POLICY_TEXT + 16] = "";
    int error = apply_cpus(plan, cpus, sizeof(cpus));
    int memory_error = apply_memory(plan, memory, sizeof(memory));
    if (error < 0 && error != -EXDEV)
        snprintf(cpus, sizeof(cpus), "its CPUs could not be set (%s)", strerror(-error));
    if (memory_error < 0 && memory_error != -EXDEV)
        snprintf(memory, sizeof(memory), ", its memory policy could not (%s)", strerror(-memory_error));
    snprintf(ret_text, size, "%s%s", cpus, memory);
    return error < 0 ? error : memory_error;
}
