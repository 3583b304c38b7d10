#include "shim/start/activate.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shim/arena/arena.h"
#include "shim/arena/fork.h"
#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/mask.h"
#include "shim/base/state.h"
#include "shim/base/text_writer.h"
#include "shim/memory/sampler.h"
#include "shim/place/apply.h"
#include "shim/place/arbitrate.h"
#include "shim/place/callstack.h"
#include "shim/place/cpu_count.h"
#include "shim/place/place.h"
#include "shim/place/thread_policy.h"
#include "shim/place/thread_stack.h"
#include "shim/start/share.h"
#include "shim/start/start.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/worker.h"

#define HARD_EXIT 125

/* glibc only. pthread_atfork in libc_nonshared.a would bind it strongly, and musl has only pthread_atfork. */
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *) __attribute__((weak));
extern void *__dso_handle;

/* --- base state --- */

static bool affinity_read(void)
{
    struct base_state *base = &shim.base;
    size_t words = 64; /* 4096 CPUs end on the page where they begin; more only if the kernel answers EINVAL */
    int error;
    while ((error = sys_get_affinity(0, base->mask, words, &base->words)) == -EINVAL && words < BASE_MASK_WORDS)
        words *= 2;
    return !error && base->words;
}

/* Reads the current affinity and memory policy of the process. false: the kernel does not tell. */
static bool base_read(void)
{
    struct base_state *base = &shim.base;
    if (!affinity_read())
        return false;
    if (shim_needs(PLAN_HAS_MEMPOLICY))
        base->has_memory_policy = sys_get_mempolicy(&base->memory_mode, base->memory_nodes, NODE_WORDS) == 0;
    return true;
}

static bool base_equals(uint32_t mask)
{
    struct mask bits;
    if (mask_open(&bits) < 0)
        return false;
    plan_mask_expand(&shim.plan, mask, bits.bits, bits.words);
    bool equal = memcmp(bits.bits, shim.base.mask, bits.words * 8) == 0;
    mask_close(&bits);
    return equal;
}

static unsigned base_weight(void)
{
    unsigned weight = 0;
    for (size_t i = 0; i < shim.base.words; i++)
        weight += (unsigned)__builtin_popcountll(shim.base.mask[i]);
    return weight;
}

static bool plan_gives_out_base(void)
{
    const struct plan_view *plan = &shim.plan;
    unsigned weight = base_weight();
    if (plan->masks[plan->header->main_mask].weight == weight && base_equals(plan->header->main_mask))
        return true;
    for (uint32_t i = 0; i < plan->count[PLAN_SLOTS]; i++)
        if (plan->masks[plan->slots[i].mask].weight == weight && base_equals(plan->slots[i].mask))
            return true;
    return false;
}

static void base_forget_memory(void)
{
    if (!shim.base.has_memory_policy || !shim_needs(PLAN_HAS_MEMPOLICY) || shim.base.memory_is_chosen)
        return;
    shim.base.memory_mode = MPOL_DEFAULT;
    memset(shim.base.memory_nodes, 0, sizeof(shim.base.memory_nodes));
}

/* Where main may use all CPUs its mask does not tell that exec handed its memory policy on. */
static void base_forget_mains_memory(void)
{
    const struct base_state *base = &shim.base;
    if (base->has_memory_policy && thread_policy_is_mains(base->memory_mode, base->memory_nodes))
        base_forget_memory();
}

/*
 * If the mask is one that this plan gives out, a placed thread exec'd this process. Its base is then the set of CPUs
 * that the plan may use, or those among them that an ancestor chose. Returns whether that was so.
 */
static bool base_widen(const struct mask *chosen)
{
    struct base_state *base = &shim.base;
    uint32_t allowed = shim.plan.header->allowed_mask;
    struct mask now = {.bits = base->mask, .words = base->words};
    if (base_equals(allowed) || !plan_gives_out_base())
        return false;
    if (chosen && mask_is_subset(&now, chosen))
        mask_copy(&now, chosen->bits);
    else
        plan_mask_expand(&shim.plan, allowed, base->mask, base->words);
    base_forget_memory();
    return true;
}

/*
 * A mask that the program chose before exec is not one of ours, whatever the plan gives out. Main's rule decides
 * whether the process is placed within it; main itself gets what the rule leaves of it.
 */
static void base_take_choice(const struct mask *chosen)
{
    shim.base.mask_is_chosen = true;
    if (!arbitrate_keeps_start(chosen))
        plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, shim.base.mask, shim.base.words);
}

/* The CPUs that an earlier program or an ancestor chose, if any; the caller opened the mask. */
static bool read_choice(struct mask *chosen)
{
    chosen_make_room(shim.base.mask, shim.base.words);
    shim.base.memory_is_chosen = chosen_memory_before();
    if (!chosen_before(chosen->bits, chosen->words))
        return false;
    struct mask allowed;
    if (mask_open(&allowed) < 0)
        return false;
    plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, allowed.bits, allowed.words);
    mask_and(chosen, allowed.bits); /* a program may ask for CPUs that the machine does not have */
    mask_close(&allowed);
    return true;
}

static bool base_is(const struct mask *mask)
{
    return memcmp(mask->bits, shim.base.mask, mask->words * 8) == 0;
}

/* All of the other machine, as if the process had been started there. It is only asked for: placing_pretend(). */
static void base_pretend(void)
{
    struct base_state *base = &shim.base;
    size_t words = (shim.plan.count[PLAN_CPUS] + 63) / 64;
    if (words > base->words)
        base->words = words < BASE_MASK_WORDS ? words : BASE_MASK_WORDS;
    plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, base->mask, base->words);
}

static void base_settle(void)
{
    struct mask chosen;
    bool follows = chosen_may_follow();
    if (mask_open(&chosen) < 0)
        return;
    bool chose = read_choice(&chosen);
    if (chose && base_is(&chosen))
        base_take_choice(&chosen);
    else if (!share_narrow_base())
        base_widen(chose ? &chosen : NULL);
    mask_close(&chosen);
    if (follows)
        base_forget_mains_memory();
}

/* The same for a process that is not governed: it gets back what a placed thread had. Returns whether there is. */
static bool base_differs(void)
{
    struct mask chosen;
    if (!affinity_read() || mask_open(&chosen) < 0)
        return false;
    bool chose = read_choice(&chosen);
    bool differs = !(chose && base_is(&chosen)) && base_widen(chose ? &chosen : NULL);
    mask_close(&chosen);
    return differs;
}

static bool has_mains_memory(void)
{
    uint64_t nodes[NODE_WORDS] = {0};
    int mode;
    return shim.plan.header->main_memory != PLAN_NONE && sys_get_mempolicy(&mode, nodes, NODE_WORDS) == 0 &&
           thread_policy_is_mains(mode, nodes);
}

void base_restore(void)
{
    bool follows = chosen_may_follow(), differs = base_differs();
    if (differs)
        sys_set_affinity(0, shim.base.mask, shim.base.words);
    if (!shim_needs(PLAN_HAS_MEMPOLICY) || shim.base.memory_is_chosen)
        return;
    if (differs || (follows && has_mains_memory()))
        sys_set_mempolicy(MPOL_DEFAULT, NULL, 0);
}

/* --- enforcement = "hard" --- */

static _Noreturn void refuse(const struct plan_rule *rule, const char *why)
{
    char line[512];
    struct text_writer writer = {line, sizeof(line), 0};
    write_text(&writer, "nodewise: rule `");
    write_text(&writer, plan_text(&shim.plan, rule->name));
    write_text(&writer, "` is hard and cannot be carried out: ");
    write_text(&writer, why);
    write_char(&writer, '\n');
    ssize_t unused = raw_write(STDERR_FILENO, line, writer.length);
    (void)unused;
    program_call(SYS_exit_group, HARD_EXIT); /* _exit() is taken over by the shim */
    __builtin_unreachable();
}

/* Sets the whole set of the rule for the calling thread. The main thread gets its final place afterwards. */
static void probe_hard_rule(const struct plan_rule *rule)
{
    struct mask asked, got;
    size_t words;
    if (rule->flags & PLAN_RULE_REFUSED)
        refuse(rule, "this machine does not have the CPUs, nodes or devices that it demands");
    if (mask_open(&asked) < 0 || mask_open(&got) < 0)
        return;
    plan_mask_expand(&shim.plan, rule->set_mask, asked.bits, asked.words);
    int error = sys_set_affinity(0, asked.bits, asked.words);
    if (!error)
        error = sys_get_affinity(0, got.bits, got.words, &words);
    if (error)
        refuse(rule, reason_text(error == -EPERM ? REASON_EPERM : error == -ENOSYS ? REASON_ENOSYS : REASON_EINVAL));
    if (!mask_equal(&asked, &got))
        refuse(rule, reason_text(REASON_NARROWED));
    enum reason memory = thread_policy_try(rule);
    if (memory != REASON_OK)
        refuse(rule, reason_text(memory));
    mask_close(&asked);
    mask_close(&got);
}

static void probe_hard_rules(void)
{
    const struct plan_view *plan = &shim.plan;
    if (!shim_needs(PLAN_HAS_HARD))
        return;
    for (uint32_t i = 0; i < plan->count[PLAN_RULES]; i++)
        if (plan->rules[i].enforcement == ENFORCE_HARD)
            probe_hard_rule(&plan->rules[i]);
    sys_set_affinity(0, shim.base.mask, shim.base.words);
}

/* --- tables --- */

static void *tables ON_DATA_PAGE; /* zeroed memory with the occupancy and the counters of apply_count_names() */
static size_t tables_size ON_DATA_PAGE;

/* Maps the occupancy and the rename counters, behind `before` bytes for another use. NULL: memory is short. */
static char *map_tables(size_t before)
{
    size_t occupancy = (occupancy_size(&shim.plan) + 7) & ~(size_t)7;
    size_t size = occupancy + shim.plan.count[PLAN_RULES] * sizeof(uint32_t);
    char *memory = raw_mmap(NULL, before + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (memory == MAP_FAILED)
        return NULL;
    tables = memory + before;
    tables_size = size;
    occupancy_init(&shim.occupancy, &shim.plan, tables);
    occupancy_narrow(&shim.plan, &shim.occupancy, shim.base.mask, shim.base.words);
    apply_count_names((_Atomic uint32_t *)(memory + before + occupancy));
    return memory;
}

/* Maps the tables together with the fork mark, a page that reads 0 in a forked copy (MADV_WIPEONFORK, Linux 4.14). */
static bool map_mark_and_tables(void)
{
    uint32_t *mark = (uint32_t *)map_tables(page_size());
    if (!mark)
        return false;
    if (raw_madvise(mark, page_size(), MADV_WIPEONFORK) == 0) {
        *mark = 1;
        shim.fork_mark = mark;
    }
    return true;
}

/*
 * The mark stays where it is: threads read it at any time, and what a thread does when it reads 0 is correct only in a
 * forked copy.
 */
int activate_again(void)
{
    void *old = tables;
    size_t size = tables_size;
    if (!map_tables(0))
        return -errno;
    raw_munmap(old, size);
    return 0;
}

void activate_forked(void)
{
    memset(tables, 0, tables_size);
    occupancy_narrow(&shim.plan, &shim.occupancy, shim.base.mask, shim.base.words);
}

static void register_fork_handler(void)
{
    if (__register_atfork)
        __register_atfork(arena_fork_prepare, arena_fork_parent, shim_forked, __dso_handle);
}

void activate_for_plan(void)
{
    struct base_state *base = &shim.base;
    /*
     * the shim has set no policy so far, so the calling thread still has the policy that the process was started with
     */
    if (shim_needs(PLAN_HAS_MEMPOLICY) && !base->has_memory_policy)
        base->has_memory_policy = sys_get_mempolicy(&base->memory_mode, base->memory_nodes, NODE_WORDS) == 0;
    if (shim_needs(PLAN_NEEDS_CALLSTACK))
        callstack_open();
    stack_start();
}

enum reason activate(bool late)
{
    if (!base_read())
        return REASON_ENOSYS;
    if (shim_needs(PLAN_IS_PRETENDED))
        base_pretend();
    else
        base_settle();
    if (!map_mark_and_tables())
        return REASON_NO_SEGMENT;
    if (shim_needs(PLAN_NEEDS_CALLSTACK) && !callstack_open())
        atomic_store_explicit(&shim.reason, REASON_NO_LIBUNWIND, memory_order_relaxed);
    stack_start();
    cpu_count_start();
    if (!late) /* a program that runs is not ended */
        probe_hard_rules();
    if (late)
        arena_start_late();
    else
        arena_start();
    register_fork_handler();
    segment_open();
    if (!sampler_may_look())
        worker_stay_off();
    worker_tell();
    /* placing begins when shim_is_active() is true, and the fork handler must be registered by then */
    atomic_store_explicit(&shim.phase, PHASE_ACTIVE, memory_order_release);
    place_main(false);
    return REASON_OK;
}
