/* What this process may do: each call is made once, on memory of the library's own, and undone. */
#include "shim/nodewise.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <string.h>

#include "shim/api/cpus.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define NODE_WORDS          (NODES_MAX / 64)
#define WEIGHTED_INTERLEAVE 6 /* MPOL_WEIGHTED_INTERLEAVE, which older headers lack */

static struct nw_capabilities answers;
static pthread_once_t tried = PTHREAD_ONCE_INIT;

static bool can_pin(void)
{
    uint64_t mask[CPUS_MAX / 64];
    size_t words;
    return sys_get_affinity(0, mask, CPUS_MAX / 64, &words) == 0 && sys_set_affinity(0, mask, words) == 0;
}

static bool can_set_mempolicy(void)
{
    uint64_t nodes[NODE_WORDS];
    int mode;
    return sys_get_mempolicy(&mode, nodes, NODE_WORDS) == 0 && sys_set_mempolicy(mode, nodes, NODE_WORDS) == 0;
}

static bool has_huge_page(unsigned shift)
{
    void *start;
    if (kernel_map(&start, (size_t)1 << shift, shift) < 0)
        return false;
    kernel_unmap(start, (size_t)1 << shift);
    return true;
}

static void try_with_scratch(void)
{
    uint64_t nodes[NODE_WORDS];
    void *page;
    int node;
    if (kernel_map(&page, page_size(), 0) < 0)
        return;
    if (sys_get_allowed_nodes(nodes, NODE_WORDS) == 0) {
        answers.weighted_interleave = sys_bind_memory(page, page_size(), WEIGHTED_INTERLEAVE, nodes, NODE_WORDS) == 0;
        answers.mbind = sys_bind_memory(page, page_size(), MPOL_BIND, nodes, NODE_WORDS) == 0;
    }
    *(volatile char *)page = 1;
    answers.move_pages = sys_move_pages(1, &page, NULL, &node) == 0;
    kernel_unmap(page, page_size());
}

static void try_all(void)
{
    if (!library_may_place())
        return;
    answers.pin = can_pin();
    answers.set_mempolicy = can_set_mempolicy();
    try_with_scratch();
    answers.huge_2m = has_huge_page(21);
    answers.huge_1g = has_huge_page(30);
    answers.io_uring = kernel_try_uring() == 0;
}

API int nw_capabilities(struct nw_capabilities *ret)
{
    uint32_t size = ret->size;
    int saved = errno;
    int error = library_begin();
    if (!error && size <= offsetof(struct nw_capabilities, pin))
        error = -EINVAL;
    if (!error) {
        pthread_once(&tried, try_all);
        memcpy(ret, &answers, size < sizeof(answers) ? size : sizeof(answers));
        ret->size = size;
    }
    errno = saved;
    return error;
}
