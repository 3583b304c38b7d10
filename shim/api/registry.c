#include "shim/api/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "policy/cpu_count.h"
#include "policy/reason.h"
#include "shim/api/cpus.h"
#include "shim/api/kernel.h"
#include "shim/api/library.h"
#include "shim/api/self.h"
#include "shim/api/topology.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"

struct registry_entry {
    struct nw_affinity at;
    _Atomic bool taken; /* acquire, release: what one holder of the slot did comes before what the next one does */
};

struct nw_registry {
    _Atomic unsigned users; /* the opener, and each thread that has a slot */
    bool synthetic;
    unsigned count;
    struct registry_entry entries[];
};

/* --- which CPUs, in which order --- */

/* CPUs of one machine that are still to be listed, each node's in locality order. */
struct listing {
    const struct topology *machine;
    bool *listed, *leads; /* by index in machine->cpu */
    unsigned *cpus;
    unsigned count;
};

/* The CPUs that are the first of their core that may be used. The CPUs of a core are neighbours in locality order. */
static void find_leaders(const struct listing *listing)
{
    const struct topology *machine = listing->machine;
    const struct topo_cpu *last = NULL;
    for (size_t i = 0; i < machine->cpu_count; i++) {
        const struct topo_cpu *cpu = &machine->cpu[i];
        if (!cpuset_has(&machine->allowed, cpu->id))
            continue;
        listing->leads[i] = !last || last->core != cpu->core || last->package != cpu->package;
        last = cpu;
    }
}

/* The next unlisted CPU of a node; leaders: of those that lead their core. */
static bool list_one_of(struct listing *listing, unsigned node, bool leaders)
{
    const struct topology *machine = listing->machine;
    for (size_t i = 0; i < machine->cpu_count; i++) {
        const struct topo_cpu *cpu = &machine->cpu[i];
        if (cpu->node != node || listing->listed[i] || !cpuset_has(&machine->allowed, cpu->id) ||
            (leaders && !listing->leads[i]))
            continue;
        listing->listed[i] = true;
        listing->cpus[listing->count++] = cpu->id;
        return true;
    }
    return false;
}

static void list_in_turn(struct listing *listing, bool leaders)
{
    for (bool any = true; any;) {
        any = false;
        for (size_t node = 0; node < listing->machine->node_count; node++)
            any |= list_one_of(listing, listing->machine->nodes[node].id, leaders);
    }
}

static size_t read_file(const char *path, char *ret_text, size_t size)
{
    int file = raw_open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : raw_read(file, ret_text, size - 1);
    if (file >= 0)
        raw_close(file);
    if (length < 0)
        length = 0;
    ret_text[length] = '\0';
    return (size_t)length;
}

/* How many of the listed ones the caller asked for, of which `cores` lead a core; 0: fewer than it must have. */
static unsigned wanted(enum nw_count how, unsigned n, unsigned all, unsigned cores, bool synthetic)
{
    uint32_t quota = synthetic ? 0 : cgroup_cpus(read_file);
    unsigned automatic = quota && quota < cores ? quota : cores;
    switch (how) {
    case NW_ALL:
        return all;
    case NW_EXACTLY:
        return n <= all ? n : 0;
    case NW_AT_MOST:
        return n < automatic ? n : automatic;
    default:
        return automatic;
    }
}

/* --- opening --- */

/* A synthetic machine's CPUs and nodes have dense numbers of their own. */
static struct nw_affinity synthetic_affinity(const struct topology *machine, unsigned cpu)
{
    struct nw_affinity at = {.cpu = (int32_t)cpu, .node = (int32_t)topology_cpu(machine, cpu)->node};
    CPUSET_FOREACH(before, &machine->cpus)
        at.slot += before < (int)cpu;
    for (size_t i = 0; i < machine->node_count; i++)
        at.node_index += (int32_t)machine->nodes[i].id < at.node;
    return at;
}

static struct nw_affinity affinity_of(const struct topology *machine, unsigned cpu, bool synthetic)
{
    if (synthetic)
        return synthetic_affinity(machine, cpu);
    struct cpu_place place = cpus_place(cpu);
    return (struct nw_affinity){(int32_t)cpu, place.node, place.slot, place.node_index};
}

static int build(const struct listing *listing, unsigned count, bool synthetic, struct nw_registry **ret)
{
    struct nw_registry *registry = calloc(1, sizeof(*registry) + count * sizeof(registry->entries[0]));
    if (!registry)
        return -ENOMEM;
    atomic_init(&registry->users, 1);
    registry->synthetic = synthetic;
    registry->count = count;
    for (unsigned i = 0; i < count; i++)
        registry->entries[i].at = affinity_of(listing->machine, listing->cpus[i], synthetic);
    if (synthetic)
        self_make_room(cpuset_weight(&listing->machine->cpus), (unsigned)listing->machine->node_count);
    *ret = registry;
    return 0;
}

static int list_and_build(struct listing *listing, enum nw_count how, unsigned n, bool synthetic,
                          struct nw_registry **ret)
{
    find_leaders(listing);
    list_in_turn(listing, true);
    unsigned cores = listing->count;
    list_in_turn(listing, false);
    unsigned count = wanted(how, n, listing->count, cores, synthetic);
    return count ? build(listing, count, synthetic, ret) : -ERANGE;
}

static int open_on(const struct topology *machine, enum nw_count how, unsigned n, bool synthetic,
                   struct nw_registry **ret)
{
    if (synthetic && machine->cpu_count > CPUS_MAX)
        return -ERANGE;
    struct listing listing = {.machine = machine,
                              .listed = calloc(machine->cpu_count, sizeof(*listing.listed)),
                              .leads = calloc(machine->cpu_count, sizeof(*listing.leads)),
                              .cpus = calloc(machine->cpu_count, sizeof(*listing.cpus))};
    int error =
        listing.listed && listing.leads && listing.cpus ? list_and_build(&listing, how, n, synthetic, ret) : -ENOMEM;
    free(listing.listed);
    free(listing.leads);
    free(listing.cpus);
    return error;
}

API int nw_registry_open(enum nw_count how, unsigned n, const char *synthetic, struct nw_registry **ret)
{
    struct nw_topology *topology;
    int saved = errno;
    int error = library_begin();
    if (!error && ((unsigned)how > NW_AT_MOST || (n == 0 && (how == NW_EXACTLY || how == NW_AT_MOST))))
        error = -EINVAL;
    if (!error)
        error = nw_topology_open(synthetic, &topology);
    if (!error) {
        const struct topology *machine = topology_of(topology);
        error = open_on(machine, how, n, !machine->is_this_machine, ret);
        nw_topology_close(topology);
    }
    errno = saved;
    return error;
}

static void drop(struct nw_registry *registry)
{
    /* acq_rel: what other users did with it comes before the last one frees it */
    if (atomic_fetch_sub_explicit(&registry->users, 1, memory_order_acq_rel) == 1)
        free(registry);
}

API void nw_registry_close(struct nw_registry *registry)
{
    int saved = errno;
    if (registry)
        drop(registry);
    errno = saved;
}

API unsigned nw_registry_affinities(const struct nw_registry *registry, struct nw_affinity *ret, unsigned room)
{
    for (unsigned i = 0; i < room && i < registry->count; i++)
        ret[i] = registry->entries[i].at;
    return registry->count;
}

/* --- taking --- */

void registry_leave(struct thread_record *record)
{
    if (!record->registry)
        return;
    atomic_store_explicit(&record->entry->taken, false, memory_order_release);
    drop(record->registry);
    record->registry = NULL;
}

static bool take_if_free(struct registry_entry *entry)
{
    bool taken = false;
    return atomic_compare_exchange_strong_explicit(&entry->taken, &taken, true, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* Free ones, and the one that the thread has. */
struct candidates {
    struct registry_entry **entries;
    struct door_place *places;
    uint64_t *words;
    unsigned count;
};

static bool is_own(const struct registry_entry *entry, const struct nw_registry *registry,
                   const struct thread_record *record)
{
    return record->registry == registry && record->entry == entry;
}

static void list_candidates(struct candidates *candidates, struct nw_registry *registry,
                            const struct thread_record *record)
{
    candidates->count = 0;
    for (unsigned i = 0; i < registry->count; i++) {
        struct registry_entry *entry = &registry->entries[i];
        unsigned cpu = (unsigned)entry->at.cpu, at = candidates->count;
        if (!is_own(entry, registry, record) && atomic_load_explicit(&entry->taken, memory_order_relaxed))
            continue;
        candidates->words[at] = UINT64_C(1) << cpu % 64;
        candidates->places[at] = (struct door_place){&candidates->words[at], cpu / 64, 1};
        candidates->entries[at] = entry;
        candidates->count++;
    }
}

/* The one whose CPU has the fewest threads where the shim counts them, else the first. */
static int take_best(struct candidates *candidates, struct nw_registry *registry, const struct thread_record *record,
                     struct registry_entry **ret)
{
    while (list_candidates(candidates, registry, record), candidates->count > 0) {
        unsigned best = registry->synthetic ? 0 : library_take_place(candidates->places, candidates->count);
        struct registry_entry *entry = candidates->entries[best];
        if (!is_own(entry, registry, record) && !take_if_free(entry))
            continue; /* another thread has taken it meanwhile: there is one less now */
        *ret = entry;
        return 0;
    }
    return -EBUSY;
}

static int take_any(struct nw_registry *registry, const struct thread_record *record, struct registry_entry **ret)
{
    struct candidates candidates = {
        .entries = calloc(registry->count, sizeof(*candidates.entries)),
        .places = calloc(registry->count, sizeof(*candidates.places)),
        .words = calloc(registry->count, sizeof(*candidates.words)),
    };
    int error = candidates.entries && candidates.places && candidates.words
                    ? take_best(&candidates, registry, record, ret)
                    : -ENOMEM;
    free(candidates.entries);
    free(candidates.places);
    free(candidates.words);
    return error;
}

static int take_entry(struct nw_registry *registry, uint32_t slot, const struct thread_record *record,
                      struct registry_entry **ret)
{
    if (slot == NW_ANY_SLOT)
        return take_any(registry, record, ret);
    for (unsigned i = 0; i < registry->count; i++) {
        struct registry_entry *entry = &registry->entries[i];
        if (entry->at.slot != slot)
            continue;
        if (!is_own(entry, registry, record) && !take_if_free(entry))
            return -EBUSY;
        *ret = entry;
        return 0;
    }
    return -EINVAL;
}

/*
 * Under the shim the call is the program's own: the rule's on_app_affinity decides, as it does about every other library's
 * wish.
 */
static int set_own_cpu(unsigned cpu)
{
    uint64_t mask[CPUS_MAX / 64] = {0};
    mask[cpu / 64] = UINT64_C(1) << cpu % 64;
    if (!library_may_place())
        return -EPERM;
    if (!library_door())
        return sys_set_affinity(0, mask, CPUS_MAX / 64);
    return sched_setaffinity(0, sizeof(mask), (const cpu_set_t *)(const void *)mask) == 0 ? 0 : -errno;
}

static struct nw_got pin_to(unsigned cpu)
{
    uint64_t mask[CPUS_MAX / 64];
    size_t words;
    int error = set_own_cpu(cpu);
    self_forget();
    if (error)
        return (struct nw_got){NW_NONE, kernel_reason(error)};
    error = sys_get_affinity(0, mask, CPUS_MAX / 64, &words);
    if (error)
        return (struct nw_got){NW_BEST_EFFORT, kernel_reason(error)};
    unsigned count = 0;
    for (size_t i = 0; i < words; i++)
        count += (unsigned)__builtin_popcountll(mask[i]);
    bool has = mask[cpu / 64] >> cpu % 64 & 1;
    if (has && count == 1)
        return (struct nw_got){NW_STRICT, REASON_OK};
    return (struct nw_got){has ? NW_BEST_EFFORT : NW_NONE, REASON_CHANGED};
}

static int take(struct nw_registry *registry, uint32_t slot, struct nw_got *ret)
{
    struct thread_record *record = thread_record_need();
    struct registry_entry *entry;
    if (!record)
        return -ENOMEM;
    int error = take_entry(registry, slot, record, &entry);
    if (error)
        return error;
    if (record->registry != registry || record->entry != entry) {
        atomic_fetch_add_explicit(&registry->users, 1, memory_order_relaxed);
        registry_leave(record);
        record->registry = registry;
        record->entry = entry;
    }
    struct nw_got got = {NW_STRICT, REASON_OK};
    if (registry->synthetic)
        self_pretend(entry->at);
    else
        got = pin_to((unsigned)entry->at.cpu);
    if (ret)
        *ret = got;
    return 0;
}

API int nw_registry_take(struct nw_registry *registry, uint32_t slot, struct nw_got *ret)
{
    int saved = errno;
    int error = library_begin();
    if (!error)
        error = take(registry, slot, ret);
    if (!error)
        nw_safe_point();
    errno = saved;
    return error;
}
