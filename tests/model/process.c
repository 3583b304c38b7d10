#include "tests/model/process.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shim/arena/arena.h"
#include "shim/arena/choice.h"
#include "shim/arena/heap.h"
#include "shim/arena/region.h"
#include "shim/arena/stats.h"
#include "shim/base/environment.h"
#include "shim/base/next.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/place.h"
#include "shim/start/start.h"
#include "shim/sys/placing.h"
#include "shim/telemetry/arenas.h"
#include "shim/worker/upkeep.h"
#include "shim/worker/worker.h"

static struct plan_header header;
static struct plan_rule rules[2];
static struct plan_cpu cpus[PROCESS_CPUS];
static struct plan_node nodes[PROCESS_NODES];
static __thread uint32_t cpu __attribute__((tls_model("initial-exec")));

static bool start(uint8_t arena, uint32_t rule_count)
{
    for (uint32_t i = 0; i < PROCESS_CPUS; i++)
        cpus[i] = (struct plan_cpu){.node = i / 2, .mem_node = i / 2, .core = i};
    for (uint32_t i = 0; i < PROCESS_NODES; i++)
        nodes[i] = (struct plan_node){.id = i, .memory = 1};
    rules[0].arena = arena;
    rules[1].arena = ARENA_PROCESS;
    header.default_rule = 0;
    header.memory_return_ms = 4;
    shim.plan = (struct plan_view){.header = &header, .rules = rules, .cpus = cpus, .nodes = nodes};
    shim.plan.count[PLAN_RULES] = rule_count;
    shim.plan.count[PLAN_CPUS] = PROCESS_CPUS;
    shim.plan.count[PLAN_NODES] = PROCESS_NODES;
    shim.phase = PHASE_ACTIVE;
    arena_start();
    region_map.cpu_offset = (const char *)&cpu - (const char *)__builtin_thread_pointer();
    return arena_is_on();
}

bool process_start(bool by_core)
{
    return start(by_core ? ARENA_CORE : ARENA_NODE, 1);
}

bool process_start_with_two_rules(void)
{
    return start(ARENA_NODE, 2);
}

void process_run_on(uint32_t number)
{
    cpu = number;
}

uint32_t process_node_of(const void *block)
{
    uintptr_t offset = (uintptr_t)block - region_map.base;
    return offset < region_map.total ? region_list[offset >> region_map.shift].node : UINT32_MAX;
}

void process_thread_ended(void)
{
    arena_thread_ended();
}

size_t process_live_bytes(void)
{
    struct arena_totals totals;
    stats_totals(&totals);
    return totals.live;
}

size_t process_held_bytes(void)
{
    struct arena_totals totals;
    stats_totals(&totals);
    return totals.in_use + totals.dirty;
}

/* --- the rest of the shim, as far as the arenas look at it --- */

struct shim shim;
struct next next_table;
__thread struct thread *thread_self __attribute__((tls_model("initial-exec")));

/* There is no allocator behind: what the arenas do not serve fails. */
void *next_find(const char *name)
{
    (void)name;
    return NULL;
}

pid_t thread_own_tid(void)
{
    return (pid_t)syscall(SYS_gettid);
}

/* The nodes exist in the plan only. */
int sys_bind_memory(void *start, size_t size, int mode, const uint64_t *words, size_t count)
{
    (void)start;
    (void)size;
    (void)mode;
    (void)words;
    (void)count;
    return 0;
}

void telemetry_arena(uint32_t number, uint32_t region, const struct segment_arena *more)
{
    (void)number;
    (void)region;
    (void)more;
}

void telemetry_region(uint32_t number, const struct segment_region *region)
{
    (void)number;
    (void)region;
}

bool shim_was_forked(void)
{
    return false;
}

void shim_start(void)
{
}

void worker_call(void)
{
}

bool worker_wake_in_free(void)
{
    return true;
}

void upkeep_look(void)
{
}

void place_adopt_self(void)
{
}

void shim_forked(void)
{
}

const char *environment_get(const char *name)
{
    return getenv(name);
}

/* Pages of one object are on one node: half of the objects that are looked at lie elsewhere, so their memory is dropped. */
int sys_move_pages(size_t count, void *const *pages, const int *targets, int *ret_status)
{
    static _Atomic uint32_t asked;
    int node = (int)(process_node_of(pages[0]) ^ (asked++ & 1));
    (void)targets;
    for (size_t i = 0; i < count; i++)
        ret_status[i] = node;
    return 0;
}
