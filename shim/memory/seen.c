#include "shim/memory/seen.h"

#include <string.h>
#include <sys/resource.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/accesses.h"

#define FINE 16384u /* products of weights and us, one of the segment's */

static struct segment_seen totals;
static uint64_t closed_used; /* us: the process's CPU time at the end of its last window */
static bool has_closed;

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
    struct seen_page *page = self->uses ? find(self, page_floor(access->address), node) : NULL;
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

struct seen_clock seen_now(uint64_t samples)
{
    struct rusage usage = {0};
    raw_call(SYS_getrusage, RUSAGE_SELF, &usage);
    return (struct seen_clock){
        .now = monotonic_ns(),
        .used = (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec,
        .samples = samples,
    };
}

void seen_open(struct seen *self, const struct seen_clock *clock)
{
    if (!self->is_open)
        self->opened = *clock;
    self->is_open = true;
    if (!has_closed)
        closed_used = self->opened.used;
    has_closed = true;
}

/* What the program has computed since the last window, in us. */
static uint64_t computed_since(const struct seen *self, const struct seen_clock *clock)
{
    uint64_t own = clock->used - self->opened.used, since = clock->used - closed_used;
    if (!since)
        return clock->samples - self->opened.samples;
    return since / SEEN_TIMES <= own ? since : own * SEEN_TIMES;
}

static void add_squares(uint64_t x, uint64_t y)
{
    uint64_t sum;
    if (__builtin_add_overflow(totals.xx, x * x, &sum)) /* y is at most x */
        return;
    totals.xx = sum;
    totals.xy += x * y;
    totals.yy += y * y;
}

static void add_window(struct seen *self, const struct seen_clock *clock)
{
    uint64_t samples = clock->samples - self->opened.samples, computed = computed_since(self, clock);
    uint64_t x = self->weight * computed / samples / FINE, y = self->weight_local * computed / samples / FINE;
    if (!x)
        return;
    totals.windows++;
    totals.weight += x;
    totals.weight_local += y;
    add_squares(x, y);
    for (uint32_t i = 0; i < SEGMENT_SEEN_NODES; i++)
        totals.served[i] += self->served[i] * computed / samples / FINE;
}

/* A window in which nothing ran says nothing; the next one stands for its time, too. */
static void close_window(struct seen *self, const struct seen_clock *clock)
{
    totals.sampled_ns += clock->now - self->opened.now;
    if (clock->samples != self->opened.samples) {
        add_window(self, clock);
        closed_used = clock->used;
    }
    self->weight = self->weight_local = 0;
    memset(self->served, 0, sizeof(self->served));
    self->is_open = false;
    accesses_publish(&totals);
}

void seen_look(struct seen *self, const struct seen_clock *clock)
{
    if (!self->is_open)
        return;
    ask(self);
    self->stride = self->met / SEEN_SAMPLES | 1; /* odd: two threads that take turns are both seen */
    self->met = 0;
    if (clock->now - self->opened.now < SEEN_WINDOW)
        return;
    close_window(self, clock);
    seen_open(self, clock);
}

void seen_pause(struct seen *self, const struct seen_clock *clock)
{
    if (!self->is_open)
        return;
    for (uint32_t i = 0; i < self->count; i++)
        totals.unknown += self->pages[i].times;
    self->count = 0;
    close_window(self, clock);
}

void seen_forked(void)
{
    if (!has_closed)
        return;
    totals = (struct segment_seen){0};
    has_closed = false;
}
