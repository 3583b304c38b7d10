/* Where the pages of a region are, asked for in small batches: the kernel holds the process's map locked meanwhile. */
#include "shim/api/region.h"

#include <errno.h>

#include "shim/api/library.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define SAMPLE 1024u
#define BATCH  256u

static int ask(const struct nw_region *region, size_t first, size_t count, size_t step, int *ret_status)
{
    void *pages[BATCH];
    for (size_t i = 0; i < count; i++)
        pages[i] = (char *)region->start + (first + i) * step;
    return library_may_place() ? sys_move_pages(count, pages, NULL, ret_status) : -EPERM;
}

API int nw_region_check(const struct nw_region *region, unsigned sample, double *ret_share_right)
{
    uint64_t nodes[REGION_NODE_WORDS];
    int status[BATCH], saved = errno;
    unsigned exist = 0, right = 0;
    int error = library_is_forked() ? -ECHILD : region_find(region->start, region->length, nodes);
    if (error)
        return error;
    size_t pages = region->length / page_size();
    size_t looks = sample ? sample : SAMPLE;
    if (looks > pages)
        looks = pages;
    size_t step = pages / looks * page_size();
    for (size_t done = 0; done < looks; done += BATCH) {
        size_t count = looks - done < BATCH ? looks - done : BATCH;
        error = ask(region, done, count, step, status);
        errno = saved;
        if (error)
            return error;
        for (size_t i = 0; i < count; i++) {
            exist += status[i] >= 0;
            right += status[i] >= 0 && status[i] < (int)NODES_MAX && (nodes[status[i] / 64] >> status[i] % 64 & 1);
        }
    }
    *ret_share_right = exist ? (double)right / exist : 1;
    return (int)exist;
}
