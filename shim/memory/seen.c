#include "shim/memory/seen.h"

#include <string.h>

#include "shim/base/common.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/accesses.h"

#define FINE 256u /* of the weights in a window, one of the segment's */

static struct segment_seen totals;
static uint64_t closed_at; /* monotonic ns: end of the process's last window, or 0 */

/* --- accesses --- */

static struct seen_page *find(struct seen *self, uintptr_t page, uint32_t node)
{
    for (uint32_t i = 0; i < self->count; i++)
        if (self->pages[i].page == page && self->pages[i].node == node && self->pages[i].tries == 0)
            return &self->pages[i];
    if (self->count == SEEN_PAGES)
        return NULL;
    self->pages[self->count] = (struct seen_page){.page = page, .node = node};
    return &self->pages[self->count++];
}

void seen_note(struct seen *self, const struct seen_access *access, uint32_t node)
{
    if (!access->operand)
        return;
    if (access->begins)
        self->uses = self->met++ % (self->stride ? self->stride : 1) == 0;
    struct seen_page *page = self->uses ? find(self, access->address & ~(PAGE - 1), node) : NULL;
    if (!page)
        return;
    page->times += access->times;
    page->weight += access->weight * access->times;
    page->samples += access->begins;
}

/* --- where the pages are --- */

static void found(struct seen *self, const struct seen_page *page, uint32_t node)
{
    uint64_t weight = (uint64_t)page->weight * (self->stride ? self->stride : 1);
    totals.samples += page->samples;
    self->weight += weight;
    if (node == page->node) {
        totals.local += page->times;
        self->weight_local += weight;
    } else {
        totals.remote += page->times;
    }
    self->served[node < SEGMENT_SEEN_NODES ? node : SEGMENT_SEEN_NODES - 1] += weight;
}

/* Keeps the pages that are worth another question. */
static void take_answers(struct seen *self, const int *nodes)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < self->count; i++) {
        struct seen_page *page = &self->pages[i];
        if (nodes[i] >= 0)
            found(self, page, (uint32_t)nodes[i]);
        else if (++page->tries == SEEN_TRIES)
            totals.unknown += page->times;
        else
            self->pages[kept++] = *page;
    }
    self->count = kept;
}

static void ask(struct seen *self)
{
    void *pages[SEEN_PAGES];
    int nodes[SEEN_PAGES];
    if (!self->count)
        return;
    for (uint32_t i = 0; i < self->count; i++) {
        pages[i] = (void *)self->pages[i].page;
        nodes[i] = -1;
    }
    sys_move_pages(self->count, pages, NULL, nodes); /* refused: they stay at -1, and become unknown */
    take_answers(self, nodes);
}

/* --- windows --- */

void seen_open(struct seen *self, uint64_t now)
{
    if (!self->opened_at)
        self->opened_at = now;
    if (!closed_at)
        closed_at = self->opened_at;
}

/* How many windows fit into the time since the last one ended. */
static uint64_t windows_since(const struct seen *self, uint64_t now)
{
    uint64_t length = now - self->opened_at, since = now - closed_at;
    uint64_t times = length ? (since + length / 2) / length : 1;
    return times < SEEN_TIMES ? times : SEEN_TIMES;
}

static void add_squares(uint64_t x, uint64_t y)
{
    uint64_t sum;
    if (__builtin_add_overflow(totals.xx, x * x, &sum)) /* no longer known to be sure; y is at most x */
        return;
    totals.xx = sum;
    totals.xy += x * y;
    totals.yy += y * y;
}

static void close_window(struct seen *self, uint64_t now)
{
    uint64_t times = windows_since(self, now);
    uint64_t x = self->weight / FINE * times, y = self->weight_local / FINE * times;
    if (x) {
        totals.windows++;
        totals.weight += x;
        totals.weight_local += y;
        add_squares(x, y);
        for (uint32_t i = 0; i < SEGMENT_SEEN_NODES; i++)
            totals.served[i] += self->served[i] / FINE * times;
    }
    totals.sampled_ns += now - self->opened_at;
    self->weight = self->weight_local = 0;
    memset(self->served, 0, sizeof(self->served));
    closed_at = now;
    self->opened_at = 0;
    accesses_publish(&totals);
}

void seen_look(struct seen *self, uint64_t now)
{
    if (!self->opened_at)
        return;
    ask(self);
    self->stride = self->met / SEEN_SAMPLES | 1; /* odd: two threads that take turns are both seen */
    self->met = 0;
    if (now - self->opened_at < SEEN_WINDOW)
        return;
    close_window(self, now);
    seen_open(self, now);
}

void seen_pause(struct seen *self, uint64_t now)
{
    if (!self->opened_at)
        return;
    for (uint32_t i = 0; i < self->count; i++)
        totals.unknown += self->pages[i].times;
    self->count = 0;
    close_window(self, now);
}

void seen_forked(void)
{
    if (!closed_at)
        return;
    totals = (struct segment_seen){0};
    closed_at = 0;
}
