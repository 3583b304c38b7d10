/* Bytes as a record of `nodewise apply`: the head, each thread's mask, and the segment behind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tools/segment/outside_record.h"
#include "tools/segment/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at_segment(const struct file_bytes *file, const struct outside_head *head)
{
    struct snapshot snapshot;
    size_t begin = outside_segment_offset(head);
    char *segment = malloc(file->size - begin); /* aligned, and of its own size */
    if (!segment)
        abort();
    memcpy(segment, file->data + begin, file->size - begin);
    if (snapshot_copy(&snapshot, &(struct file_bytes){segment, file->size - begin}) == 0)
        snapshot_free(&snapshot);
    free(segment);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outside_record record;
    struct cpuset asked;
    struct file_bytes file = {malloc(size + 1), size};
    if (!file.data)
        abort();
    memcpy(file.data, data, size);
    if (outside_record_parse(&record, &file) == 0) {
        for (uint32_t i = 0; i < record.head.thread_count; i++)
            if (outside_record_asked(&record, record.threads[i].tid, &asked) && cpuset_weight(&asked) > PLAN_MAX_CPUS)
                abort();
        look_at_segment(&file, &record.head);
        outside_record_free(&record);
    }
    free(file.data);
    return 0;
}
