/*
 * segment_input: a segment and a plan out of one input of bytes. What any damage would be noticed by at once is put right,
 * where the input's flags say so: the checks and views behind are what is tried.
 */
#ifndef NODEWISE_TESTS_FUZZ_SEGMENT_INPUT_H
#define NODEWISE_TESTS_FUZZ_SEGMENT_INPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/plan.h"
#include "shim/base/segment_layout.h"

#define INPUT_MOST ((size_t)1 << 20)
#define INPUT_HEAD 8u

enum segment_input_flag {
    INPUT_HEADER = 1 << 0, /* magic, version and sizes of the segment */
    INPUT_PLAN = 1 << 1,   /* the same of the plan, and its checksum */
    INPUT_IS_OURS = 1 << 2 /* pid, start, state and plan of the process that is looked at */
};

extern unsigned long segments_shown; /* of the inputs: sound enough for `show` */

struct segment_input {
    uint8_t flags;
    char *segment, *plan; /* aligned */
    size_t segment_size, plan_size;
    uint32_t tid; /* of the first thread */
};

static inline bool segment_input_read(struct segment_input *ret_input, const uint8_t *data, size_t size)
{
    uint32_t segment_size;
    if (size < INPUT_HEAD)
        return false;
    memcpy(&segment_size, data + 4, sizeof(segment_size));
    size -= INPUT_HEAD;
    if (segment_size > size)
        segment_size = (uint32_t)size;
    *ret_input = (struct segment_input){.flags = data[0],
                                        .segment = calloc(1, segment_size + 8),
                                        .plan = calloc(1, size - segment_size + 8),
                                        .segment_size = segment_size,
                                        .plan_size = (size - segment_size) & ~(size_t)7};
    if (!ret_input->segment || !ret_input->plan)
        abort();
    memcpy(ret_input->segment, data + INPUT_HEAD, segment_size);
    memcpy(ret_input->plan, data + INPUT_HEAD + segment_size, ret_input->plan_size);
    return true;
}

static inline void segment_input_put_right(struct segment_input *input, uint32_t pid, const char *plan_path)
{
    struct segment_header *header = (void *)input->segment;
    struct plan_header *plan = (void *)input->plan;
    if (input->plan_size >= sizeof(*plan) && (input->flags & INPUT_PLAN)) {
        plan->magic = PLAN_MAGIC;
        plan->version = PLAN_VERSION;
        plan->header_size = sizeof(*plan);
        plan->total_size = input->plan_size;
        plan->checksum = plan_checksum(plan, input->plan_size);
    }
    if (input->segment_size < sizeof(*header))
        return;
    if (input->flags & INPUT_HEADER) {
        header->magic = SEGMENT_MAGIC;
        header->version = SEGMENT_VERSION;
        header->header_size = sizeof(*header);
        header->total_size = input->segment_size;
    }
    if (input->flags & INPUT_IS_OURS) {
        header->pid = pid;
        header->start_ticks = 0;
        header->state = SEGMENT_ACTIVE;
        snprintf(header->plan_path, sizeof(header->plan_path), "%s", plan_path);
        if (input->plan_size >= sizeof(*plan))
            header->plan_checksum = plan->checksum;
    }
    uint32_t threads = header->sections[SEGMENT_THREAD_TABLE].offset;
    if (threads < input->segment_size && input->segment_size - threads >= sizeof(struct segment_thread))
        memcpy(&input->tid, input->segment + threads + 4, sizeof(input->tid));
}

static inline void segment_input_free(struct segment_input *input)
{
    free(input->segment);
    free(input->plan);
}

#endif
