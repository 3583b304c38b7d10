#include "tools/learn/groups.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim/base/segment_layout.h"
#include "tools/common/json_fields.h"

#define SHARED_THREADS 20u

/* Digits become '*'; what a glob would take for its own is escaped; the kernel's cut at 15 bytes may hide a number. */
static void make_pattern(const char *name, char *ret_pattern, size_t size)
{
    size_t at = 0;
    bool full = strlen(name) == 15;
    for (const char *p = name; *p && at + 3 < size; p++) {
        if (isdigit((unsigned char)*p)) {
            if (at == 0 || ret_pattern[at - 1] != '*')
                ret_pattern[at++] = '*';
            continue;
        }
        if (strchr("*?[\\", *p))
            ret_pattern[at++] = '\\';
        ret_pattern[at++] = *p;
    }
    if (full && at && ret_pattern[at - 1] != '*' && at + 1 < size)
        ret_pattern[at++] = '*';
    ret_pattern[at] = '\0';
}

/* A number that is given again is another thread's: the last record counts. */
static const json_t *record_of(const json_t *report, pid_t tid)
{
    const json_t *found = NULL;
    size_t index;
    json_t *thread;
    json_array_foreach(json_object_get(report, "threads"), index, thread) {
        if (number_of(thread, "tid") == tid)
            found = thread;
    }
    return found;
}

static bool is_same(const struct group *a, const struct group *b)
{
    if (a->is_main || b->is_main)
        return a->is_main && b->is_main;
    if (*a->pattern || *b->pattern)
        return strcmp(a->pattern, b->pattern) == 0;
    return strcmp(a->library, b->library) == 0 && strcmp(a->function, b->function) == 0;
}

static bool is_ours(const struct seen_thread *thread, const json_t *record)
{
    return !record && strcmp(thread->name, SEGMENT_WORKER) == 0;
}

static size_t place_of(struct groups *groups, const struct group *group)
{
    for (size_t i = 0; i < groups->count; i++)
        if (is_same(&groups->items[i], group))
            return i;
    if (groups->count < GROUPS_MOST)
        groups->items[groups->count++] = *group;
    return groups->count - 1;
}

static struct group describe(const struct seen_thread *thread, const json_t *record)
{
    struct group group = {.is_main = truth_of(record, "main")};
    if (truth_of(record, "named") && !group.is_main)
        make_pattern(thread->name, group.pattern, sizeof(group.pattern));
    snprintf(group.library, sizeof(group.library), "%.255s", text_of(record, "start_library"));
    snprintf(group.function, sizeof(group.function), "%.63s", text_of(record, "start_function"));
    snprintf(group.creator, sizeof(group.creator), "%.255s", text_of(record, "creator_library"));
    return group;
}

/* group_of: GROUPS_MOST for the worker. */
static void count_talks(struct groups *groups, const struct observed *observed, const size_t *group_of)
{
    for (size_t i = 0; i < observed->meeting_count; i++) {
        const struct meeting *meeting = &observed->meetings[i];
        size_t a = group_of[meeting->first], b = group_of[meeting->second];
        if (meeting->first == meeting->second || a == GROUPS_MOST || b == GROUPS_MOST)
            continue;
        groups->items[a].talks[b] += meeting->looks;
        if (a != b)
            groups->items[b].talks[a] += meeting->looks;
    }
}

/* GROUPS_MOST: the thread was not observed, or it is the worker. */
static size_t group_of_tid(const struct observed *observed, const size_t *group_of, pid_t tid)
{
    for (size_t i = observed->count; i-- > 0;)
        if (observed->threads[i].tid == tid)
            return group_of[i];
    return GROUPS_MOST;
}

static void count_uses(struct groups *groups, const struct observed *observed, const struct allocated *allocated,
                       const size_t *group_of)
{
    for (size_t i = 0; i < allocated->use_count; i++) {
        const struct use *use = &allocated->uses[i];
        size_t maker = group_of_tid(observed, group_of, use->maker), user = group_of_tid(observed, group_of, use->user);
        if (maker < GROUPS_MOST && user < GROUPS_MOST)
            groups->items[user].uses[maker] += use->looks;
    }
}

/* How often memory changed hands between the threads of one group, each with each. */
struct exchanges {
    pid_t tids[SHARED_THREADS];
    size_t count;
    double between[SHARED_THREADS][SHARED_THREADS]; /* both ways the same */
    double of[SHARED_THREADS];                      /* with all others */
    double all;
};

static size_t exchanges_index(const struct exchanges *self, pid_t tid)
{
    size_t i = 0;
    while (i < self->count && self->tids[i] != tid)
        i++;
    return i;
}

static void exchanges_add(struct exchanges *self, const struct shared *shared)
{
    size_t a = exchanges_index(self, shared->first), b = exchanges_index(self, shared->second);
    double changes = (double)shared->changes;
    if (a == self->count || b == self->count || a == b)
        return;
    self->between[a][b] += changes;
    self->between[b][a] += changes;
    self->of[a] += changes;
    self->of[b] += changes;
    self->all += changes;
}

static struct exchanges exchanges_of(const struct observed *observed, const struct allocated *allocated,
                                     const size_t *group_of, size_t group)
{
    struct exchanges self = {.count = 0};
    for (size_t i = 0; i < observed->count && self.count < SHARED_THREADS; i++)
        if (group_of[i] == group)
            self.tids[self.count++] = observed->threads[i].tid;
    for (size_t i = 0; i < allocated->shared_count; i++)
        exchanges_add(&self, &allocated->shared[i]);
    return self;
}

/*
 * How far the pairs are from what they were if each thread exchanged with all others alike. A thread that started late
 * or runs seldom has less in common with every other one, which says nothing about who belongs together.
 */
static double unevenness_of(const struct exchanges *self)
{
    double products = 0, apart = 0;
    for (size_t a = 0; a < self->count; a++)
        for (size_t b = 0; b < a; b++)
            products += self->of[a] * self->of[b];
    if (products <= 0)
        return 0;
    for (size_t a = 0; a < self->count; a++)
        for (size_t b = 0; b < a; b++) {
            double difference = self->between[a][b] - self->all * self->of[a] * self->of[b] / products;
            apart += difference < 0 ? -difference : difference;
        }
    return apart / self->all;
}

/* Many threads have many pairs, of which the process tells those of the first only. */
static void count_shared(struct groups *groups, const struct observed *observed, const struct allocated *allocated,
                         const size_t *group_of)
{
    for (size_t i = 0; allocated->shared_count && i < groups->count; i++) {
        struct group *group = &groups->items[i];
        if (group->threads > SHARED_THREADS)
            continue;
        struct exchanges exchanges = exchanges_of(observed, allocated, group_of, i);
        group->changes = (uint64_t)exchanges.all;
        group->unevenness = unevenness_of(&exchanges);
    }
}

void groups_make(struct groups *ret_groups, const struct observed *observed, const struct allocated *allocated,
                 const json_t *report)
{
    size_t *group_of = calloc(observed->count + 1, sizeof(*group_of));
    memset(ret_groups, 0, sizeof(*ret_groups));
    for (size_t i = 0; i < observed->count; i++) {
        const struct seen_thread *thread = &observed->threads[i];
        const json_t *record = record_of(report, thread->tid);
        if (group_of)
            group_of[i] = GROUPS_MOST;
        if (is_ours(thread, record))
            continue;
        struct group group = describe(thread, record);
        size_t place = place_of(ret_groups, &group);
        struct group *to = &ret_groups->items[place];
        to->threads++;
        to->ran_ns += thread->ran_ns;
        to->nodes |= thread->nodes;
        to->bytes += allocated_of(allocated, thread->tid);
        ret_groups->ran_ns += thread->ran_ns;
        if (group_of)
            group_of[i] = place;
    }
    if (group_of) {
        count_talks(ret_groups, observed, group_of);
        count_uses(ret_groups, observed, allocated, group_of);
        count_shared(ret_groups, observed, allocated, group_of);
    }
    free(group_of);
}
