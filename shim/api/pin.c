/* Pins of nodewise.h. Each keeps what the thread had in a frame of its own; frames of a thread are a stack. */
#include "shim/nodewise.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>

#include "policy/reason.h"
#include "shim/api/cpus.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/api/topology.h"
#include "shim/sys/placing.h"

#ifndef MPOL_LOCAL
#define MPOL_LOCAL 4
#endif

#define NODE_WORDS (NODES_MAX / 64)

struct frame {
    struct frame *outer;
    bool set_mask, set_memory; /* what has to come back */
    int memory_mode;
    uint64_t memory_nodes[NODE_WORDS];
    size_t words;
    uint64_t mask[CPUS_MAX / 64]; /* the last member: only `words` of it have memory */
};

/* What is in the caller's struct nw_pin. */
struct pin {
    struct frame *frame;
    const void *owner; /* the thread's `innermost`, which no other living thread has */
};

_Static_assert(sizeof(struct pin) <= sizeof(struct nw_pin), "a pin has room for it");

static __thread struct frame *innermost;

/* --- setting --- */

static void mask_of(const struct cpuset *set, uint64_t *ret_mask, size_t words)
{
    memset(ret_mask, 0, words * sizeof(*ret_mask));
    CPUSET_FOREACH(cpu, set)
        if ((size_t)cpu < words * 64)
            ret_mask[cpu / 64] |= UINT64_C(1) << cpu % 64;
}

static struct nw_got read_back(const uint64_t *asked, size_t words)
{
    uint64_t got[CPUS_MAX / 64];
    size_t ignored;
    int error = sys_get_affinity(0, got, words, &ignored);
    if (error)
        return (struct nw_got){NW_BEST_EFFORT, kernel_reason(error)};
    if (!memcmp(asked, got, words * sizeof(*got)))
        return (struct nw_got){NW_STRICT, REASON_OK};
    for (size_t i = 0; i < words; i++)
        if (got[i] & ~asked[i])
            return (struct nw_got){NW_NONE, REASON_CHANGED};
    return (struct nw_got){NW_BEST_EFFORT, REASON_NARROWED};
}

/*
 * The policy of the place that the thread leaves for a while would give its new pages to other nodes. Refused: the pages
 * come from there, and nothing has to be undone.
 */
static void set_memory(struct frame *frame)
{
    if (sys_get_mempolicy(&frame->memory_mode, frame->memory_nodes, NODE_WORDS) != 0)
        return;
    if (frame->memory_mode != MPOL_DEFAULT && frame->memory_mode != MPOL_LOCAL)
        frame->set_memory = sys_set_mempolicy(MPOL_DEFAULT, NULL, 0) == 0;
}

static int restore(const struct frame *frame)
{
    int error = frame->set_mask ? sys_set_affinity(0, frame->mask, frame->words) : 0;
    if (frame->set_memory)
        sys_set_mempolicy(frame->memory_mode, frame->memory_nodes, NODE_WORDS);
    self_forget();
    return error;
}

static struct nw_got apply(struct frame *frame, const struct cpuset *cpus)
{
    uint64_t asked[CPUS_MAX / 64];
    if (!library_may_place())
        return (struct nw_got){NW_NONE, REASON_SANDBOXED};
    mask_of(cpus, asked, frame->words);
    int error = sys_set_affinity(0, asked, frame->words);
    self_forget();
    if (error)
        return (struct nw_got){NW_NONE, kernel_reason(error)};
    frame->set_mask = true;
    set_memory(frame);
    return read_back(asked, frame->words);
}

/* --- push and pop --- */

static int make_frame(struct frame **ret)
{
    uint64_t mask[CPUS_MAX / 64];
    size_t words = 0;
    int error = library_may_place() ? sys_get_affinity(0, mask, CPUS_MAX / 64, &words) : 0;
    if (error)
        return error;
    struct frame *frame = malloc(offsetof(struct frame, mask) + words * sizeof(mask[0]));
    if (!frame)
        return -ENOMEM;
    memset(frame, 0, offsetof(struct frame, mask));
    memcpy(frame->mask, mask, words * sizeof(mask[0]));
    frame->words = words;
    *ret = frame;
    return 0;
}

static int error_of(struct nw_got got)
{
    return got.reason == REASON_ENOSYS ? -ENOSYS : got.reason == REASON_EINVAL ? -EINVAL : -EPERM;
}

static int push(struct nw_pin *pin, const struct cpuset *cpus, enum nw_mode mode, struct nw_got *ret)
{
    struct frame *frame;
    library_hold();
    int error = make_frame(&frame);
    if (error) {
        library_release();
        return error;
    }
    struct nw_got got = apply(frame, cpus);
    if (mode == NW_HARD && got.level != NW_STRICT) {
        restore(frame);
        free(frame);
        library_release();
        return error_of(got);
    }
    frame->outer = innermost;
    innermost = frame;
    *(struct pin *)(void *)pin = (struct pin){frame, &innermost};
    if (ret)
        *ret = got;
    return 0;
}

static int resolve_and_push(struct nw_pin *pin, const char *set, enum nw_mode mode, struct nw_got *ret)
{
    struct nw_topology *topology;
    struct set_result result;
    int error = nw_topology_open(NULL, &topology);
    if (error)
        return error;
    error = topology_resolve(topology, set, SET_CPUS, &result);
    nw_topology_close(topology);
    if (error)
        return error;
    error = cpuset_is_empty(&result.cpus) ? -ENOENT : push(pin, &result.cpus, mode, ret);
    set_result_free(&result);
    return error;
}

API int nw_pin_push(struct nw_pin *pin, const char *set, enum nw_mode mode, struct nw_got *ret)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = (unsigned)mode > NW_HARD ? -EINVAL : resolve_and_push(pin, set, mode, ret);
    if (!error)
        nw_safe_point();
    errno = saved;
    return error;
}

API int nw_pin_pop(struct nw_pin *pin)
{
    struct pin *own = (struct pin *)(void *)pin;
    struct frame *frame = own->frame;
    int saved = errno;
    if (own->owner != &innermost || !frame)
        return -EPERM;
    if (frame != innermost)
        return -EBUSY;
    innermost = frame->outer;
    int error = restore(frame);
    free(frame);
    memset(pin, 0, sizeof(*pin));
    library_release();
    nw_safe_point();
    errno = saved;
    return error;
}
