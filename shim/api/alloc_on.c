/*
 * Memory of a node for free(3). The block comes from the node's arena where there is one, else from malloc. Its whole
 * pages are then touched and moved: a large block's pages may be new, and would be on the node of whoever touches them
 * first.
 */
#include "shim/nodewise.h"

#include <errno.h>
#include <stdlib.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define BATCH 256u /* pages that one call moves */

static bool is_node(int32_t node)
{
    for (unsigned i = 0; i < cpus_nodes(); i++)
        if (cpus_node_of_index(i) == node)
            return true;
    return false;
}

static void bring(char *block, size_t size, int node)
{
    uintptr_t first = page_ceiling((uintptr_t)block), end = page_floor((uintptr_t)block + size);
    void *pages[BATCH];
    int nodes[BATCH], status[BATCH];
    while (first < end) {
        size_t count = 0;
        for (; count < BATCH && first < end; count++, first += page_size()) {
            *(volatile char *)first = 0;
            pages[count] = (void *)first;
            nodes[count] = node;
        }
        if (!library_may_place() || sys_move_pages(count, pages, nodes, status) < 0)
            return;
    }
}

API void *nw_alloc_on(int32_t node, size_t size)
{
    const struct nodewise_door *door = library_door();
    if (!is_node(node))
        return NULL;
    void *block = door && DOOR_HAS(door, alloc_on) ? door->alloc_on((uint32_t)node, size) : NULL;
    if (!block)
        block = malloc(size);
    int saved = errno;
    if (block)
        bring(block, size, node);
    errno = saved;
    return block;
}
