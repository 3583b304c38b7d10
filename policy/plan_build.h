/*
 * plan_build: puts a plan's records into sections and the sections into one block. Knows the file format, not
 * what the records mean (compile.c does).
 *
 * The first error sticks in builder->error (-ENOMEM, -E2BIG) and every later call does nothing, so a caller
 * checks once, at build_finish(). One thread at a time; not for the shim.
 */
#ifndef NODEWISE_POLICY_PLAN_BUILD_H
#define NODEWISE_POLICY_PLAN_BUILD_H

#include "policy/compile.h"
#include "policy/cpuset.h"
#include "policy/plan.h"

struct build_section {
    void *data;
    uint32_t count, capacity; /* records */
};

struct plan_builder {
    struct plan_header header; /* the caller fills in what is not about the format */
    struct build_section sections[PLAN_SECTION_COUNT];
    uint32_t *mask_index; /* open-addressed hash of masks by content, PLAN_NONE: free */
    uint32_t mask_index_size;
    int error;
};

void build_init(struct plan_builder *ret_builder); /* with the empty text and the empty mask in place */
void build_free(struct plan_builder *builder);

/* Appends one record, returns its index. */
uint32_t build_add(struct plan_builder *builder, enum plan_section_id section, const void *record);
/* The next index of a section: where a run of records begins. */
uint32_t build_next(const struct plan_builder *builder, enum plan_section_id section);
/* The offset of the text, stored once; NULL is "". */
uint32_t build_text(struct plan_builder *builder, const char *text);
/* The index of the mask, stored once. */
uint32_t build_mask(struct plan_builder *builder, const struct cpuset *set);

/* The finished plan: 0, or the first error. The builder still has to be freed. */
int build_finish(struct plan_builder *builder, struct plan_bytes *ret_plan);

#endif
