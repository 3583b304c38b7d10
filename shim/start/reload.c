#include "shim/start/reload.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "policy/match.h"
#include "shim/arena/arena.h"
#include "shim/base/common.h"
#include "shim/base/environment.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/place/counted.h"
#include "shim/place/cpu_count.h"
#include "shim/place/decide.h"
#include "shim/place/hold.h"
#include "shim/place/place.h"
#include "shim/place/settle.h"
#include "shim/start/activate.h"
#include "shim/start/plan_file.h"
#include "shim/start/share.h"
#include "shim/sys/call.h"
#include "shim/telemetry/segment.h"
#include "shim/worker/sweep.h"

#define PATIENCE 1000 /* number of pauses before the reload is given up */
#define PAUSE    NS_PER_MS

void reload_forked(void)
{
    atomic_store(&shim.inside, 0);
}

/* --- all records --- */

struct owning {
    uint32_t owned, total;
};

static void try_to_own(struct thread *thread, void *context)
{
    struct owning *owning = context;
    owning->total++;
    if (thread->reloading || hold_borrow(thread) || !atomic_exchange(&thread->busy, 1)) {
        thread->reloading = true;
        owning->owned++;
    }
}

static void let_go(struct thread *thread, void *unused)
{
    (void)unused;
    if (!thread->reloading)
        return;
    thread->reloading = false;
    if (!hold_is_borrowed(thread) || !hold_return(thread))
        settle_give_back(thread);
}

/* Owns every record, at a moment when no thread reads the plan. false: that took too long. */
static bool own_all(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        struct owning owning = {0, 0};
        if (atomic_load(&shim.inside) == 0) {
            thread_each(try_to_own, &owning);
            if (owning.owned == owning.total && atomic_load(&shim.inside) == 0)
                return true;
        }
        sleep_ns(PAUSE);
    }
    return false;
}

/* --- the new plan --- */

/*
 * Child processes find their plan in the environment. A path of another length does not fit there, and children then
 * get the old plan.
 */
static void tell_children(const char *path)
{
    char *value = (char *)(uintptr_t)environment_get("NODEWISE_PLAN");
    if (value && strlen(value) == strlen(path))
        memcpy(value, path, strlen(path));
}

static bool swap(const struct plan_view *plan, const char *path)
{
    struct plan_view before = shim.plan;
    /* what is known of this machine, and what of another, does not go together */
    if ((plan->header->features ^ before.header->features) & PLAN_IS_PRETENDED)
        return false;
    shim.plan = *plan;
    if (activate_again() < 0) {
        shim.plan = before;
        return false;
    }
    shim.plan_path = path;
    share_plan_changed();
    activate_for_plan();
    cpu_count_start();
    arena_plan_changed();
    segment_replace();
    return true;
}

/* Decides as at the thread's birth, with the facts that are known now. The tables that held its old place are gone. */
static void decide_anew(struct thread *thread, void *unused)
{
    (void)unused;
    if (!thread->reloading)
        return;
    thread->holds_pick = false;
    counted_forget(thread);
    thread->creator_slot = PLAN_NONE;
    thread->flags &= (uint8_t) ~(THREAD_FLAG_CLAIMS | THREAD_FLAG_SHARED | THREAD_FLAG_PROGRAM);
    thread->chose_mask = thread->chosen; /* the new rule's on_app_affinity decides about it */
    thread->old_home = thread->home_node;
    decide_code(thread, (const void *)(uintptr_t)thread->start.posix, thread->created_by);
    thread->rule = decide_rule(thread);
    settle_choose(thread, REASON_RELOADED);
}

static void place_anew(struct thread *thread, void *unused)
{
    (void)unused;
    if (!thread->reloading || !atomic_load(&thread->tid))
        return;
    if (thread->cpus == STANDING_BASE)
        thread->cpus = STANDING_UNKNOWN;
    if (hold_is_borrowed(thread))
        atomic_fetch_or(&thread->work, WORK_ARRIVE); /* the holder does it when it gives the record back */
    else
        settle_arrive(thread, thread->old_home);
    thread->chose_mask = false;
}

static enum reason change(const char *asked)
{
    static char paths[2][512]; /* the path in use and the next one */
    static unsigned turn;
    struct plan_view plan;
    char *path = paths[turn % 2];
    if (*asked != '/' || strlen(asked) >= sizeof(paths[0]))
        return REASON_PLAN_MISSING;
    strcpy(path, asked);
    enum reason reason = plan_file_read_apart(&plan, path);
    if (reason != REASON_OK)
        return reason;
    if (!own_all())
        return REASON_BUSY;
    facts_complete();
    if (!match_target(&plan, &shim.facts, NULL))
        return REASON_NO_TARGET;
    share_of_another(&plan, path, sizeof(paths[0]));
    if (!swap(&plan, path))
        return REASON_ERRNO;
    turn++;
    /* decides about all threads first: exclusive places must be taken before their neighbours' masks are set */
    thread_each(decide_anew, NULL);
    thread_each(place_anew, NULL);
    tell_children(path);
    return REASON_OK;
}

void reload_run(const char *path)
{
    uint32_t active = PHASE_ACTIVE;
    if (!atomic_compare_exchange_strong(&shim.phase, &active, PHASE_PAUSED))
        return;
    enum reason reason = change(path);
    segment_reloaded(reason);
    atomic_store(&shim.phase, PHASE_ACTIVE);
    thread_each(let_go, NULL);
    place_stop_if_wanted();
    if (reason == REASON_OK)
        sweep_soon();
}
