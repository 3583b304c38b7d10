#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "config/json_text.h"
#include "tools/apply/placing.h"
#include "tools/apply/tell.h"
#include "tools/common/cli.h"
#include "tools/common/option_error.h"
#include "tools/common/process.h"
#include "tools/prepare/options.h"
#include "tools/segment/segments.h"
#include "tools/verbs/verbs.h"

const char apply_help[] = HELP_POLICY
    "  -c, --together SET  all threads together on these CPUs, as taskset -a -p -c: no policy is read\n"
    "  --watch             stay, and place threads that come or get another name; ends with the processes\n"
    "  --interval S        seconds between two looks of --watch (1)\n"
    "  --once              place the threads that there are, and end: what is done without --watch\n"
    "  --dry-run           say what would be done, and change nothing\n" HELP_JSON
    "The processes run on as they were started: static programs, Go and Java, services. Their threads are known by name,\n"
    "order and process. What only the preloaded library can do is said in a line.\n"
    "Ends with 1 when a thread has not what was asked, or a process is not to be placed; with 3 when the kernel does not\n"
    "permit it; with 4 when there is no such process.\n";

enum { OPTION_WATCH = OPTION_VERB, OPTION_INTERVAL, OPTION_ONCE, OPTION_DRY_RUN };

#define ROUNDS_MOST    16u  /* of placing what came meanwhile, before it is left to the next look */
#define CLOSELY_MIN    5.0  /* seconds between two looks at every thread, at least, */
#define CLOSELY_SHARE  3e-4 /* and so many that they take no more than this of a CPU */
#define INTERVAL_LEAST 0.01
#define INTERVAL_MOST  3600

struct apply_request {
    struct policy_options policy;
    const char *together;
    double interval;
    bool watch, once, dry_run, json;
};

struct apply {
    struct apply_request *request;
    struct prepared prepared;
    struct placing placing;
    struct told told;
    struct target *targets;
    size_t count;
    bool is_first;
    double closely_at; /* when every thread is looked at again */
};

/* --- processes --- */

/* false, after having said why: the library decides in that process. */
static bool is_free(pid_t pid)
{
    struct segment_file file;
    int error = segment_find(&file, pid);
    bool is_governed = (error == 0 && file.is_held) || error == -EACCES;
    if (error == 0)
        segment_close(&file);
    if (is_governed)
        print_error(
            "process %d is governed already, by the library in it: `nodewise reload %d -p POLICY` gives it another "
            "policy",
            (int)pid, (int)pid);
    return !is_governed;
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
    struct target *target = &apply->targets[apply->count];
    uint32_t key = PLAN_KEY_COUNT;
    for (size_t i = 0; i < apply->count; i++)
        if (apply->targets[i].pid == pid)
            return usage_error("apply", "process %d is given twice", (int)pid);
    int error = target_open(target, pid, (uint32_t)apply->count);
    if (error < 0)
        return say_not_opened(pid, error);
    apply->count++;
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
    apply->targets = calloc(count, sizeof(*apply->targets));
    if (!apply->targets) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    for (size_t i = 0; i < count && status == EXIT_OK; i++) {
        pid_t pid = parse_pid(words[i]);
        status = pid ? open_target(apply, pid) : usage_error("apply", "\"%s\" is not a process id", words[i]);
    }
    apply->told.targets = apply->targets;
    apply->told.count = apply->count;
    return status;
}

/* --- placing --- */

static int say_error(const struct target *target, int error)
{
    print_error("the threads of process %d cannot be placed: %s", (int)target->pid, strerror(-error));
    return EXIT_MACHINE;
}

/* Threads that come while others are placed have what their creators had: they are placed in a further round. */
static int place_target(struct apply *apply, struct target *target, bool closely)
{
    for (unsigned round = 0; round < ROUNDS_MOST; round++) {
        int error = target_look(target, closely);
        if (error == 0)
            error = placing_place(&apply->placing, target, closely);
        if (error < 0)
            return say_error(target, error);
        if (placing_is_settled(&apply->placing, target))
            return EXIT_OK;
        closely = false;
    }
    return EXIT_OK;
}

static int place_all(struct apply *apply, bool closely)
{
    int status = EXIT_OK;
    bool settled = false;
    for (unsigned round = 0; round < ROUNDS_MOST && status == EXIT_OK && !settled; round++) {
        settled = true;
        for (size_t i = 0; i < apply->count && status == EXIT_OK; i++) {
            struct target *target = &apply->targets[i];
            if (!target->told_end && (round == 0 || target->claims != apply->placing.claims))
                status = place_target(apply, target, closely && round == 0);
        }
        for (size_t i = 0; i < apply->count; i++) /* a later one's claims are about earlier ones, too */
            settled = settled && apply->targets[i].claims == apply->placing.claims;
    }
    return status;
}

static void say_refused(const struct apply *apply)
{
    if (apply->placing.refused != EPERM)
        return;
    if (geteuid() == 0)
        print_error(
            "the kernel does not permit it (EPERM): the capability SYS_NICE is missing here (for a container: --cap-add "
            "SYS_NICE), or a seccomp filter forbids it");
    else
        print_error(
            "the kernel does not permit it (EPERM): the process is another user's; run nodewise as that user or as root, "
            "or give it CAP_SYS_NICE");
}

static bool is_as_asked(const struct apply *apply)
{
    for (size_t i = 0; i < apply->count; i++)
        for (size_t j = 0; j < apply->targets[i].count; j++)
            if (!placing_is_as_asked(&apply->targets[i].threads[j]))
                return false;
    return true;
}

static int status_of(const struct apply *apply)
{
    if (is_as_asked(apply))
        return EXIT_OK;
    return apply->placing.refused == EPERM ? EXIT_MACHINE : EXIT_NO;
}

/* --- telling --- */

static bool has_news(const struct apply *apply)
{
    for (size_t i = 0; i < apply->count; i++) {
        if (apply->targets[i].ended && !apply->targets[i].told_end)
            return true;
        for (size_t j = 0; j < apply->targets[i].count; j++)
            if (apply->targets[i].threads[j].changed)
                return true;
    }
    return false;
}

static int tell(struct apply *apply)
{
    json_t *document = tell_document(&apply->told, !apply->is_first);
    if (!apply->request->json && apply->is_first)
        tell_text(document);
    else if (!apply->request->json)
        tell_changes(document);
    else if (json_write(stdout, document, apply->request->watch ? 0 : 2) < 0)
        print_error("the JSON could not be written");
    json_decref(document);
    apply->is_first = false;
    return finish_output(EXIT_OK);
}

/* --- watching --- */

static volatile sig_atomic_t ended_by_signal;

static void note_signal(int signal)
{
    ended_by_signal = signal;
}

/* From now on they come only while the command sleeps, so that none is missed. */
static void take_signals(sigset_t *ret_before)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal};
    sigset_t mine;
    sigemptyset(&mine);
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
        sigaddset(&mine, signals[i]);
        sigaction(signals[i], &action, NULL);
    }
    sigprocmask(SIG_BLOCK, &mine, ret_before);
}

static double seconds_of(clockid_t clock)
{
    struct timespec now = {0};
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Wakes at the end of a process, and by a signal. */
static void wait_a_while(const struct apply *apply, const sigset_t *signals, struct pollfd *ends)
{
    double interval = apply->request->interval;
    const struct timespec pause = {(time_t)interval, (long)((interval - (double)(time_t)interval) * 1e9)};
    nfds_t count = 0;
    for (size_t i = 0; i < apply->count; i++)
        if (!apply->targets[i].ended && apply->targets[i].end >= 0)
            ends[count++] = (struct pollfd){.fd = apply->targets[i].end, .events = POLLIN};
    ppoll(ends, count, &pause, signals);
}

/* Does anything live on? ret_changed: some have to be looked at. */
static bool look_quickly(struct apply *apply, bool *ret_changed)
{
    bool lives = false;
    *ret_changed = false;
    for (size_t i = 0; i < apply->count; i++) {
        struct target *target = &apply->targets[i];
        if (target->ended)
            continue;
        *ret_changed = target_has_changed(target) || target->young > 0 || *ret_changed;
        lives = lives || !target->ended;
    }
    return lives;
}

/* What a look at every thread costs decides when the next one is. */
static int look_closely(struct apply *apply)
{
    double before = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    int status = place_all(apply, true);
    double pause = (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - before) / CLOSELY_SHARE;
    apply->closely_at = seconds_of(CLOCK_MONOTONIC) + (pause > CLOSELY_MIN ? pause : CLOSELY_MIN);
    return status;
}

static int watch(struct apply *apply, const sigset_t *signals)
{
    int status = EXIT_OK;
    bool changed, lives = true;
    struct pollfd *ends = calloc(apply->count, sizeof(*ends));
    if (!ends) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    apply->closely_at = seconds_of(CLOCK_MONOTONIC) + CLOSELY_MIN;
    while (status == EXIT_OK && lives && !ended_by_signal) {
        wait_a_while(apply, signals, ends);
        lives = look_quickly(apply, &changed);
        if (seconds_of(CLOCK_MONOTONIC) >= apply->closely_at)
            status = look_closely(apply);
        else if (changed)
            status = place_all(apply, false);
        if (status == EXIT_OK && has_news(apply))
            status = tell(apply);
    }
    free(ends);
    return status;
}

/* --- the command --- */

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
    apply->told = (struct told){.plan = plan, .dry_run = request->dry_run, .is_bare = request->together != NULL};
    apply->told.policy = request->together ? request->together : plan_text(plan, plan->header->source);
    if (placing_init(&apply->placing, plan, request->dry_run) == 0)
        return EXIT_OK;
    print_error("out of memory");
    return EXIT_MACHINE;
}

static int place_and_stay(struct apply *apply)
{
    sigset_t signals;
    if (apply->request->watch)
        take_signals(&signals);
    int status = place_all(apply, true);
    if (status == EXIT_OK)
        status = tell(apply);
    if (status == EXIT_OK)
        say_refused(apply);
    if (status == EXIT_OK && apply->request->watch)
        status = watch(apply, &signals);
    return status == EXIT_OK ? status_of(apply) : status;
}

static int apply_to(struct apply_request *request, char **words, size_t count)
{
    struct apply apply = {.request = request, .is_first = true};
    int status = compile(&apply);
    if (status == EXIT_OK)
        status = open_targets(&apply, words, count);
    if (status == EXIT_OK)
        status = place_and_stay(&apply);
    for (size_t i = 0; i < apply.count; i++)
        target_close(&apply.targets[i]);
    free(apply.targets);
    placing_free(&apply.placing);
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

static int take_option(struct apply_request *request, int option, char **argv, const struct option *known)
{
    switch (option) {
    case 'c':
        request->together = optarg;
        return EXIT_OK;
    case OPTION_WATCH:
        request->watch = true;
        return EXIT_OK;
    case OPTION_ONCE:
        request->once = true;
        return EXIT_OK;
    case OPTION_DRY_RUN:
        request->dry_run = true;
        return EXIT_OK;
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
        {"once", no_argument, NULL, OPTION_ONCE},
        {"dry-run", no_argument, NULL, OPTION_DRY_RUN},
        {0},
    };
    struct apply_request request = {.interval = 1};
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
