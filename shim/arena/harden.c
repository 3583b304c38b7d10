#include "shim/arena/harden.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/arena/heap.h"
#include "shim/base/environment.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

bool harden_on ON_DATA_PAGE;

void harden_read(void)
{
    const char *value = environment_get("NODEWISE_HARDEN");
    harden_on = value && strcmp(value, "0") != 0;
}

static _Noreturn void die(const char *line)
{
    ssize_t unused = raw_write(STDERR_FILENO, line, strlen(line));
    (void)unused;
    abort();
}

void harden_die_double_free(void)
{
    die("free(): double free: a page has got more blocks back than it gave out (nodewise)\n");
}

void harden_check_count(const struct page *page, uint32_t count)
{
    if (count > page->used)
        harden_die_double_free();
}

static bool is_in_list(const void *list, const void *pointer)
{
    for (; list; list = *(void *const *)list)
        if (list == pointer)
            return true;
    return false;
}

/* Blocks that the page's own thread has freed; what is on its remote list now may be taken by others. */
static bool is_free_block(const struct page *page, const void *pointer)
{
    return is_in_list(page->free, pointer) || is_in_list(page->heap->bins[page->class_number].blocks, pointer);
}

void harden_check_free(const struct page *page, const void *pointer)
{
    uintptr_t offset = (uintptr_t)pointer - (uintptr_t)page_start(page);
    enum page_kind kind = page_kind(page); /* once: the descriptor may lie on another node */
    uint32_t size = page->block_size;
    if (kind == PAGE_LARGE && offset == 0)
        return;
    if (kind == PAGE_DIRTY || kind == PAGE_CLEAN || kind == PAGE_CACHED)
        die("free(): double free or invalid pointer: this memory is free already (nodewise)\n");
    if (kind != PAGE_SMALL || (uint32_t)offset % size != 0 || (uint32_t)offset / size >= page_carved(page))
        die("free(): invalid pointer: not the beginning of a block (nodewise)\n");
    if (harden_on && page->heap == heap_self && is_free_block(page, pointer))
        die("free(): double free (nodewise)\n");
}
