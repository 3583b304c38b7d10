#include "tools/segment/outside_record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/plan.h"
#include "shim/base/segment_layout.h"

#define FIRST_NAMESPACE 0xeffffffcu /* inode of the machine's own pid namespace (include/linux/proc_ns.h) */

void outside_stem(pid_t pid, char *ret_stem, size_t size)
{
    struct stat status;
    if (stat("/proc/self/ns/pid", &status) == 0 && status.st_ino != FIRST_NAMESPACE)
        snprintf(ret_stem, size, "%d-%llu", (int)pid, (unsigned long long)status.st_ino);
    else
        snprintf(ret_stem, size, "%d", (int)pid);
}

static size_t threads_size(const struct outside_head *head)
{
    return head->thread_count * sizeof(struct outside_thread);
}

static size_t masks_size(const struct outside_head *head)
{
    return (size_t)head->mask_count * head->mask_words * sizeof(uint64_t);
}

size_t outside_segment_offset(const struct outside_head *head)
{
    return sizeof(*head) + threads_size(head) + masks_size(head);
}

int outside_check_head(const struct outside_head *head, size_t size)
{
    if (head->magic != OUTSIDE_MAGIC)
        return -EINVAL;
    if (head->version != OUTSIDE_VERSION || head->head_size != sizeof(*head))
        return -EPROTONOSUPPORT;
    bool sound = head->total_size == size && head->thread_count <= SEGMENT_THREADS &&
                 head->mask_count <= head->thread_count && head->mask_words <= PLAN_MAX_CPUS / 64 &&
                 outside_segment_offset(head) < size;
    return sound ? 0 : -EINVAL;
}

/* Ascending, so that a thread is found by halving; each mask is one of the record's. */
static bool threads_are_sound(const struct outside_record *record)
{
    for (uint32_t i = 0; i < record->head.thread_count; i++) {
        const struct outside_thread *thread = &record->threads[i];
        if ((i > 0 && thread->tid <= record->threads[i - 1].tid) ||
            (thread->mask != OUTSIDE_NOTHING && thread->mask >= record->head.mask_count))
            return false;
    }
    return true;
}

int outside_record_parse(struct outside_record *ret_record, const struct file_bytes *file)
{
    struct outside_record record = {.threads = NULL};
    if (file->size < sizeof(record.head))
        return -EINVAL;
    memcpy(&record.head, file->data, sizeof(record.head));
    int error = outside_check_head(&record.head, file->size);
    if (error < 0)
        return error;
    record.head.policy[sizeof(record.head.policy) - 1] = '\0';
    const char *at = file->data + sizeof(record.head);
    record.threads = malloc(threads_size(&record.head) + 1);
    record.masks = malloc(masks_size(&record.head) + 1);
    error = record.threads && record.masks ? 0 : -ENOMEM;
    if (error == 0) {
        memcpy(record.threads, at, threads_size(&record.head));
        memcpy(record.masks, at + threads_size(&record.head), masks_size(&record.head));
        error = threads_are_sound(&record) ? 0 : -EINVAL;
    }
    if (error < 0)
        outside_record_free(&record);
    else
        *ret_record = record;
    return error;
}

void outside_record_free(struct outside_record *record)
{
    free(record->threads);
    free(record->masks);
    *record = (struct outside_record){.threads = NULL};
}

static int by_tid(const void *a, const void *b)
{
    const struct outside_thread *one = a, *other = b;
    return (one->tid > other->tid) - (one->tid < other->tid);
}

bool outside_record_asked(const struct outside_record *record, uint32_t tid, struct cpuset *ret_view)
{
    const struct outside_thread key = {.tid = tid};
    const struct outside_thread *thread =
        record->head.thread_count ? bsearch(&key, record->threads, record->head.thread_count, sizeof(key), by_tid)
                                  : NULL;
    if (!thread || thread->mask == OUTSIDE_NOTHING)
        return false;
    *ret_view =
        (struct cpuset){record->masks + (size_t)thread->mask * record->head.mask_words, record->head.mask_words};
    return true;
}
