#include "shim/memory/mover.h"

#include <errno.h>
#include <string.h>

#include "shim/base/common.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/memory/apart.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

#define SECOND UINT64_C(1000000000)
#define CALLS  64u /* for a batch with busy pages: two calls reveal one busy page */

#define MADV_COLD_ADVICE 20 /* Linux 5.4 */

void mover_init(struct mover *mover)
{
    memset(mover, 0, offsetof(struct mover, pages));
    mover_begin(mover, PLAN_NONE);
}

void mover_begin(struct mover *mover, uint32_t rule)
{
    mover->bytes_a_second = mover->ns_a_second = UINT64_MAX;
    mover->busy_count = 0;
    mover_also(mover, rule);
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void mover_also(struct mover *mover, uint32_t number)
{
    const struct plan_view *plan = &shim.plan;
    uint32_t rule = number < plan->count[PLAN_RULES] ? number : plan->header->default_rule;
    if (rule == PLAN_NONE) {
        mover->bytes_a_second = lower(mover->bytes_a_second, MOVER_BYTES);
        mover->ns_a_second = lower(mover->ns_a_second, MOVER_NS);
        return;
    }
    mover->bytes_a_second = lower(mover->bytes_a_second, plan->rules[rule].move_bytes);
    mover->ns_a_second = lower(mover->ns_a_second, plan->rules[rule].move_ms * UINT64_C(1000000));
}

uint64_t mover_wait(struct mover *mover)
{
    uint64_t now = monotonic_ns();
    if (now - mover->second_began >= SECOND) {
        mover->second_began = now;
        mover->second_bytes = mover->second_ns = 0;
    }
    if (mover->second_bytes < mover->bytes_a_second && mover->second_ns < mover->ns_a_second)
        return 0;
    return SECOND - (now - mover->second_began);
}

/* madvise(2) for a part of a huge page splits it (mm/madvise.c). This advice has no other effect of importance. */
static void cut(uintptr_t from, uintptr_t to)
{
    int saved = errno;
    from = page_ceiling(from);
    to = page_floor(to);
    if (from < to)
        raw_madvise((void *)from, to - from, MADV_COLD_ADVICE);
    errno = saved;
}

void mover_cut(uintptr_t start, size_t size)
{
    uintptr_t mask = huge_page_size() - 1, end = start + size, first = (start + mask) & ~mask, last = end & ~mask;
    if (first > last) {
        cut(start, end); /* both ends lie in one huge page */
        return;
    }
    cut(start, first);
    cut(last, end);
}

size_t mover_add(struct mover *mover, uintptr_t start, size_t size, uint32_t node)
{
    uintptr_t from = page_ceiling(start), end = page_floor(start + size);
    for (; from < end && mover->count < MOVER_BATCH; from += page_size()) {
        mover->pages[mover->count] = (void *)from;
        mover->targets[mover->count++] = (int)node;
    }
    return from < end ? from - start : size;
}

/*
 * Removes pages that are already on their target or not present: they are neither moved nor counted. An error is
 * ignored here, because the move reports it as well.
 */
static void leave_out(struct mover *mover)
{
    uint32_t left = 0;
    if (sys_move_pages(mover->count, mover->pages, NULL, mover->status) != 0)
        return;
    for (uint32_t i = 0; i < mover->count; i++) {
        int status = mover->status[i];
        if (status == mover->targets[i] || status == -ENOENT || status == -EFAULT)
            continue;
        mover->pages[left] = mover->pages[i];
        mover->targets[left++] = mover->targets[i];
    }
    mover->count = left;
}

/*
 * The kernel stops at the first run of pages for one node in which it cannot move all pages, and reports nothing about
 * that run (mm/migrate.c). A repeated call reports the pages that have arrived and thereby reveals which page blocks
 * the run: when a call reports nothing new, its first page is the one. That page is skipped, and the pages behind it
 * get their turn.
 */
static int move_all(struct mover *mover)
{
    uint32_t from = 0, seen = UINT32_MAX;
    for (uint32_t i = 0; i < mover->count; i++)
        mover->status[i] = -EBUSY;
    for (uint32_t calls = 0; calls < CALLS && from < mover->count; calls++) {
        int error =
            sys_move_pages(mover->count - from, mover->pages + from, mover->targets + from, mover->status + from);
        if (error)
            return error;
        while (from < mover->count && mover->status[from] != -EBUSY)
            from++;
        if (from == seen)
            from++;
        seen = from;
    }
    /* the calls are used up: ask the kernel where the remaining pages are */
    return from < mover->count ? sys_move_pages(mover->count - from, mover->pages + from, NULL, mover->status + from)
                               : 0;
}

/* The number of kilobytes that follows a name such as "MemFree:". */
static uint64_t figure(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    if (!at)
        return 0;
    at += strlen(name);
    while (*at == ' ')
        at++;
    return read_number(&at);
}

/*
 * Does the node have less free memory than the kernel reserves on it, or than one batch needs? The status of a page
 * says "busy" in this case, too.
 */
static bool is_full(int node)
{
    char path[64], text[512];
    struct text_writer writer = {path, sizeof(path), 0};
    write_text(&writer, "/sys/devices/system/node/node");
    write_number(&writer, (uint64_t)node, 0);
    write_text(&writer, "/meminfo");
    if (!facts_read_file(path, text, sizeof(text)))
        return false;
    uint64_t total = figure(text, "MemTotal:");
    uint64_t spare = MOVER_BATCH * page_size() / 1024 + total / 64;
    return total && figure(text, "MemFree:") < spare;
}

static void note_busy(struct mover *mover, uintptr_t page)
{
    struct span_of_pages *last = mover->busy_count ? &mover->busy[mover->busy_count - 1] : NULL;
    if (last && last->end == page)
        last->end += page_size();
    else if (mover->busy_count < MOVER_BUSY)
        mover->busy[mover->busy_count++] = (struct span_of_pages){page, page + page_size()};
}

static void count_results(struct mover *mover)
{
    int looked_at = -1; /* the pages of a batch hardly ever have more than one target node */
    bool full = false;
    for (uint32_t i = 0; i < mover->count; i++) {
        int status = mover->status[i], node = mover->targets[i];
        if (status == node) {
            mover->moved += page_size();
            if (mover->apart)
                apart_note(mover->apart, (uintptr_t)mover->pages[i], (uint32_t)node);
            continue;
        }
        if (status == -ENOENT || status == -EFAULT)
            continue; /* the page is not present */
        if (looked_at != node && status != -EACCES)
            full = is_full(looked_at = node);
        mover->kept[status == -EACCES ? KEPT_SHARED : full ? KEPT_NODE_FULL : KEPT_IN_USE] += page_size();
        if (status != -EACCES && !full)
            note_busy(mover, (uintptr_t)mover->pages[i]);
    }
}

int mover_run(struct mover *mover)
{
    uint64_t began = monotonic_ns();
    if (!mover->count)
        return 0;
    leave_out(mover);
    int error = mover->count ? move_all(mover) : 0;
    if (error) {
        mover->error = error;
        mover->kept[KEPT_REFUSED] += mover->count * page_size();
    } else {
        count_results(mover);
    }
    mover->second_bytes += mover->count * page_size();
    mover->second_ns += monotonic_ns() - began;
    mover->count = 0;
    return error;
}

size_t mover_busy_in(const struct mover *mover, uintptr_t start, size_t size)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < mover->busy_count; i++) {
        const struct span_of_pages *busy = &mover->busy[i];
        uintptr_t from = busy->start > start ? busy->start : start, end = start + size;
        if (busy->end < end)
            end = busy->end;
        if (from < end)
            bytes += end - from;
    }
    return bytes;
}

void mover_uncount(struct mover *mover, size_t bytes)
{
    mover->kept[KEPT_IN_USE] -= bytes;
}

int mover_add_all(struct mover *mover, uintptr_t start, size_t size, uint32_t node)
{
    int error = 0;
    for (;;) {
        size_t added = mover_add(mover, start, size, node);
        start += added;
        size -= added;
        if (!size || error)
            return error;
        error = mover_run(mover);
    }
}

uint32_t mover_node_of(uintptr_t address)
{
    void *page = (void *)page_floor(address);
    int status = -1;
    return sys_move_pages(1, &page, NULL, &status) == 0 && status >= 0 ? (uint32_t)status : UINT32_MAX;
}
