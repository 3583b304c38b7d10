#include "tools/apply/moving.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "policy/compile.h"
#include "policy/grow.h"
#include "tools/common/numa_library.h"
#include "tools/common/process.h"

#define STRIPE     ((uint64_t)2 << 20) /* bytes: what moves together, so that no huge page is asked to be on two nodes */
#define BATCH      512u                /* pages of one call: a stripe of the smallest ones */
#define SLACK      BATCH               /* pages more than its part on a node that is no imbalance */
#define NODES_MOST 1024u               /* as many as a kernel can be built for */

/* --- where memory belongs --- */

/* What decides about the memory of a thread: its rule; for a first thread without one what holds for the rest. */
static const struct plan_rule *rule_of(const struct plan_view *plan, const struct target_thread *thread)
{
    uint32_t rule = thread->picked ? thread->rule : thread->main ? plan->header->default_rule : PLAN_NONE;
    return rule == PLAN_NONE ? NULL : &plan->rules[rule];
}

static int add_nodes_near(struct cpuset *nodes, const struct plan_view *plan, const struct cpuset *cpus)
{
    int error = 0;
    CPUSET_FOREACH(id, cpus)
        if (error == 0 && (uint32_t)id < plan->count[PLAN_CPUS] && plan->cpus[id].mem_node != PLAN_NONE)
            error = cpuset_add(nodes, plan->cpus[id].mem_node);
    return error;
}

static int add_nodes(struct cpuset *nodes, const struct plan_view *plan, const struct plan_rule *rule,
                     const struct target_thread *thread)
{
    struct cpuset named = CPUSET_EMPTY;
    bool names = thread->picked && rule && rule->mem_policy != MEM_DEFAULT && rule->mem_policy != MEM_LOCAL;
    int error = names ? plan_mask_cpuset(plan, plan->slots[thread->pick.slot].mem_mask, &named) : 0;
    if (error == 0)
        error = cpuset_is_empty(&named) ? add_nodes_near(nodes, plan, &thread->asked) : cpuset_or(nodes, &named);
    cpuset_free(&named);
    return error;
}

static bool interleaves(const struct plan_rule *rule)
{
    return rule && (rule->mem_policy == MEM_INTERLEAVE || rule->mem_policy == MEM_WEIGHTED_INTERLEAVE);
}

static int add_thread(struct moving *wish, const struct plan_view *plan, const struct target_thread *thread,
                      bool is_forced)
{
    const struct plan_rule *rule = rule_of(plan, thread);
    if (cpuset_is_empty(&thread->asked) || (!is_forced && !(rule && rule->flags & PLAN_RULE_MIGRATE)))
        return 0;
    wish->interleaves = wish->interleaves && interleaves(rule);
    if (!is_forced && rule->move_bytes < wish->pass_bytes)
        wish->pass_bytes = rule->move_bytes;
    if (!is_forced && (!wish->pass_ms || rule->move_ms < wish->pass_ms))
        wish->pass_ms = rule->move_ms;
    return add_nodes(&wish->nodes, plan, rule, thread);
}

int moving_ask(struct moving *moving, const struct plan_view *plan, const struct target *target, uint64_t budget)
{
    struct moving wish = {.interleaves = true, .pass_bytes = budget};
    int error = 0;
    for (size_t i = 0; i < target->count && error == 0 && budget > 0; i++)
        error = add_thread(&wish, plan, &target->threads[i], budget != MOVING_NO_BUDGET);
    bool is_same = cpuset_equal(&wish.nodes, &moving->nodes) && wish.interleaves == moving->interleaves;
    if (error < 0 || is_same) {
        cpuset_free(&wish.nodes);
        return error;
    }
    wish.moved = moving->moved;
    cpuset_free(&moving->nodes);
    *moving = wish;
    return 0;
}

void moving_free(struct moving *moving)
{
    cpuset_free(&moving->nodes);
}

bool moving_is_due(const struct moving *moving)
{
    return !moving->settled && !cpuset_is_empty(&moving->nodes);
}

/* --- what is mapped, and on which nodes it lies --- */

struct area {
    uint64_t start, end;
    uint64_t page;  /* bytes of its pages, as they are counted */
    uint64_t wrong; /* pages on nodes on which they do not belong, as far as can be counted */
};

struct areas {
    struct area *items;
    size_t count, room;
};

static FILE *open_file(const struct target *target, const char *name)
{
    int fd = openat(target->folder, name, O_RDONLY | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    return file;
}

static int add_area(struct areas *areas, struct area area)
{
    struct area *items = grow(areas->items, &areas->room, areas->count, sizeof(*items));
    if (!items)
        return -ENOMEM;
    areas->items = items;
    areas->items[areas->count++] = area;
    return 0;
}

static int read_areas(struct areas *areas, const struct target *target)
{
    char *line = NULL;
    size_t size = 0;
    int error = 0;
    FILE *file = open_file(target, "maps");
    if (!file)
        return -errno;
    while (error == 0 && getline(&line, &size, file) > 0) {
        struct area area = {.page = page_bytes()};
        if (sscanf(line, "%" SCNx64 "-%" SCNx64, &area.start, &area.end) == 2)
            error = add_area(areas, area);
    }
    free(line);
    fclose(file);
    return error;
}

static int by_start(const void *a, const void *b)
{
    const struct area *one = a, *other = b;
    return (one->start > other->start) - (one->start < other->start);
}

/* " N0=12 N1=7 kernelpagesize_kB=4": other words of the line hold no blank. */
static void count_wrong(struct area *area, const struct moving *moving, const char *line)
{
    uint64_t all = 0, elsewhere = 0, on[NODES_MOST] = {0}, pages, kilobytes;
    unsigned node, parts = cpuset_weight(&moving->nodes);
    for (const char *at = strstr(line, " N"); at; at = strstr(at + 1, " N")) {
        if (sscanf(at, " N%u=%" SCNu64, &node, &pages) != 2 || node >= NODES_MOST)
            continue;
        all += pages;
        on[node] += pages;
        elsewhere += cpuset_has(&moving->nodes, node) ? 0 : pages;
    }
    const char *size = strstr(line, " kernelpagesize_kB=");
    if (size && sscanf(size, " kernelpagesize_kB=%" SCNu64, &kilobytes) == 1 && kilobytes > 0)
        area->page = kilobytes << 10;
    area->wrong = elsewhere;
    CPUSET_FOREACH(id, &moving->nodes)
        if (moving->interleaves && (unsigned)id < NODES_MOST && on[id] > all / parts + SLACK)
            area->wrong += on[id] - all / parts;
}

static int count_areas(struct areas *areas, const struct moving *moving, const struct target *target)
{
    char *line = NULL;
    size_t size = 0;
    struct area key = {.start = 0};
    FILE *file = open_file(target, "numa_maps");
    if (!file)
        return -errno;
    while (getline(&line, &size, file) > 0) {
        if (sscanf(line, "%" SCNx64, &key.start) != 1)
            continue;
        struct area *area = bsearch(&key, areas->items, areas->count, sizeof(key), by_start);
        if (area)
            count_wrong(area, moving, line);
    }
    free(line);
    fclose(file);
    return 0;
}

/* --- where a page goes --- */

static const struct numa_library *numa; /* from the first pass on */

static int nth_node(const struct cpuset *nodes, uint64_t n)
{
    int node = cpuset_first(nodes);
    for (n %= cpuset_weight(nodes); n > 0; n--)
        node = cpuset_next(nodes, node);
    return node;
}

/* The nearest of the nodes; of several that are as near, the stripe's. */
static int nearest_node(const struct cpuset *nodes, int from, uint64_t stripe)
{
    int best = INT_MAX, found = -1;
    uint64_t near = 0;
    CPUSET_FOREACH(id, nodes) {
        int distance = numa->distance(from, id);
        near = distance < best ? 1 : near + (distance == best);
        best = distance < best ? distance : best;
    }
    stripe %= near;
    CPUSET_FOREACH(id, nodes)
        if (numa->distance(from, id) == best && stripe-- == 0) {
            found = id;
            break;
        }
    return found;
}

static int node_for(const struct moving *moving, uint64_t address, int now)
{
    uint64_t stripe = address / STRIPE;
    if (moving->interleaves)
        return nth_node(&moving->nodes, stripe);
    return cpuset_has(&moving->nodes, (unsigned)now) ? now : nearest_node(&moving->nodes, now, stripe);
}

/* --- one pass --- */

struct pass {
    struct moving *moving;
    pid_t pid;
    uint64_t moved; /* bytes */
    uint64_t wrong; /* bytes that were found elsewhere */
    struct timespec begin;
};

struct batch {
    uint64_t page; /* bytes */
    size_t count;
    void *pages[BATCH];
    int nodes[BATCH], now[BATCH];
};

/* Where they are, into batch->now: a node, or a negative errno (-ENOENT: there is no page). 0 or negative errno. */
static int ask(struct batch *batch, pid_t pid)
{
    return numa->move_pages(pid, batch->count, batch->pages, NULL, batch->now, 0) < 0 ? -errno : 0;
}

/* Keeps those that are elsewhere than they belong. */
static void keep_wrong(struct batch *batch, const struct moving *moving)
{
    size_t kept = 0;
    for (size_t i = 0; i < batch->count; i++) {
        int node = batch->now[i] >= 0 ? node_for(moving, (uintptr_t)batch->pages[i], batch->now[i]) : batch->now[i];
        if (node == batch->now[i])
            continue;
        batch->pages[kept] = batch->pages[i];
        batch->nodes[kept++] = node;
    }
    batch->count = kept;
}

/* What the kernel says of each page while it moves them is not where it is afterwards: a huge page moves with its first. */
static int move(struct batch *batch, struct pass *pass)
{
    struct moving *moving = pass->moving;
    int error = numa->move_pages(pass->pid, batch->count, batch->pages, batch->nodes, batch->now, 0) < 0 ? -errno : 0;
    if (error < 0 && error != -ENOMEM)
        return error;
    error = ask(batch, pass->pid);
    for (size_t i = 0; i < batch->count && error == 0; i++) {
        if (batch->now[i] == batch->nodes[i])
            pass->moved += batch->page;
        else if (batch->now[i] >= 0)
            moving->stays += batch->page;
    }
    return error;
}

static bool is_over(const struct pass *pass)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (now.tv_sec - pass->begin.tv_sec) * 1000 + (now.tv_nsec - pass->begin.tv_nsec) / 1000000;
    return pass->moved >= pass->moving->pass_bytes || (pass->moving->pass_ms && ms >= pass->moving->pass_ms);
}

/* 1: moved, or there was nothing to move. 0: the budget does not reach so far. Or negative errno. */
static int move_stripe(struct pass *pass, uint64_t start, uint64_t end, uint64_t page)
{
    struct batch batch = {.page = page};
    for (uint64_t at = start; at < end && batch.count < BATCH; at += page)
        batch.pages[batch.count++] = (void *)(uintptr_t)at;
    int error = ask(&batch, pass->pid);
    if (error < 0)
        return error;
    keep_wrong(&batch, pass->moving);
    uint64_t left = pass->moving->pass_bytes - pass->moved;
    bool fits = batch.count * page <= left;
    if (!fits && pass->moved > 0)
        return 0;
    if (!fits) /* less than a stripe in each pass: a part of one, lest nothing ever moves */
        batch.count = left / page;
    error = batch.count ? move(&batch, pass) : 0;
    return error < 0 ? error : fits;
}

static uint64_t end_of_stripe(const struct area *area, uint64_t at)
{
    uint64_t size = area->page > STRIPE ? area->page : STRIPE;
    uint64_t end = at - at % size + size;
    return end < area->end ? end : area->end;
}

/* As move_stripe(), of an area from the cursor on. */
static int move_area(struct pass *pass, const struct area *area)
{
    struct moving *moving = pass->moving;
    uint64_t at = moving->cursor > area->start ? moving->cursor : area->start;
    while (at < area->end) {
        uint64_t end = end_of_stripe(area, at);
        int done = is_over(pass) ? 0 : move_stripe(pass, at, end, area->page);
        if (done <= 0)
            return done;
        at = moving->cursor = end;
    }
    return 1;
}

/* 1: all was looked at. As above. */
static int move_areas(struct pass *pass, const struct areas *areas)
{
    int done = 1;
    for (size_t i = 0; i < areas->count && done > 0; i++)
        if (areas->items[i].wrong && areas->items[i].end > pass->moving->cursor)
            done = move_area(pass, &areas->items[i]);
    return done;
}

static enum reason reason_for(const struct moving *moving, int error, bool dry_run)
{
    switch (-error) {
    case 0:
        return moving->left && !dry_run ? REASON_BUDGET : moving->stays ? REASON_NOT_MOVED : REASON_OK;
    case EPERM:
        return REASON_EPERM;
    case ENOSYS:
    case ENOENT: /* of numa_maps: a kernel without NUMA */
        return REASON_NO_MEMPOLICY;
    case EACCES: /* of move_pages: the nodes are not in its cpuset; of numa_maps: it is another user's */
        return REASON_EINVAL;
    default:
        return REASON_ERRNO;
    }
}

static int look_and_move(struct pass *pass, const struct target *target, bool dry_run)
{
    struct areas areas = {.items = NULL};
    int done = numa_library_load(&numa);
    if (done == 0)
        done = numa->available() < 0 ? -ENOSYS : 1;
    if (done > 0 && (done = read_areas(&areas, target)) == 0 &&
        (done = count_areas(&areas, pass->moving, target)) == 0) {
        for (size_t i = 0; i < areas.count; i++)
            pass->wrong += areas.items[i].end > pass->moving->cursor ? areas.items[i].wrong * areas.items[i].page : 0;
        done = dry_run ? 0 : move_areas(pass, &areas);
    }
    free(areas.items);
    return done;
}

void moving_pass(struct moving *moving, struct target *target, bool dry_run)
{
    struct pass pass = {.moving = moving, .pid = target->pid};
    uint64_t stayed = moving->stays, cursor = moving->cursor;
    if (!moving_is_due(moving))
        return;
    clock_gettime(CLOCK_MONOTONIC, &pass.begin);
    int done =
        look_and_move(&pass, target, dry_run); /* of a number that is another process's by now the files are gone */
    uint64_t seen = pass.moved + (moving->stays - stayed);
    moving->moved += pass.moved;
    moving->left = done == 0 && pass.wrong > seen ? pass.wrong - seen : 0;
    moving->settled = done != 0 || dry_run || (!seen && moving->cursor == cursor);
    target_has_changed(target); /* a process that has ended is no error */
    moving->error = done < 0 && !target->ended ? done : 0;
    moving->reason = reason_for(moving, moving->error, dry_run);
    moving->changed = true;
}
