#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/json_text.h"
#include "tools/apply/session.h"
#include "tools/apply/tell.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_cache.h"
#include "tools/segment/segments.h"
#include "tools/verbs/verbs.h"

const char apply_help[] = HELP_POLICY
    "  -c, --together SET  all threads together on these CPUs, as taskset -a -p -c: no policy is read\n"
    "  --watch             stay, and place threads that come or get another name; ends with the processes\n"
    "  --interval S        seconds between two looks of --watch (1)\n"
    "  --memory-budget MIB  move memory of the processes to the nodes of their threads, at most so much at once, and\n"
    "                      with --watch in each second; 0: none. Without it the policy's memory.migrate_on_move says\n"
    "                      whether, and move_bytes and move_time how much\n"
    "  --no-children       with --watch: leave the children of the processes alone\n"
    "  --once              place the threads that there are, and end: what is done without --watch\n"
    "  --dry-run           say what would be done, and change nothing\n" HELP_JSON
    "The processes run on as they were started: static programs, Go and Java, services. Their threads are known by name,\n"
    "order and process. What only the preloaded library can do is said in a line.\n"
    "Ends with 1 when a thread has not what was asked, or a process is not to be placed; with 3 when the kernel does not\n"
    "permit it; with 4 when there is no such process.\n";

enum { OPTION_WATCH = OPTION_VERB, OPTION_NO_CHILDREN, OPTION_INTERVAL, OPTION_ONCE, OPTION_DRY_RUN, OPTION_BUDGET };

#define INTERVAL_LEAST 0.01
#define INTERVAL_MOST  3600
#define BUDGET_MOST    1e9 /* MiB: more than any machine has */

struct apply_request {
    struct policy_options policy;
    const char *together;
    double interval;
    uint64_t budget; /* bytes, or MOVING_NO_BUDGET */
    bool watch, no_children, once, dry_run, json;
};

struct apply {
    struct apply_request *request;
    struct prepared prepared;
    struct session session;
    struct told told;
    char *plan_path; /* NULL: no folder keeps it */
    char record_policy[256];
};

/* --- processes --- */

/* false, after having said why: the library decides in that process, or another command does. */
static bool is_free(pid_t pid)
{
    struct segment_file file = {.pid = 0};
    int error = segment_find(&file, pid);
    bool is_watched = error == 0 && file.watcher > 0;
    bool is_governed = (error == 0 && file.is_held && !file.from_outside) || error == -EACCES;
    if (error == 0)
        segment_close(&file);
    if (is_watched)
        print_error("process %d is governed from outside already: process %d watches it; end that one first", (int)pid,
                    (int)file.watcher);
    else if (error == -EACCES)
        print_error("process %d is governed already, by another user: run nodewise as root", (int)pid);
    else if (is_governed)
        print_error(
            "process %d is governed already, by the library in it: `nodewise reload %d -p POLICY` gives it another "
            "policy",
            (int)pid, (int)pid);
    return !is_governed && !is_watched;
}

static int say_not_opened(pid_t pid, int error)
{
    switch (-error) {
    case ESRCH:
        print_error("there is no process %d", (int)pid);
        return EXIT_NO_PROCESS;
    case ECHILD:
        print_error("%d is a thread of another process; apply takes processes, and a policy names threads", (int)pid);
        return EXIT_BAD_INPUT;
    case ENOTSUP:
        print_error("%d is a thread of the kernel's own, which has no program to place", (int)pid);
        return EXIT_NO;
    default:
        print_error("process %d cannot be looked at: %s", (int)pid, strerror(-error));
        return EXIT_MACHINE;
    }
}

static int open_target(struct apply *apply, pid_t pid)
{
    const struct plan_view *plan = &apply->prepared.view;
    struct session *session = &apply->session;
    uint32_t key = PLAN_KEY_COUNT, number = (uint32_t)session->count;
    for (size_t i = 0; i < session->count; i++)
        if (session->processes[i]->target.pid == pid)
            return usage_error("apply", "process %d is given twice", (int)pid);
    struct governed *governed = session_add(session);
    int error = governed ? target_open(&governed->target, pid, number) : -ENOMEM;
    if (error < 0)
        return say_not_opened(pid, error);
    const struct target *target = &governed->target;
    if (!is_free(pid))
        return EXIT_NO;
    if (!match_target(plan, &target->facts, &key)) {
        print_error("process %d (%s) is no target of %s: the condition on target.%s does not hold", (int)pid,
                    target->comm, apply->told.policy, plan_target_word(key));
        return EXIT_NO;
    }
    return EXIT_OK;
}

/* All of them are known before the first is touched. */
static int open_targets(struct apply *apply, char **words, size_t count)
{
    int status = EXIT_OK;
    for (size_t i = 0; i < count && status == EXIT_OK; i++) {
        pid_t pid = parse_pid(words[i]);
        status = pid ? open_target(apply, pid) : usage_error("apply", "\"%s\" is not a process id", words[i]);
    }
    return status;
}

/* --- telling --- */

static void say_refused(const struct apply *apply)
{
    if (apply->session.placing.refused != EPERM)
        return;
    if (geteuid() == 0)
        print_error("the kernel does not permit it (EPERM): the capability SYS_NICE is missing here (for a container: "
                    "--cap-add SYS_NICE), or a seccomp filter forbids it");
    else
        print_error(
            "the kernel does not permit it (EPERM): the process is another user's; run nodewise as that user or "
            "as root, or give it CAP_SYS_NICE");
}

static void say_memory_refused(const struct apply *apply)
{
    for (size_t i = 0; i < apply->session.count; i++) {
        const struct governed *governed = apply->session.processes[i];
        int error = governed->memory.error, pid = (int)governed->target.pid;
        if (error == -EPERM)
            print_error("memory of process %d is not moved: that takes the same user, or root with CAP_SYS_PTRACE",
                        pid);
        else if (error == -EACCES)
            print_error("memory of process %d is not moved: the nodes are not in its cpuset, or it is another user's",
                        pid);
        else if (error == -ENOSYS || error == -ENOENT)
            print_error("memory of process %d is not moved: this kernel has no NUMA", pid);
        else if (error < 0)
            print_error("memory of process %d is not moved: %s", pid, strerror(-error));
    }
}

/* What happens the first time alone: a folder that is full, no descriptors any more. */
static void say_not_seen(struct session *session)
{
    if (session->record_error < 0)
        print_error("ps, show, verify and top do not see what is governed: the record cannot be written: %s",
                    strerror(-session->record_error));
    if (session->child_error < 0)
        print_error("a child is not looked after: %s", strerror(-session->child_error));
    session->record_error = session->child_error = 0;
}

static int status_of(const struct apply *apply)
{
    if (session_is_as_asked(&apply->session))
        return EXIT_OK;
    return apply->session.placing.refused == EPERM ? EXIT_MACHINE : EXIT_NO;
}

static int tell(struct apply *apply, bool is_first)
{
    json_t *document = tell_document(&apply->told, !is_first);
    if (!apply->request->json && is_first)
        tell_text(document);
    else if (!apply->request->json)
        tell_changes(document);
    else if (json_write(stdout, document, apply->request->watch ? 0 : 2) < 0)
        print_error("the JSON could not be written");
    json_decref(document);
    if (is_first)
        say_refused(apply);
    if (is_first)
        say_memory_refused(apply);
    say_not_seen(&apply->session);
    return finish_output(EXIT_OK);
}

/* --- the command --- */

static int say_error(int error)
{
    print_error("the processes cannot be placed any further: %s", strerror(-error));
    return EXIT_MACHINE;
}

static int watch(struct apply *apply)
{
    int error = 0, status = EXIT_OK;
    for (bool over = false; !over && status == EXIT_OK && error == 0;) {
        error = session_watch(&apply->session, &over);
        if (error == 0 && session_has_news(&apply->session))
            status = tell(apply, false);
    }
    return error < 0 ? say_error(error) : status;
}

static int place_and_stay(struct apply *apply)
{
    struct session *session = &apply->session;
    session->budget = apply->request->budget;
    session->interval = session->first = apply->request->interval;
    session->with_children = apply->request->watch && !apply->request->no_children;
    session->records.plan_path = apply->plan_path ? apply->plan_path : "";
    session->records.policy = apply->record_policy;
    session->records.is_bare = apply->told.is_bare;
    session->records.watches = apply->request->watch;
    if (apply->request->watch)
        session_take_signals();
    int error = session_place(session);
    int status = error < 0 ? say_error(error) : tell(apply, true);
    if (status == EXIT_OK && apply->request->watch)
        status = watch(apply);
    if (status == EXIT_OK)
        status = status_of(apply);
    return status;
}

/* -c: a policy of one set. No process is left where it is because the set has no CPU of this machine. */
static int take_together(struct apply_request *request)
{
    static const char *const settings[] = {"defaults.bind_to=none", "defaults.on_app_affinity=ignore",
                                           "defaults.enforcement=hard"};
    char *cpus = NULL;
    if (!request->together)
        return EXIT_OK;
    if (request->policy.file || request->policy.set_count)
        return usage_error("apply", "-c is without a policy: give either -c or -p, --set, -C, -N, --bind and --spread");
    int error = 0;
    if (asprintf(&cpus, "defaults.cpus=%s", request->together) < 0) {
        cpus = NULL;
        error = -ENOMEM;
    }
    if (error == 0)
        error = policy_options_set(&request->policy, cpus);
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings) && error == 0; i++)
        error = policy_options_set(&request->policy, settings[i]);
    free(cpus);
    request->policy.no_search = true;
    if (error < 0)
        print_error("out of memory");
    return error < 0 ? EXIT_BAD_INPUT : EXIT_OK;
}

static int compile(struct apply *apply)
{
    struct apply_request *request = apply->request;
    int status = prepare_policy(&apply->prepared, &request->policy, TALK_WARNINGS);
    if (status == EXIT_OK)
        status = prepare_plan(&apply->prepared, &request->policy, TALK_WARNINGS);
    if (status != EXIT_OK)
        return status;
    const struct plan_view *plan = &apply->prepared.view;
    apply->told = (struct told){.plan = plan, .session = &apply->session, .dry_run = request->dry_run};
    apply->told.is_bare = request->together != NULL;
    apply->told.policy = request->together ? request->together : plan_text(plan, plan->header->source);
    snprintf(apply->record_policy, sizeof(apply->record_policy), "%s%s", request->together ? "-c " : "",
             apply->told.policy);
    if (!request->dry_run)
        apply->plan_path = plan_cache_keep(&apply->prepared);
    return EXIT_OK;
}

static int apply_to(struct apply_request *request, char **words, size_t count)
{
    struct apply apply = {.request = request};
    int status = compile(&apply);
    if (status == EXIT_OK && session_init(&apply.session, &apply.prepared.view, request->dry_run) < 0) {
        print_error("out of memory");
        status = EXIT_MACHINE;
    }
    if (status == EXIT_OK) {
        status = open_targets(&apply, words, count);
        if (status == EXIT_OK)
            status = place_and_stay(&apply);
        session_free(&apply.session);
    }
    free(apply.plan_path);
    prepared_free(&apply.prepared);
    return status;
}

static bool take_seconds(const char *text, double *ret_seconds)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds >= INTERVAL_LEAST && seconds <= INTERVAL_MOST))
        return false;
    *ret_seconds = seconds;
    return true;
}

static bool take_mib(const char *text, uint64_t *ret_bytes)
{
    char *end;
    double mib = strtod(text, &end);
    if (end == text || *end || !(mib >= 0 && mib <= BUDGET_MOST))
        return false;
    *ret_bytes = (uint64_t)(mib * (1 << 20));
    return true;
}

static int take_option(struct apply_request *request, int option, char **argv, const struct option *known)
{
    switch (option) {
    case 'c':
        request->together = optarg;
        return EXIT_OK;
    case OPTION_WATCH:
        request->watch = true;
        return EXIT_OK;
    case OPTION_NO_CHILDREN:
        request->no_children = true;
        return EXIT_OK;
    case OPTION_ONCE:
        request->once = true;
        return EXIT_OK;
    case OPTION_DRY_RUN:
        request->dry_run = true;
        return EXIT_OK;
    case OPTION_BUDGET:
        return take_mib(optarg, &request->budget)
                   ? EXIT_OK
                   : usage_error("apply", "--memory-budget takes MiB, not \"%s\"", optarg);
    case OPTION_INTERVAL:
        return take_seconds(optarg, &request->interval)
                   ? EXIT_OK
                   : usage_error("apply", "--interval takes seconds from 0.01 to 3600, not \"%s\"", optarg);
    default:
        return take_policy_option(&request->policy, option, &request->json) ? EXIT_OK
                                                                            : option_error("apply", argv, known);
    }
}

int cmd_apply(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        OPTIONS_JSON,
        {"together", required_argument, NULL, 'c'},
        {"watch", no_argument, NULL, OPTION_WATCH},
        {"interval", required_argument, NULL, OPTION_INTERVAL},
        {"no-children", no_argument, NULL, OPTION_NO_CHILDREN},
        {"once", no_argument, NULL, OPTION_ONCE},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {"memory-budget", required_argument, NULL, OPTION_BUDGET},
        {0},
    };
    struct apply_request request = {.interval = 1, .budget = MOVING_NO_BUDGET};
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "c:" LETTERS_POLICY, long_options, NULL)) != -1)
        status = take_option(&request, option, argv, long_options);
    if (status == EXIT_OK && request.watch && (request.once || request.dry_run))
        status = usage_error("apply", "--watch stays, which --once and --dry-run do not");
    if (status == EXIT_OK && optind == argc)
        status = usage_error("apply", "give the ids of the processes");
    if (status == EXIT_OK)
        status = take_together(&request);
    if (status == EXIT_OK)
        status = apply_to(&request, argv + optind, (size_t)(argc - optind));
    policy_options_free(&request.policy);
    return status;
}
