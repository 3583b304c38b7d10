#include "policy/distribute.h"

#include <errno.h>
#include <stdlib.h>

/*
 * Work on CPUs in locality order with a table of "which place of level X holds CPU c", so that the cost is
 * about CPUs x slots-per-place and a machine with 4096 CPUs takes milliseconds, not the square of its CPUs.
 */

/* one usable CPU */
struct cpu_at {
    unsigned id;
    unsigned smt;                /* rank among the usable CPUs of its core */
    unsigned place[LEVEL_COUNT]; /* index in topology->places[level] */
};

/* a place of request->level with its usable CPUs cpus[first .. first + count) */
struct level_place {
    unsigned index;
    size_t first, count;
    unsigned distance; /* from the main thread, for compact */
    size_t *slots;     /* numbers into work->slots */
    size_t slot_count;
};

struct work {
    const struct dist_request *request;
    struct cpuset usable;
    struct cpu_at *cpus;
    size_t cpu_count;
    struct level_place *places;
    size_t place_count;
    struct dist_slots slots; /* in the order of places */
    size_t slot_capacity;
    unsigned *place_of_id; /* scratch: CPU id -> index of a place, for one level at a time */
    size_t id_count;
};

/* Fills place[level] of every usable CPU in one walk over the level's places. */
static void locate_cpus(struct work *work, enum level level)
{
    const struct topology *topology = work->request->topology;
    for (size_t p = 0; p < topology->place_count[level]; p++)
        CPUSET_FOREACH(id, &topology->places[level][p].cpus)
            if ((size_t)id < work->id_count)
                work->place_of_id[id] = (unsigned)p;
    for (size_t i = 0; i < work->cpu_count; i++)
        work->cpus[i].place[level] = work->place_of_id[work->cpus[i].id];
}

static int collect_cpus(struct work *work)
{
    const struct topology *topology = work->request->topology;
    work->id_count = (size_t)cpuset_last(&work->usable) + 1;
    work->cpus = calloc(cpuset_weight(&work->usable), sizeof(*work->cpus));
    work->place_of_id = calloc(work->id_count, sizeof(*work->place_of_id));
    if (!work->cpus || !work->place_of_id)
        return -ENOMEM;
    for (size_t i = 0; i < topology->cpu_count; i++)
        if (cpuset_has(&work->usable, topology->cpu[i].id))
            work->cpus[work->cpu_count++].id = topology->cpu[i].id;
    for (int level = LEVEL_NODE; level < LEVEL_COUNT; level++)
        locate_cpus(work, (enum level)level);

    /* Locality order keeps the threads of a core together, so the rank is a matter of the predecessor. */
    for (size_t i = 1; i < work->cpu_count; i++)
        if (work->cpus[i].place[LEVEL_CORE] == work->cpus[i - 1].place[LEVEL_CORE])
            work->cpus[i].smt = work->cpus[i - 1].smt + 1;
    return 0;
}

int distribute_usable(struct cpuset *ret_usable, const struct topology *topology, const struct cpuset *set,
                      enum smt smt)
{
    struct cpuset usable = CPUSET_EMPTY;
    int error = 0;
    if (smt != SMT_ONE_PER_CORE)
        return cpuset_copy(ret_usable, set);
    for (size_t i = 0; i < topology->place_count[LEVEL_CORE] && error == 0; i++)
        CPUSET_FOREACH(id, &topology->places[LEVEL_CORE][i].cpus)
            if (cpuset_has(set, (unsigned)id)) {
                error = cpuset_add(&usable, (unsigned)id);
                break;
            }
    if (error < 0) {
        cpuset_free(&usable);
        return error;
    }
    cpuset_free(ret_usable);
    *ret_usable = usable;
    return 0;
}

static int by_level_place(const void *a, const void *b, void *level)
{
    const struct cpu_at *one = a, *other = b;
    unsigned x = one->place[*(enum level *)level], y = other->place[*(enum level *)level];
    return x < y ? -1 : x > y;
}

/* A stable sort (glibc's qsort_r is a merge sort only while memory lasts, so not relied upon). */
static int sort_stably(void *base, size_t count, size_t size, int (*compare)(const void *, const void *, void *),
                       void *context)
{
    char *items = base, *spare = malloc(count * size);
    if (!spare)
        return -ENOMEM;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t low = 0; low < count; low += 2 * width) {
            size_t middle = low + width < count ? low + width : count;
            size_t high = low + 2 * width < count ? low + 2 * width : count;
            size_t a = low, b = middle;
            for (size_t to = low; to < high; to++) {
                bool left = a < middle && (b >= high || compare(items + a * size, items + b * size, context) <= 0);
                __builtin_memcpy(spare + to * size, items + (left ? a++ : b++) * size, size);
            }
        }
        __builtin_memcpy(items, spare, count * size);
    }
    free(spare);
    return 0;
}

static unsigned distance_from_main(const struct work *work, const struct level_place *place)
{
    const struct topology *topology = work->request->topology;
    const struct cpuset *main_at = work->request->main_at;
    unsigned nearest = ~0u;
    if (!main_at)
        return 0;
    for (size_t i = 0; i < place->count; i++)
        if (cpuset_has(main_at, work->cpus[place->first + i].id))
            return 0;
    const struct place *level_place = &topology->places[work->request->level][place->index];
    if (cpuset_intersects(&level_place->cpus, main_at))
        return 0;
    const struct topo_cpu *main_cpu = topology_cpu(topology, (unsigned)cpuset_first(main_at));
    const struct topo_cpu *cpu = topology_cpu(topology, work->cpus[place->first].id);
    if (main_cpu && cpu)
        nearest = topology_distance(topology, main_cpu->node, cpu->node);
    return nearest;
}

/* Groups the CPUs by place of the walked level; they stay in locality order inside. */
static int collect_places(struct work *work)
{
    enum level level = work->request->level;
    int error = sort_stably(work->cpus, work->cpu_count, sizeof(*work->cpus), by_level_place, &level);
    if (error < 0)
        return error;
    work->places = calloc(work->cpu_count, sizeof(*work->places));
    if (!work->places)
        return -ENOMEM;
    for (size_t i = 0; i < work->cpu_count; i++) {
        unsigned index = work->cpus[i].place[level];
        if (work->place_count == 0 || work->places[work->place_count - 1].index != index)
            work->places[work->place_count++] = (struct level_place){.index = index, .first = i};
        work->places[work->place_count - 1].count++;
    }
    for (size_t i = 0; i < work->place_count; i++)
        work->places[i].distance = distance_from_main(work, &work->places[i]);
    return 0;
}

static int by_smt(const void *a, const void *b, void *context)
{
    const struct cpu_at *one = a, *other = b;
    (void)context;
    return one->smt < other->smt ? -1 : one->smt > other->smt;
}

static int by_distance(const void *a, const void *b, void *context)
{
    const struct level_place *one = a, *other = b;
    (void)context;
    return one->distance < other->distance ? -1 : one->distance > other->distance;
}

/* Whole cores: a core-wide or one-per-core thread that wants to be alone also wants the sibling silent. */
static int make_claim(struct work *work, struct dist_slot *slot)
{
    const struct dist_request *request = work->request;
    int error = cpuset_copy(&slot->claim, &slot->mask);
    if (!request->exclusive || (request->bind_to != LEVEL_CORE && request->smt != SMT_ONE_PER_CORE))
        return error;
    CPUSET_FOREACH(id, &slot->mask) {
        const struct place *core = topology_place_of(request->topology, LEVEL_CORE, (unsigned)id);
        if (core && error == 0)
            error = cpuset_or(&slot->claim, &core->cpus);
    }
    return error;
}

static struct dist_slot *new_slot(struct work *work)
{
    if (work->slots.count == work->slot_capacity) {
        size_t capacity = work->slot_capacity ? 2 * work->slot_capacity : 16;
        struct dist_slot *items = realloc(work->slots.items, capacity * sizeof(*items));
        if (!items)
            return NULL;
        work->slots.items = items;
        work->slot_capacity = capacity;
    }
    struct dist_slot *slot = &work->slots.items[work->slots.count++];
    *slot = (struct dist_slot){0};
    return slot;
}

/* The mask of a bind_to-wide place: also CPUs outside the level's place when bind_to is the wider word. */
static int fill_mask(struct work *work, struct dist_slot *slot, unsigned bind_place)
{
    const struct dist_request *request = work->request;
    if (request->bind_to == LEVEL_NONE)
        return cpuset_copy(&slot->mask, &work->usable);
    int error = cpuset_copy(&slot->mask, &request->topology->places[request->bind_to][bind_place].cpus);
    cpuset_and(&slot->mask, &work->usable);
    return error;
}

static void count_cpu(struct dist_slot *slot, const struct cpu_at *cpu)
{
    slot->rank = slot->capacity == 0 || cpu->smt < slot->rank ? cpu->smt : slot->rank;
    slot->cores += cpu->smt == 0;
    slot->capacity++;
}

/* How many threads the slots of a place take. */
static void limit_slots(struct work *work, const struct level_place *place)
{
    const struct dist_request *request = work->request;
    for (size_t i = 0; i < place->slot_count; i++) {
        struct dist_slot *slot = &work->slots.items[place->slots[i]];
        if (request->exclusive)
            slot->capacity = 1;
        if (request->smt != SMT_CORES_FIRST || slot->cores > slot->capacity)
            slot->cores = slot->capacity;
    }
}

/* One slot for each bind_to-wide place that the level's place touches, in the order in which its CPUs come. */
static int add_slots_of(struct work *work, struct level_place *place)
{
    const struct dist_request *request = work->request;
    struct cpu_at *cpus = work->cpus + place->first;
    int error = 0;
    if (request->smt == SMT_CORES_FIRST && request->bind_to == LEVEL_CPU)
        error = sort_stably(cpus, place->count, sizeof(*cpus), by_smt, NULL);
    place->slots = calloc(place->count, sizeof(*place->slots));
    if (error < 0 || !place->slots)
        return -ENOMEM;
    for (size_t i = 0; i < place->count; i++) {
        unsigned bind_place = request->bind_to == LEVEL_NONE ? 0 : cpus[i].place[request->bind_to];
        size_t known = 0;
        /* Neighbours share places, so the last slot is nearly always the one. */
        for (known = place->slot_count; known-- > 0;)
            if (cpuset_has(&work->slots.items[place->slots[known]].mask, cpus[i].id))
                break;
        if (known != (size_t)-1) {
            count_cpu(&work->slots.items[place->slots[known]], &cpus[i]);
            continue;
        }
        struct dist_slot *slot = new_slot(work);
        if (!slot)
            return -ENOMEM;
        error = fill_mask(work, slot, bind_place);
        if (error == 0)
            error = make_claim(work, slot);
        if (error < 0)
            return error;
        count_cpu(slot, &cpus[i]);
        slot->place = place->index;
        place->slots[place->slot_count++] = work->slots.count - 1;
    }
    limit_slots(work, place);
    return 0;
}

/* Takes from the groups in turn: the first of each, then the second of each. */
static void interleave(struct level_place *places, struct level_place *spare, const size_t *group_of, size_t count,
                       size_t groups)
{
    size_t to = 0;
    for (size_t round = 0; to < count; round++)
        for (size_t group = 0; group < groups; group++) {
            size_t seen = 0;
            for (size_t i = 0; i < count; i++) {
                if (group_of[i] != group || seen++ != round)
                    continue;
                spare[to++] = places[i];
                break;
            }
        }
    __builtin_memcpy(places, spare, count * sizeof(*places));
}

/*
 * Orders places so that any beginning of the list is spread as widely as it can be: split by package, order
 * each part by node, cache and core in the same way, then deal from the parts in turn.
 */
static int spread(struct work *work, struct level_place *places, size_t count, size_t depth)
{
    static const enum level order[] = {LEVEL_SOCKET, LEVEL_NODE, LEVEL_L3, LEVEL_CORE, LEVEL_CPU};
    if (count <= 1 || depth == sizeof(order) / sizeof(*order))
        return 0;
    struct level_place *spare = calloc(count, sizeof(*spare));
    size_t *group_of = calloc(count, sizeof(*group_of));
    size_t groups = 0, first = 0;
    int error = spare && group_of ? 0 : -ENOMEM;

    /* Locality order: the members of a group are neighbours. */
    for (size_t i = 1; i <= count && error == 0; i++) {
        bool ends = i == count || work->cpus[places[i].first].place[order[depth]] !=
                                      work->cpus[places[i - 1].first].place[order[depth]];
        if (!ends)
            continue;
        error = spread(work, places + first, i - first, depth + 1);
        for (size_t member = first; member < i && error == 0; member++)
            group_of[member] = groups;
        groups++;
        first = i;
    }
    if (error == 0 && groups > 1)
        interleave(places, spare, group_of, count, groups);
    free(spare);
    free(group_of);
    return error;
}

static int order_places(struct work *work)
{
    switch (work->request->distribution) {
    case DIST_SCATTER:
        return spread(work, work->places, work->place_count, 0);
    case DIST_ROUND_ROBIN:
    case DIST_LEAST_LOADED:
    case DIST_SHARING:
        return 0;
    default:
        return sort_stably(work->places, work->place_count, sizeof(*work->places), by_distance, NULL);
    }
}

static bool walks_place_by_place(enum distribution distribution)
{
    return distribution == DIST_COMPACT || distribution == DIST_INHERIT || distribution == DIST_PRIMARY;
}

static int by_rank(const void *a, const void *b, void *items)
{
    const struct dist_slot *slots = items;
    unsigned x = slots[*(const size_t *)a].rank, y = slots[*(const size_t *)b].rank;
    return x < y ? -1 : x > y;
}

/* Stores the numbers of work->slots in the order of use, as many as there are. */
static int order_slots(const struct work *work, size_t *ret_order)
{
    size_t to = 0;
    if (walks_place_by_place(work->request->distribution))
        for (size_t p = 0; p < work->place_count; p++)
            for (size_t i = 0; i < work->places[p].slot_count; i++)
                ret_order[to++] = work->places[p].slots[i];
    for (size_t round = 0; to < work->slots.count; round++)
        for (size_t p = 0; p < work->place_count; p++)
            if (round < work->places[p].slot_count)
                ret_order[to++] = work->places[p].slots[round];
    return work->request->smt == SMT_CORES_FIRST
               ? sort_stably(ret_order, to, sizeof(*ret_order), by_rank, work->slots.items)
               : 0;
}

static void free_slot(struct dist_slot *slot)
{
    cpuset_free(&slot->mask);
    cpuset_free(&slot->claim);
}

static int collect_slots(struct work *work, struct dist_slots *ret_slots)
{
    for (size_t p = 0; p < work->place_count; p++) {
        int error = add_slots_of(work, &work->places[p]);
        if (error < 0)
            return error;
    }
    int error = order_places(work);
    if (error < 0)
        return error;
    size_t *order = calloc(work->slots.count, sizeof(*order));
    struct dist_slot *items = calloc(work->slots.count, sizeof(*items));
    error = order && items ? order_slots(work, order) : -ENOMEM;
    if (error < 0) {
        free(order);
        free(items);
        return error;
    }
    bool is_one = work->request->distribution == DIST_PRIMARY && !work->request->leaves;
    size_t count = is_one ? 1 : work->slots.count;
    for (size_t i = 0; i < count; i++) { /* the ordered ones move over; what is left is freed with the work */
        items[i] = work->slots.items[order[i]];
        work->slots.items[order[i]] = (struct dist_slot){0};
    }
    free(order);
    *ret_slots = (struct dist_slots){items, count};
    return 0;
}

/* bind_to = "none": each thread may run on all of the set, so there is nothing to walk over. */
static int one_wide_slot(struct work *work, struct dist_slots *ret_slots)
{
    struct dist_slot *slot = new_slot(work);
    if (!slot)
        return -ENOMEM;
    int error = fill_mask(work, slot, 0);
    if (error == 0)
        error = make_claim(work, slot);
    if (error < 0)
        return error;
    slot->capacity = slot->cores = work->request->exclusive ? 1 : cpuset_weight(&slot->mask);
    *ret_slots = work->slots;
    work->slots = (struct dist_slots){0};
    return 0;
}

static void work_free(struct work *work)
{
    for (size_t i = 0; i < work->place_count; i++)
        free(work->places[i].slots);
    dist_slots_free(&work->slots);
    cpuset_free(&work->usable);
    free(work->places);
    free(work->cpus);
    free(work->place_of_id);
}

int distribute(struct dist_slots *ret_slots, const struct dist_request *request)
{
    struct work work = {.request = request};
    int error = distribute_usable(&work.usable, request->topology, request->set, request->smt);
    if (error == 0 && request->bind_to == LEVEL_NONE) {
        error = one_wide_slot(&work, ret_slots);
    } else if (error == 0) {
        error = collect_cpus(&work);
        if (error == 0)
            error = collect_places(&work);
        if (error == 0)
            error = collect_slots(&work, ret_slots);
    }
    work_free(&work);
    return error;
}

void dist_slots_free(struct dist_slots *slots)
{
    for (size_t i = 0; i < slots->count; i++)
        free_slot(&slots->items[i]);
    free(slots->items);
    *slots = (struct dist_slots){0};
}
