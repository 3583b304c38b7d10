#include "tools/learn/allocated.h"

#include <stdlib.h>

#include "tools/common/json_fields.h"
#include "tools/report/report_survey.h"
#include "tools/segment/segments.h"
#include "tools/segment/snapshot.h"

static struct owned_memory *memory_of(struct allocated *allocated, pid_t tid)
{
    for (size_t i = 0; i < allocated->thread_count; i++)
        if (allocated->threads[i].tid == tid)
            return &allocated->threads[i];
    struct owned_memory *threads =
        realloc(allocated->threads, (allocated->thread_count + 1) * sizeof(*allocated->threads));
    if (!threads)
        return NULL;
    allocated->threads = threads;
    threads[allocated->thread_count] = (struct owned_memory){tid, 0};
    return &threads[allocated->thread_count++];
}

static void add_use(struct allocated *allocated, const json_t *use)
{
    pid_t maker = (pid_t)number_of(use, "maker"), user = (pid_t)number_of(use, "user");
    for (size_t i = 0; i < allocated->use_count; i++)
        if (allocated->uses[i].maker == maker && allocated->uses[i].user == user) {
            allocated->uses[i].looks = (uint64_t)number_of(use, "looks"); /* counted from the start */
            return;
        }
    struct use *uses = realloc(allocated->uses, (allocated->use_count + 1) * sizeof(*uses));
    if (!uses)
        return;
    allocated->uses = uses;
    uses[allocated->use_count++] = (struct use){maker, user, (uint64_t)number_of(use, "looks")};
}

/* Counted from the start, as the uses are. */
static void add_shared(struct allocated *allocated, const json_t *value)
{
    struct shared new = {(pid_t)number_of(value, "first"), (pid_t)number_of(value, "second"),
                         (uint64_t)number_of(value, "changes")};
    for (size_t i = 0; i < allocated->shared_count; i++)
        if (allocated->shared[i].first == new.first && allocated->shared[i].second == new.second) {
            allocated->shared[i].changes = new.changes;
            return;
        }
    struct shared *shared = realloc(allocated->shared, (allocated->shared_count + 1) * sizeof(*shared));
    if (!shared)
        return;
    allocated->shared = shared;
    shared[allocated->shared_count++] = new;
}

void allocated_add(struct allocated *allocated, const json_t *pages)
{
    size_t index;
    json_t *value;
    json_array_foreach(json_object_get(pages, "threads"), index, value) {
        struct owned_memory *memory = memory_of(allocated, (pid_t)number_of(value, "tid"));
        uint64_t bytes = (uint64_t)number_of(value, "resident");
        if (memory && bytes > memory->bytes)
            memory->bytes = bytes;
    }
    json_array_foreach(json_object_get(pages, "uses"), index, value)
        add_use(allocated, value);
    json_array_foreach(json_object_get(pages, "shared"), index, value)
        add_shared(allocated, value);
}

void allocated_look(struct allocated *allocated, pid_t pid)
{
    struct snapshot snapshot;
    struct segment_file segment;
    uint32_t number;
    if (allocated->looks++ % ALLOCATED_EVERY || segment_find(&segment, pid) != 0)
        return;
    json_t *pages = json_object();
    if (snapshot_read(&snapshot, &segment) == 0) {
        if (pages)
            survey_add(pages, &snapshot, &segment);
        allocated_add(allocated, pages);
        survey_ask(&segment, &number);
        snapshot_free(&snapshot);
    }
    json_decref(pages);
    segment_close(&segment);
}

uint64_t allocated_of(const struct allocated *allocated, pid_t tid)
{
    for (size_t i = 0; i < allocated->thread_count; i++)
        if (allocated->threads[i].tid == tid)
            return allocated->threads[i].bytes;
    return 0;
}

void allocated_free(struct allocated *allocated)
{
    free(allocated->threads);
    free(allocated->uses);
    free(allocated->shared);
    *allocated = (struct allocated){0};
}
