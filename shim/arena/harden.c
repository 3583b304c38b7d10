#include "shim/arena/harden.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/heap.h"
#include "shim/start/environment.h"
#include "shim/state.h"

bool nw_hardened ON_DATA_PAGE;

void harden_read(void)
{
    const char *value = environment_get("NODEWISE_HARDEN");

    nw_hardened = value && strcmp(value, "0") != 0;
}

static _Noreturn void die(const char *line)
{
    ssize_t unused = write(STDERR_FILENO, line, strlen(line));

    (void)unused;
    abort();
}

/* Blocks that the page's own thread has freed; what is on its remote list now may be taken by others. */
static bool is_free_block(const struct page *page, const void *pointer)
{
    const void *block = page->free;

    for (uint32_t i = 0; block && i < page->capacity; i++, block = *(void *const *)block)
        if (block == pointer)
            return true;
    return false;
}

void harden_check_free(const struct page *page, const void *pointer)
{
    uintptr_t offset = (uintptr_t)pointer - (uintptr_t)page_start(page);

    if (page->kind == PAGE_LARGE && offset == 0)
        return;
    if (page->kind == PAGE_DIRTY || page->kind == PAGE_CLEAN)
        die("free(): double free or invalid pointer: this memory is free already (nodewise)\n");
    if (page->kind != PAGE_SMALL || (uint32_t)offset % page->block_size != 0 ||
        (uint32_t)offset / page->block_size >= page->carved)
        die("free(): invalid pointer: not the beginning of a block (nodewise)\n");
    if (page->heap != nw_heap)
        return;
    if (page->freed + (page->state & STATE_CURRENT ? 1 : 0) >= page->allocated)
        die("free(): double free: every block of this page is free already (nodewise)\n");
    if (nw_hardened && is_free_block(page, pointer))
        die("free(): double free (nodewise)\n");
}
