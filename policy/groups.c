#include "policy/groups.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * All CPUs begin as one group. Each mask then splits the groups that it has only a part of: those of its CPUs that were
 * together get a number that is new.
 */

struct splitting {
    const struct plan_builder *builder;
    uint32_t *group;  /* of each CPU */
    uint32_t *became; /* of each group: what those of its CPUs that the present mask has get */
    uint32_t *since;  /* of each group: the mask for which `became` is meant, + 1 */
    uint32_t cpus, groups;
    uint8_t *is_done; /* of each mask */
};

/* Numbers that no CPU has any more are not used again: there is one for each CPU and mask at most, and a new start. */
static void renumber(struct splitting *s)
{
    uint32_t *number = s->became;
    memset(number, 0xff, 2 * s->cpus * sizeof(*number));
    uint32_t groups = 0;
    for (uint32_t cpu = 0; cpu < s->cpus; cpu++) {
        if (number[s->group[cpu]] == PLAN_NONE)
            number[s->group[cpu]] = groups++;
        s->group[cpu] = number[s->group[cpu]];
    }
    s->groups = groups;
    memset(s->since, 0, 2 * s->cpus * sizeof(*s->since));
}

static void split(struct splitting *s, uint32_t index)
{
    const struct plan_mask *mask = (const struct plan_mask *)s->builder->sections[PLAN_MASKS].data + index;
    const uint64_t *words = (const uint64_t *)s->builder->sections[PLAN_WORDS].data + mask->word_first;
    if (s->is_done[index])
        return;
    s->is_done[index] = 1;
    if (s->groups + mask->weight > 2 * s->cpus)
        renumber(s);
    for (uint32_t i = 0; i < mask->word_count; i++)
        for (uint64_t word = words[i]; word; word &= word - 1) {
            uint32_t cpu = (mask->first_word + i) * 64 + (uint32_t)__builtin_ctzll(word);
            if (cpu >= s->cpus)
                continue;
            uint32_t old = s->group[cpu];
            if (s->since[old] != index + 1) {
                s->since[old] = index + 1;
                s->became[old] = s->groups++;
            }
            s->group[cpu] = s->became[old];
        }
}

static void split_all(struct splitting *s)
{
    const struct plan_slot *slots = s->builder->sections[PLAN_SLOTS].data;
    for (uint32_t i = 0; i < s->builder->sections[PLAN_SLOTS].count; i++) {
        split(s, slots[i].mask);
        split(s, slots[i].core_mask);
        split(s, slots[i].around);
    }
}

/* The first CPU of each group stands for it. */
static int note(struct splitting *s, struct plan_builder *builder)
{
    struct plan_cpu *cpus = builder->sections[PLAN_CPUS].data;
    struct cpuset first = CPUSET_EMPTY;
    int error = 0;
    renumber(s);
    memset(s->became, 0xff, s->cpus * sizeof(*s->became));
    for (uint32_t cpu = 0; cpu < s->cpus && error == 0; cpu++) {
        uint32_t *head = &s->became[s->group[cpu]];
        if (*head == PLAN_NONE) {
            *head = cpu;
            error = cpuset_add(&first, cpu);
        }
        cpus[cpu].group = *head;
        cpus[*head].group_size++;
    }
    if (error == 0)
        builder->header.groups = build_mask(builder, &first);
    cpuset_free(&first);
    return error;
}

int group_cpus(struct plan_builder *builder)
{
    if (builder->error)
        return builder->error;
    uint32_t cpus = builder->sections[PLAN_CPUS].count;
    struct splitting s = {.builder = builder, .cpus = cpus, .groups = 1};
    s.group = calloc(cpus, sizeof(*s.group));
    s.became = calloc(2 * (size_t)cpus, sizeof(*s.became));
    s.since = calloc(2 * (size_t)cpus, sizeof(*s.since));
    s.is_done = calloc(builder->sections[PLAN_MASKS].count, 1);
    int error = -ENOMEM;
    if (s.group && s.became && s.since && s.is_done) {
        split_all(&s);
        error = note(&s, builder);
    }
    free(s.group);
    free(s.became);
    free(s.since);
    free(s.is_done);
    return error;
}
