#include "policy/plan_build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Room for `more` records at the end; NULL after an error. */
static void *extend(struct plan_builder *builder, enum plan_section_id id, uint32_t more)
{
    struct build_section *section = &builder->sections[id];
    if (builder->error)
        return NULL;
    uint64_t needed = (uint64_t)section->count + more;
    if (needed * plan_record_size[id] > PLAN_MAX_SIZE) {
        builder->error = -E2BIG;
        return NULL;
    }
    if (needed > section->capacity) {
        uint64_t capacity = needed < 16 ? 16 : 2 * needed;
        void *data = realloc(section->data, capacity * plan_record_size[id]);
        if (!data) {
            builder->error = -ENOMEM;
            return NULL;
        }
        section->data = data;
        section->capacity = (uint32_t)capacity;
    }
    char *at = (char *)section->data + (size_t)section->count * plan_record_size[id];
    section->count += more;
    return at;
}

uint32_t build_next(const struct plan_builder *builder, enum plan_section_id section)
{
    return builder->sections[section].count;
}

uint32_t build_add(struct plan_builder *builder, enum plan_section_id section, const void *record)
{
    uint32_t index = build_next(builder, section);
    void *at = extend(builder, section, 1);
    if (at)
        memcpy(at, record, plan_record_size[section]);
    return index;
}

uint32_t build_text(struct plan_builder *builder, const char *text)
{
    const struct build_section *strings = &builder->sections[PLAN_STRINGS];
    size_t size = text ? strlen(text) + 1 : 1;
    if (size == 1 && strings->count)
        return 0;
    /* A plan holds some dozens of texts: looking through them beats a table of them. */
    const char *data = strings->data;
    for (uint32_t at = 0; at < strings->count; at += (uint32_t)strlen(data + at) + 1)
        if (strcmp(data + at, text) == 0)
            return at;
    if (size > PLAN_MAX_SIZE) {
        builder->error = -E2BIG;
        return 0;
    }
    uint32_t offset = strings->count;
    char *at = extend(builder, PLAN_STRINGS, (uint32_t)size);
    if (at)
        memcpy(at, text ? text : "", size);
    return at ? offset : 0;
}

/* The words of a set without the empty ones at both ends. */
struct trimmed {
    uint32_t first, count;
    const uint64_t *words;
};

static struct trimmed trim(const struct cpuset *set)
{
    size_t first = 0, end = set->count;
    while (first < end && set->words[first] == 0)
        first++;
    while (end > first && set->words[end - 1] == 0)
        end--;
    if (first == end)
        return (struct trimmed){0};
    return (struct trimmed){(uint32_t)first, (uint32_t)(end - first), set->words + first};
}

static uint32_t hash_of(const struct trimmed *mask)
{
    uint64_t hash = mask->first * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < mask->count; i++)
        hash = (hash ^ mask->words[i]) * UINT64_C(0xff51afd7ed558ccd) + (hash >> 29);
    return (uint32_t)(hash ^ hash >> 32);
}

static struct trimmed stored_mask(const struct plan_builder *builder, uint32_t index)
{
    const struct plan_mask *mask = (const struct plan_mask *)builder->sections[PLAN_MASKS].data + index;
    const uint64_t *words = builder->sections[PLAN_WORDS].data;
    return (struct trimmed){mask->first_word, mask->word_count, words + mask->word_first};
}

/* Where the mask is in the hash, or the free place where it belongs. */
static uint32_t *find_entry(const struct plan_builder *builder, const struct trimmed *mask)
{
    uint32_t at = hash_of(mask);
    for (;; at++) {
        uint32_t *entry = &builder->mask_index[at % builder->mask_index_size];
        if (*entry == PLAN_NONE)
            return entry;
        struct trimmed other = stored_mask(builder, *entry);
        if (other.first == mask->first && other.count == mask->count &&
            (mask->count == 0 || memcmp(other.words, mask->words, mask->count * sizeof(*mask->words)) == 0))
            return entry;
    }
}

/* Keeps the hash at most half full. */
static int grow_index(struct plan_builder *builder)
{
    uint32_t masks = build_next(builder, PLAN_MASKS);
    if (2 * (masks + 1) <= builder->mask_index_size)
        return 0;
    uint32_t size = builder->mask_index_size ? 4 * builder->mask_index_size : 64;
    uint32_t *index = malloc(size * sizeof(*index));
    if (!index)
        return -ENOMEM;
    memset(index, 0xff, size * sizeof(*index));
    free(builder->mask_index);
    builder->mask_index = index;
    builder->mask_index_size = size;
    for (uint32_t i = 0; i < masks; i++) {
        struct trimmed mask = stored_mask(builder, i);
        *find_entry(builder, &mask) = i;
    }
    return 0;
}

uint32_t build_mask(struct plan_builder *builder, const struct cpuset *set)
{
    if (builder->error)
        return 0;
    builder->error = grow_index(builder);
    if (builder->error)
        return 0;
    struct trimmed mask = trim(set);
    uint32_t *entry = find_entry(builder, &mask);
    if (*entry != PLAN_NONE)
        return *entry;

    struct plan_mask record = {
        .first_word = mask.first,
        .word_first = build_next(builder, PLAN_WORDS),
        .word_count = mask.count,
        .weight = cpuset_weight(set),
    };
    uint64_t *words = mask.count ? extend(builder, PLAN_WORDS, mask.count) : NULL;
    if (words)
        memcpy(words, mask.words, mask.count * sizeof(*words));
    uint32_t index = build_add(builder, PLAN_MASKS, &record);
    if (builder->error)
        return 0;
    *entry = index;
    return index;
}

void build_init(struct plan_builder *ret_builder)
{
    *ret_builder = (struct plan_builder){0};
    build_text(ret_builder, NULL);
    build_mask(ret_builder, &CPUSET_EMPTY);
}

void build_free(struct plan_builder *builder)
{
    for (unsigned i = 0; i < PLAN_SECTION_COUNT; i++)
        free(builder->sections[i].data);
    free(builder->mask_index);
    *builder = (struct plan_builder){0};
}

static uint64_t round_up_8(uint64_t size)
{
    return (size + 7) & ~UINT64_C(7);
}

int build_finish(struct plan_builder *builder, struct plan_bytes *ret_plan)
{
    struct plan_header *header = &builder->header;
    uint64_t size = sizeof(*header);
    if (builder->error)
        return builder->error;
    for (unsigned i = 0; i < PLAN_SECTION_COUNT; i++) {
        header->sections[i] = (struct plan_section){(uint32_t)size, builder->sections[i].count};
        size += round_up_8((uint64_t)builder->sections[i].count * plan_record_size[i]);
        if (size > PLAN_MAX_SIZE)
            return -E2BIG;
    }
    char *data = calloc(1, size);
    if (!data)
        return -ENOMEM;
    header->magic = PLAN_MAGIC;
    header->version = PLAN_VERSION;
    header->header_size = sizeof(*header);
    header->total_size = size;
    header->checksum = 0;
    memcpy(data, header, sizeof(*header));
    for (unsigned i = 0; i < PLAN_SECTION_COUNT; i++)
        if (builder->sections[i].count)
            memcpy(data + header->sections[i].offset, builder->sections[i].data,
                   (size_t)builder->sections[i].count * plan_record_size[i]);
    header->checksum = plan_checksum(data, size);
    memcpy(data, header, sizeof(*header));
    *ret_plan = (struct plan_bytes){data, size};
    return 0;
}
