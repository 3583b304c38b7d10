#include "shim/api/region.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>

#include "policy/reason.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/sys/placing.h"

/* Modes that older headers lack. */
#define LOCAL               4
#define PREFERRED_MANY      5
#define WEIGHTED_INTERLEAVE 6

/* A mode, and the one for kernels that lack it. */
static const struct {
    int mode, older;
    bool one_node, no_node;
} modes[] = {
    [NW_LOCAL] = {LOCAL, -1, false, true},
    [NW_BIND] = {MPOL_BIND, -1, false, false},
    [NW_PREFERRED] = {MPOL_PREFERRED, -1, true, false},
    [NW_PREFERRED_MANY] = {PREFERRED_MANY, MPOL_PREFERRED, false, false},
    [NW_INTERLEAVE] = {MPOL_INTERLEAVE, -1, false, false},
    [NW_WEIGHTED_INTERLEAVE] = {WEIGHTED_INTERLEAVE, MPOL_INTERLEAVE, false, false},
};

static void keep_first(uint64_t nodes[REGION_NODE_WORDS])
{
    bool found = false;
    for (unsigned i = 0; i < REGION_NODE_WORDS; i++) {
        nodes[i] = found ? 0 : nodes[i] & -nodes[i];
        found = found || nodes[i];
    }
}

static struct region_step refused(int error)
{
    return (struct region_step){{NW_NONE, kernel_reason(error)}, error};
}

static struct region_step in_part(unsigned reason, int error)
{
    return (struct region_step){{NW_BEST_EFFORT, (uint16_t)reason}, error};
}

/* Is the mapping's policy what was set? */
static struct region_step read_back(const void *start, int mode, const uint64_t *nodes)
{
    uint64_t has[REGION_NODE_WORDS];
    int has_mode;
    int error = sys_get_memory_at(start, &has_mode, has, REGION_NODE_WORDS);
    if (error)
        return in_part(kernel_reason(error), error);
    if (has_mode != mode || (mode != LOCAL && memcmp(has, nodes, sizeof(has)) != 0))
        return in_part(REASON_CHANGED, -EPERM);
    return (struct region_step){{NW_STRICT, REASON_OK}, 0};
}

struct region_step region_set_policy(void *start, const struct region_wish *wish)
{
    uint64_t nodes[REGION_NODE_WORDS];
    int mode = modes[wish->policy].mode, older = modes[wish->policy].older;
    if (!library_may_place())
        return (struct region_step){{NW_NONE, REASON_SANDBOXED}, -EPERM};
    memcpy(nodes, wish->nodes, sizeof(nodes));
    if (modes[wish->policy].no_node)
        memset(nodes, 0, sizeof(nodes));
    if (modes[wish->policy].one_node)
        keep_first(nodes);
    int error = sys_bind_memory(start, wish->length, mode, nodes, REGION_NODE_WORDS);
    bool old_kernel = error == -EINVAL && older >= 0;
    if (old_kernel) {
        mode = older;
        if (mode == MPOL_PREFERRED)
            keep_first(nodes);
        error = sys_bind_memory(start, wish->length, mode, nodes, REGION_NODE_WORDS);
    }
    if (error)
        return refused(error);
    struct region_step step = read_back(start, mode, nodes);
    if (step.error)
        return step;
    if (old_kernel)
        return in_part(REASON_OLD_KERNEL, -ENOSYS);
    return wish->narrowed ? in_part(REASON_NARROWED, -EPERM) : step;
}
