/* What a thread has asked to be done when it has moved, and doing it. */
#include "shim/api/relocate.h"

#include <errno.h>
#include <stdlib.h>

#include "shim/api/cpus.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/base/page_size.h"
#include "shim/sys/placing.h"

#define BATCH 256u /* pages that one call moves */

struct watcher {
    struct watcher *next;
    void (*fn)(struct nw_affinity from, struct nw_affinity to, void *context);
    void *context;
    bool off; /* taken off while functions are being called */
};

struct tracked {
    struct tracked *next;
    char *start; /* of its whole pages */
    size_t size;
    void *given;
};

/* --- functions --- */

static void sweep_watchers(struct thread_record *record)
{
    for (struct watcher **at = &record->watchers; *at;) {
        struct watcher *watcher = *at;
        if (watcher->off) {
            *at = watcher->next;
            free(watcher);
        } else {
            at = &watcher->next;
        }
    }
}

static int take_off(struct thread_record *record, const void *context)
{
    bool any = false;
    for (struct watcher *watcher = record ? record->watchers : NULL; watcher; watcher = watcher->next)
        if (watcher->context == context && !watcher->off)
            any = watcher->off = true;
    if (record && !record->relocating)
        sweep_watchers(record);
    return any ? 0 : -ENOENT;
}

/* At the end of the list: they are called in the order in which they came. */
static int put_on(void (*fn)(struct nw_affinity, struct nw_affinity, void *), void *context)
{
    struct thread_record *record = thread_record_need();
    struct watcher *watcher = record ? malloc(sizeof(*watcher)) : NULL;
    if (!watcher)
        return -ENOMEM;
    *watcher = (struct watcher){.fn = fn, .context = context};
    struct watcher **at = &record->watchers;
    while (*at)
        at = &(*at)->next;
    *at = watcher;
    return 0;
}

API int nw_on_relocate(void (*fn)(struct nw_affinity from, struct nw_affinity to, void *context), void *context)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = fn ? put_on(fn, context) : take_off(thread_record(), context);
    errno = saved;
    return error;
}

/* --- memory --- */

static void move_pages_of(const struct tracked *tracked, int node)
{
    void *pages[BATCH];
    int nodes[BATCH], status[BATCH];
    for (size_t done = 0; done < tracked->size;) {
        size_t count = 0;
        for (; count < BATCH && done < tracked->size; count++, done += page_size()) {
            pages[count] = tracked->start + done;
            nodes[count] = node;
        }
        if (sys_move_pages(count, pages, nodes, status) < 0)
            return;
    }
}

static int forget_tracked(struct thread_record *record, const void *given)
{
    for (struct tracked **at = record ? &record->tracked : NULL; at && *at; at = &(*at)->next)
        if ((*at)->given == given) {
            struct tracked *tracked = *at;
            *at = tracked->next;
            free(tracked);
            return 0;
        }
    return -ENOENT;
}

static int track(void *start, size_t length)
{
    uintptr_t page = page_size(), first = ((uintptr_t)start + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)start + length) & ~(page - 1);
    if (end <= first || (uintptr_t)start + length < (uintptr_t)start)
        return -EINVAL;
    struct thread_record *record = thread_record_need();
    struct tracked *tracked = record ? malloc(sizeof(*tracked)) : NULL;
    if (!tracked)
        return -ENOMEM;
    *tracked = (struct tracked){record->tracked, (char *)first, end - first, start};
    record->tracked = tracked;
    return 0;
}

API int nw_track(void *start, size_t length)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = length ? track(start, length) : forget_tracked(thread_record(), start);
    errno = saved;
    return error;
}

/* --- safe points --- */

static int32_t node_of(struct nw_affinity at)
{
    return at.node >= 0 ? at.node : cpus_node_of_index(at.node_index);
}

static unsigned relocate(struct thread_record *record, struct nw_affinity to)
{
    struct nw_affinity from = record->last;
    unsigned called = 0;
    record->last = to;
    record->relocating = true;
    if (from.node_index != to.node_index && library_may_place())
        for (const struct tracked *tracked = record->tracked; tracked; tracked = tracked->next)
            move_pages_of(tracked, node_of(to));
    for (struct watcher *watcher = record->watchers; watcher; watcher = watcher->next)
        if (!watcher->off) {
            watcher->fn(from, to, watcher->context);
            called++;
        }
    record->relocating = false;
    sweep_watchers(record);
    return called;
}

API unsigned nw_safe_point(void)
{
    struct thread_record *record = thread_record();
    if (!record || record->relocating || library_is_forked())
        return 0;
    struct nw_affinity now = nw_self();
    if (now.slot == record->last.slot && now.node == record->last.node)
        return 0;
    int saved = errno;
    unsigned called = relocate(record, now);
    errno = saved;
    return called;
}

void relocate_forget(struct thread_record *record)
{
    for (struct watcher *watcher = record->watchers; watcher; watcher = watcher->next)
        watcher->off = true;
    sweep_watchers(record);
    while (record->tracked)
        forget_tracked(record, record->tracked->given);
}
