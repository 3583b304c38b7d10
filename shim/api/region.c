#include "shim/api/region.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "policy/reason.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/topology.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

struct known {
    struct known *next;
    struct nw_region region;
    uint64_t nodes[REGION_NODE_WORDS];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct known *regions; /* under the lock */

/* --- what is mapped --- */

static void remember(struct known *known)
{
    pthread_mutex_lock(&lock);
    known->next = regions;
    regions = known;
    pthread_mutex_unlock(&lock);
}

static struct known *take_out(const void *start)
{
    struct known *found = NULL;
    pthread_mutex_lock(&lock);
    for (struct known **at = &regions; *at; at = &(*at)->next)
        if ((*at)->region.start == start) {
            found = *at;
            *at = found->next;
            break;
        }
    pthread_mutex_unlock(&lock);
    return found;
}

int region_find(const void *start, size_t length, uint64_t ret_nodes[REGION_NODE_WORDS])
{
    int error = -EINVAL;
    pthread_mutex_lock(&lock);
    for (const struct known *known = regions; known && error; known = known->next)
        if (known->region.start == start && known->region.length == length) {
            memcpy(ret_nodes, known->nodes, sizeof(known->nodes));
            error = 0;
        }
    pthread_mutex_unlock(&lock);
    return error;
}

void region_each(void (*visit)(const struct nw_region *region, void *context), void *context)
{
    pthread_mutex_lock(&lock);
    for (const struct known *known = regions; known; known = known->next)
        visit(&known->region, context);
    pthread_mutex_unlock(&lock);
}

/* --- the wish --- */

static int own_node(void)
{
    struct nw_affinity at = nw_self();
    int node = at.node >= 0 && at.node_index < cpus_nodes() ? at.node : cpus_node_of_index(at.node_index);
    return node < 0 ? 0 : node;
}

static int named_nodes(const char *text, uint64_t ret_nodes[REGION_NODE_WORDS])
{
    struct nw_topology *topology;
    struct set_result set;
    int error = nw_topology_open(NULL, &topology);
    if (error)
        return error;
    error = topology_resolve(topology, text, SET_NODES, &set);
    nw_topology_close(topology);
    if (error)
        return error;
    CPUSET_FOREACH(node, &set.nodes)
        if (node < (int)NODES_MAX)
            ret_nodes[node / 64] |= UINT64_C(1) << node % 64;
    set_result_free(&set);
    return 0;
}

/* Cuts the nodes to those whose memory the process may use. Where the kernel does not say it, mbind(2) will. */
static int keep_allowed(struct region_wish *wish)
{
    uint64_t allowed[REGION_NODE_WORDS], left = 0;
    if (!library_may_place() || sys_get_allowed_nodes(allowed, REGION_NODE_WORDS) < 0)
        return 0;
    for (unsigned i = 0; i < REGION_NODE_WORDS; i++) {
        wish->narrowed |= (wish->nodes[i] & ~allowed[i]) != 0;
        wish->nodes[i] &= allowed[i];
        left |= wish->nodes[i];
    }
    return left ? 0 : -ENOENT;
}

static size_t page_of(unsigned huge)
{
    return huge == '2' ? (size_t)2 << 20 : huge == '1' ? (size_t)1 << 30 : page_size();
}

static bool is_one_of(unsigned letter, const char *letters)
{
    return !letter || strchr(letters, (int)letter);
}

static int read_wish(size_t length, const struct nw_region_options *given, struct region_wish *ret)
{
    struct nw_region_options options = {.size = sizeof(options)};
    if (given)
        memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
    if (!length || (given && given->size < offsetof(struct nw_region_options, nodes)) ||
        options.policy > NW_WEIGHTED_INTERLEAVE || options.mode > NW_HARD || !is_one_of(options.huge, "tn21") ||
        !is_one_of(options.prefault, "tp"))
        return -EINVAL;
    struct region_wish wish = {.page = page_of(options.huge),
                               .policy = options.policy,
                               .huge = options.huge,
                               .prefault = options.prefault,
                               .touch_threads = options.touch_threads};
    wish.length = (length + wish.page - 1) & ~(wish.page - 1);
    if (wish.length < length)
        return -ENOMEM;
    int node = own_node(), error = 0;
    if (options.nodes)
        error = named_nodes(options.nodes, wish.nodes);
    else
        wish.nodes[node / 64] = UINT64_C(1) << node % 64;
    if (!error)
        error = keep_allowed(&wish);
    if (!error)
        *ret = wish;
    return error;
}

/* --- mapping --- */

/* Memory whose beginning and length allow for transparent huge pages. */
static int map_aligned(void **ret_start, size_t length)
{
    size_t huge = huge_page_size();
    void *start;
    if (length < huge || length + huge < length)
        return kernel_map(ret_start, length, 0);
    int error = kernel_map(&start, length + huge, 0);
    if (error)
        return error;
    size_t before = (huge - ((uintptr_t)start & (huge - 1))) & (huge - 1);
    if (before)
        kernel_unmap(start, before);
    if (huge - before)
        kernel_unmap((char *)start + before + length, huge - before);
    *ret_start = (char *)start + before;
    return 0;
}

/* Where the pool has no page of that size, transparent ones are asked for. */
static int map_with_pages(void **ret_start, const struct region_wish *wish, struct region_step *ret_step)
{
    unsigned shift = wish->huge == '2' ? 21 : wish->huge == '1' ? 30 : 0;
    if (shift && kernel_map(ret_start, wish->length, shift) == 0)
        return 0;
    int error =
        wish->huge && wish->huge != 'n' ? map_aligned(ret_start, wish->length) : kernel_map(ret_start, wish->length, 0);
    if (error)
        return error;
    int advice = wish->huge == 'n' ? MADV_NOHUGEPAGE : MADV_HUGEPAGE;
    int refused = wish->huge ? kernel_advise(*ret_start, wish->length, advice) : 0;
    if (shift)
        *ret_step = (struct region_step){{NW_BEST_EFFORT, REASON_NO_HUGE_PAGES}, -ENOMEM};
    else if (refused)
        *ret_step = (struct region_step){{NW_BEST_EFFORT, kernel_reason(refused)}, refused};
    return 0;
}

/* The lesser of two, and of equals the first: its reason is the cause of more. */
static void worsen(struct region_step *whole, struct region_step step)
{
    if (step.got.level > whole->got.level)
        *whole = step;
}

static int map(struct nw_region *ret, const struct region_wish *wish, bool hard)
{
    struct region_step whole = {{NW_STRICT, REASON_OK}, 0};
    struct known *known = malloc(sizeof(*known));
    void *start;
    if (!known)
        return -ENOMEM;
    int error = map_with_pages(&start, wish, &whole);
    if (error) {
        free(known);
        return error;
    }
    worsen(&whole, region_set_policy(start, wish));
    if (!hard || !whole.error)
        worsen(&whole, region_prefault(start, wish));
    if (hard && whole.error) {
        kernel_unmap(start, wish->length);
        free(known);
        return whole.error;
    }
    *known = (struct known){.region = {start, wish->length, whole.got}};
    memcpy(known->nodes, wish->nodes, sizeof(known->nodes));
    *ret = known->region;
    remember(known);
    return 0;
}

API int nw_region_map(struct nw_region *ret, size_t length, const struct nw_region_options *options)
{
    struct region_wish wish;
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = read_wish(length, options, &wish);
    if (!error)
        error = map(ret, &wish, options && options->mode == NW_HARD);
    errno = saved;
    return error;
}

API int nw_region_unmap(struct nw_region *region)
{
    int saved = errno;
    if (!region || !region->start)
        return 0;
    /* a forked child has a copy of the mapping, and perhaps of a lock that nobody will open */
    struct known *known = library_is_forked() ? NULL : take_out(region->start);
    int error = kernel_unmap(region->start, region->length);
    free(known);
    *region = (struct nw_region){.start = NULL};
    errno = saved;
    return error;
}
