#include "shim/start/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/plan_text.h"
#include "shim/arena/arena.h"
#include "shim/base/chosen.h"
#include "shim/base/common.h"
#include "shim/base/environment.h"
#include "shim/base/facts.h"
#include "shim/base/next.h"
#include "shim/base/own_file.h"
#include "shim/base/runtime_folder.h"
#include "shim/base/state.h"
#include "shim/base/text_reader.h"
#include "shim/base/text_writer.h"
#include "shim/memory/early.h"
#include "shim/place/board_file.h"
#include "shim/start/activate.h"
#include "shim/start/bindings.h"
#include "shim/start/filter.h"
#include "shim/start/finish.h"
#include "shim/start/helper.h"
#include "shim/start/plan_file.h"
#include "shim/start/share.h"
#include "shim/sys/placing.h"
#include "shim/sys/raw.h"
#include "shim/telemetry/segment.h"

#define POLICY_FILE "nodewise/policy.toml"

/* The exit codes of `nodewise compile --cached`. */
enum { COMPILED = 0, COMPILE_NO_POLICY = 1, COMPILE_REFUSED = 2 };

/* --- the source of the plan --- */

static bool exists(const char *folder, const char *rest)
{
    char path[512];
    struct text_writer writer = {path, sizeof(path), 0};
    if (!folder || strlen(folder) + sizeof(POLICY_FILE) + 16 > sizeof(path))
        return false;
    write_text(&writer, folder);
    write_text(&writer, rest);
    return raw_access(path, F_OK) == 0;
}

/* Is there any layer above the built-in one? The command checks that properly; this test only avoids starting it. */
static bool some_policy_exists(const struct environment *environment)
{
    if (environment->policy || environment->has_keys)
        return true;
    if (shim.uid != 0) { /* root's own configuration is in /etc */
        if (exists(environment->xdg_config_home, "/" POLICY_FILE))
            return true;
        if (!environment->xdg_config_home && exists(environment->home, "/.config/" POLICY_FILE))
            return true;
    }
    return exists("/etc/", POLICY_FILE) || exists("/usr/lib/", POLICY_FILE);
}

/* ret_path: PLAN_TEXT_MOST bytes; where no folder could keep the plan, it becomes the plan itself. */
static enum reason compile_plan(char *ret_path)
{
    const char *const arguments[] = {"nodewise", "compile", "--cached", NULL};
    char helper[PATH_MAX];
    if (!helper_path(helper, sizeof(helper)))
        return REASON_NO_HELPER;
    switch (helper_run(helper, arguments, ret_path, PLAN_TEXT_MOST)) {
    case COMPILED:
        break;
    case COMPILE_NO_POLICY:
        return REASON_NO_POLICY;
    case COMPILE_REFUSED:
        return REASON_POLICY_REFUSED;
    default:
        return REASON_HELPER_FAILED;
    }
    char *end = strchr(ret_path, '\n');
    if (!end)
        return REASON_HELPER_FAILED;
    *end = '\0';
    return REASON_OK;
}

/*
 * Child processes then need not compile again. NODEWISE_COMPILED says that they can: the plan comes from the policy that
 * the environment names, and may have been removed when no process had used it for long.
 */
static enum reason compile_and_read(void)
{
    char *path = raw_mmap(NULL, PLAN_TEXT_MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (path == MAP_FAILED)
        return REASON_HELPER_FAILED;
    enum reason reason = compile_plan(path);
    if (reason == REASON_OK)
        reason = plan_file_read(&shim.plan, path);
    if (reason == REASON_OK && setenv("NODEWISE_PLAN", path, 1) == 0)
        shim.plan_path = environment_get("NODEWISE_PLAN");
    if (reason == REASON_OK)
        setenv("NODEWISE_COMPILED", "1", 1);
    if (!shim.plan_path)
        shim.plan_path = "";
    raw_munmap(path, PLAN_TEXT_MOST);
    return reason;
}

static enum reason find_plan(const struct environment *environment)
{
    if (environment->plan) {
        shim.plan_path = environment->plan; /* copied once it is clear that the policy applies to this process */
        enum reason reason = plan_file_read(&shim.plan, shim.plan_path);
        if (reason != REASON_PLAN_MISSING || !environment->compiled)
            return reason;
    }
    if (!some_policy_exists(environment))
        return REASON_NO_POLICY;
    enum reason reason = filter_look(false);
    return reason == REASON_OK ? compile_and_read() : reason;
}

/* --- does the policy apply to this process? --- */

/*
 * NODEWISE_ANCESTOR names the governed process that this one descends from. The process's own pid means that the same
 * process exec'd this program.
 */
static bool is_child(const struct environment *environment)
{
    const char *ancestor = environment->ancestor;
    return ancestor && read_number(&ancestor) != (uint64_t)shim.pid;
}

static void mark_descendants(void)
{
    char pid[24];
    struct text_writer writer = {pid, sizeof(pid), 0};
    write_number(&writer, (uint64_t)shim.pid, 0);
    setenv("NODEWISE_ANCESTOR", pid, 1);
}

static bool is_target(void)
{
    if (match_target(&shim.plan, &shim.facts, NULL))
        return true;
    return !facts_rule_out_exe() && facts_read_exe() && match_target(&shim.plan, &shim.facts, NULL);
}

/*
 * The usual case of a program that is not governed, where the environment of a service reaches many: no part of it needs a
 * call that a filter might kill for. Whether there is a filter takes most of a dormant start to find out.
 *
 * A process that follows a governed one is another matter: it may have to give back what it inherited.
 */
static bool is_plainly_another(const struct environment *environment)
{
    if (environment->ancestor || !facts_rule_out_exe())
        return false;
    shim.base.words = (shim.plan.count[PLAN_CPUS] + 63) / 64;
    plan_mask_expand(&shim.plan, shim.plan.header->allowed_mask, shim.base.mask, shim.base.words);
    return chosen_begin_ungoverned(shim.base.mask, shim.base.words);
}

static enum reason check_target(const struct environment *environment)
{
    unsigned children = shim.plan.header->children;
    bool child = children != CHILDREN_MATCH && is_child(environment);
    if (child && children == CHILDREN_NONE)
        return REASON_CHILD_NONE;
    if (!(child && children == CHILDREN_INHERIT) && !is_target())
        return REASON_NO_TARGET;
    facts_read_exe(); /* the rules' process_exe needs it */
    if (children != CHILDREN_MATCH && !environment->ancestor)
        mark_descendants();
    return REASON_OK;
}

/* --- the optional log, which never goes to the program's stderr --- */

static void log_decision(const char *path, enum reason reason)
{
    char line[512];
    struct text_writer writer = {line, sizeof(line), 0};
    if (!path || *path != '/')
        return;
    int fd = own_file_open(path, O_APPEND, 0600, shim.uid);
    if (fd < 0)
        return;
    write_text(&writer, "nodewise[");
    write_number(&writer, (uint64_t)(shim.pid ? shim.pid : raw_getpid()), 0);
    write_text(&writer, reason == REASON_OK ? "]: active" : "]: dormant");
    if (reason == REASON_OK) /* what it has to do without */
        reason = (enum reason)atomic_load_explicit(&shim.reason, memory_order_relaxed);
    if (reason != REASON_OK) {
        write_text(&writer, ": ");
        write_text(&writer, reason_text(reason));
    }
    write_char(&writer, '\n');
    struct stat info;
    if (raw_fstat(fd, &info) == 0 && raw_may_size((uint64_t)info.st_size + writer.length)) {
        /* always: a log is asked for above all where a filter leaves the library dormant */
        program_call(SYS_write, fd, line, writer.length);
    }
    raw_close(fd);
}

/* --- the decision --- */

/* Copies texts that point into the environment: programs that set their title overwrite it and the memory behind it. */
static bool keep_texts(void)
{
    facts_keep();
    shim.plan_path = plan_text_is(shim.plan_path) ? PLAN_TEXT_PREFIX : shim_keep(shim.plan_path);
    if (shim.facts.exe_link)
        shim.facts.exe_link = shim_keep(shim.facts.exe_link);
    if (shim.session)
        shim.session = strlen(shim.session) < RUNTIME_PATH_SIZE ? shim_keep(shim.session) : NULL;
    return shim.plan_path != NULL;
}

static enum reason decide(const struct environment *environment, bool late)
{
    const char *index = environment->index;
    if (environment->disable && strcmp(environment->disable, "0") != 0)
        return REASON_DISABLED;
    enum reason reason = find_plan(environment);
    if (reason == REASON_OK && is_plainly_another(environment))
        return REASON_NO_TARGET;
    if (reason == REASON_OK)
        reason = filter_look(shim_needs(PLAN_HAS_HARD));
    if (reason != REASON_OK)
        return reason;
    shim.pid = raw_getpid();
    facts_read();
    if (index) /* the rank that `nodewise run` got from the launcher */
        shim.facts.index = (uint32_t)read_number(&index);
    reason = check_target(environment);
    if (reason != REASON_OK) {
        base_restore();
        return reason;
    }
    state_start_clocks(); /* not earlier: the first read of a clock maps the vDSO's pages, 8 us of a dormant start */
    if (!keep_texts())
        return REASON_PLAN_MISSING;
    share_take();
    placing_pretend(shim_needs(PLAN_IS_PRETENDED));
    if (shim_needs(PLAN_IS_PRETENDED) || (environment->occupancy && !strcmp(environment->occupancy, "process")))
        board_file_do_without();
    bool reports = environment->report || shim.plan.header->at_exit != AT_EXIT_OFF;
    if (reports)
        finish_prepare_report();
    if (environment->bindings)
        bindings_prepare();
    reason = activate(late);
    if (reports && !late && reason == REASON_OK)
        early_begin();
    return reason;
}

static void note_start(void)
{
    uint32_t cost_ns = (uint32_t)(monotonic_ns() - shim.start_monotonic);
    segment_start_cost(cost_ns);
    segment_state(SEGMENT_ACTIVE, atomic_load_explicit(&shim.reason, memory_order_relaxed));
    segment_event(&(struct event){.kind = EVENT_START, .tid = (uint32_t)shim.pid, .rule = PLAN_NONE, .value = cost_ns});
    bindings_tell();
}

/* activate() has made the phase active where the reason is OK. */
static void finish_start(enum reason reason)
{
    if (reason == REASON_OK) {
        note_start();
        return;
    }
    atomic_store_explicit(&shim.reason, reason, memory_order_relaxed);
    atomic_store_explicit(&shim.phase, PHASE_DORMANT, memory_order_release);
}

static enum reason decide_and_log(bool late)
{
    struct environment environment;
    environment_read(&environment);
    shim.session = environment.xdg_runtime_dir;
    enum reason reason = decide(&environment, late);
    log_decision(environment.log, reason);
    return reason;
}

static enum reason start(void)
{
    shim.uid = (uint32_t)getauxval(AT_EUID);
    next_bind();
    if (getauxval(AT_SECURE)) {
        environment_clean();
        return REASON_SECURE;
    }
    return decide_and_log(false);
}

void shim_start(void)
{
    uint32_t loading = PHASE_LOADING;
    int saved = errno;
    if (!atomic_compare_exchange_strong(&shim.phase, &loading, PHASE_STARTING))
        return;
    enum reason reason = start();
    if (reason != REASON_OK)
        arena_stay_off();
    finish_start(reason);
    if (reason == REASON_FILTERED)
        atomic_store(&shim.waits, true);
    state_start_is_over();
    errno = saved;
}

/* Only the first thread can become main; and a program whose first thread makes none has made its others in another way. */
static bool is_first_thread(void)
{
    shim.pid = raw_getpid();
    return shim.pid && raw_gettid() == shim.pid;
}

static enum reason start_late(void)
{
    if (!filter_look_at_thread() || !is_first_thread())
        return REASON_FILTERED;
    atomic_store_explicit(&shim.reason, REASON_OK, memory_order_relaxed);
    return decide_and_log(true);
}

void shim_start_late(void)
{
    bool waits = true;
    int saved = errno;
    if (!atomic_compare_exchange_strong(&shim.waits, &waits, false))
        return;
    atomic_store(&shim.phase, PHASE_STARTING);
    finish_start(start_late());
    errno = saved;
}

void shim_ready(void)
{
    if (atomic_load_explicit(&shim.phase, memory_order_relaxed) == PHASE_LOADING)
        shim_start();
    if (!NEXT(syscall)) /* another thread, or the caller itself, is in the middle of the start-up */
        next_bind();
}

__attribute__((constructor)) static void construct(void)
{
    shim_start();
}
