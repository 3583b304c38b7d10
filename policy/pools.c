#include "policy/pools.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/distribute.h"

/* --- sizes --- */

static int parse_number(const char *text, unsigned *ret_number)
{
    unsigned number = 0;
    for (const char *c = text; *c; c++) {
        if (*c < '0' || *c > '9')
            return -EINVAL;
        number = number * 10 + (unsigned)(*c - '0');
        if (number > POOL_MAX_WORKERS)
            return -EINVAL;
    }
    if (!number)
        return -EINVAL;
    *ret_number = number;
    return 0;
}

int pool_size_parse(const char *text, enum pool_size *ret_size, unsigned *ret_number)
{
    static const struct {
        const char *word;
        enum pool_size size;
    } sizes[] = {{"exactly:", POOL_EXACTLY}, {"at_most:", POOL_AT_MOST}};
    if (strcmp(text, "auto") == 0) {
        *ret_size = POOL_AUTO;
        *ret_number = 0;
        return 0;
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t length = strlen(sizes[i].word);
        if (strncmp(text, sizes[i].word, length) != 0)
            continue;
        int error = parse_number(text + length, ret_number);
        if (error == 0)
            *ret_size = sizes[i].size;
        return error;
    }
    return -EINVAL;
}

/* Cores of the set, or its CPUs where each hardware thread counts as a core. */
static int count_places(const struct pool_request *request, unsigned *ret_count)
{
    struct cpuset usable = CPUSET_EMPTY;
    enum smt smt = request->smt == SMT_ALLOW ? SMT_ALLOW : SMT_ONE_PER_CORE;
    int error = distribute_usable(&usable, request->topology, request->set, smt);
    if (error == 0)
        *ret_count = cpuset_weight(&usable);
    cpuset_free(&usable);
    return error;
}

static int count_workers(const struct pool_request *request, unsigned *ret_count)
{
    unsigned count = 0;
    if (request->size == POOL_EXACTLY) {
        *ret_count = request->number;
        return 0;
    }
    int error = count_places(request, &count);
    if (error < 0)
        return error;
    if (request->quota && request->quota < count)
        count = request->quota;
    if (request->size == POOL_AT_MOST && request->number < count)
        count = request->number;
    *ret_count = count > POOL_MAX_WORKERS ? POOL_MAX_WORKERS : count;
    return 0;
}

/* --- names --- */

enum { NAME_ROOM = 10 }; /* of 15 bytes, without the number */

void pool_worker_name(const char *pool, unsigned number, char ret_name[POOL_NAME_SIZE])
{
    snprintf(ret_name, POOL_NAME_SIZE, "%.*s-%04u", NAME_ROOM, pool, number % 10000);
}

void pool_worker_pattern(const char *pool, char ret_pattern[POOL_PATTERN_SIZE])
{
    snprintf(ret_pattern, POOL_PATTERN_SIZE, "%.*s-[0-9][0-9][0-9][0-9]", NAME_ROOM, pool);
}

/* --- places --- */

/* Appends `count` workers on the places of the set, in the order of the distribution, again and again. */
static int add_workers(struct pool_workers *workers, const struct pool_request *request, const struct cpuset *set,
                       unsigned count)
{
    struct dist_request places = {
        .topology = request->topology,
        .set = set,
        .distribution = request->distribution,
        .level = request->level,
        .bind_to = request->bind_to,
        .smt = request->smt,
    };
    if (workers->count + count > POOL_MAX_WORKERS)
        return -EINVAL;
    struct dist_slots slots;
    struct cpuset *masks = realloc(workers->masks, (workers->count + count) * sizeof(*masks));
    if (!masks)
        return -ENOMEM;
    workers->masks = masks;
    int error = distribute(&slots, &places);
    if (error < 0)
        return error;
    for (unsigned i = 0; i < count && error == 0; i++) {
        masks[workers->count] = CPUSET_EMPTY;
        error = cpuset_copy(&masks[workers->count], &slots.items[i % slots.count].mask);
        workers->count += error == 0;
    }
    dist_slots_free(&slots);
    return error;
}

static int add_workers_by_node(struct pool_workers *workers, const struct pool_request *request)
{
    int error = 0;
    const struct topology *topology = request->topology;
    for (size_t i = 0; i < topology->place_count[LEVEL_NODE] && error == 0; i++) {
        struct cpuset part = CPUSET_EMPTY;
        error = cpuset_copy(&part, &topology->places[LEVEL_NODE][i].cpus);
        cpuset_and(&part, request->set);
        if (error == 0 && !cpuset_is_empty(&part))
            error = add_workers(workers, request, &part, request->per_node);
        cpuset_free(&part);
    }
    return error;
}

int pool_workers_make(struct pool_workers *ret_workers, const struct pool_request *request)
{
    struct pool_workers workers = {0};
    unsigned count = 0;
    int error = 0;
    if (request->per_node) {
        error = add_workers_by_node(&workers, request);
    } else {
        error = count_workers(request, &count);
        if (error == 0)
            error = add_workers(&workers, request, request->set, count);
    }
    if (error == 0)
        *ret_workers = workers;
    else
        pool_workers_free(&workers);
    return error;
}

int pool_places_make(struct pool_workers *ret_places, const struct pool_request *request)
{
    struct pool_workers places = {0};
    unsigned count = 0;
    int error = count_places(request, &count);
    if (error == 0)
        error = add_workers(&places, request, request->set, count);
    if (error == 0)
        *ret_places = places;
    else
        pool_workers_free(&places);
    return error;
}

void pool_workers_free(struct pool_workers *workers)
{
    for (size_t i = 0; i < workers->count; i++)
        cpuset_free(&workers->masks[i]);
    free(workers->masks);
    *workers = (struct pool_workers){0};
}
