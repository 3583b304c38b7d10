#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/printable.h"
#include "policy/chosen.h"
#include "policy/plan.h"
#include "tools/apply/beside.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/common/option_error.h"
#include "tools/common/supervise.h"
#include "tools/prepare/cpu_export.h"
#include "tools/prepare/deal.h"
#include "tools/prepare/filtered.h"
#include "tools/prepare/govern.h"
#include "tools/prepare/options.h"
#include "tools/prepare/plan_cache.h"
#include "tools/prepare/plan_file.h"
#include "tools/prepare/plan_view.h"
#include "tools/prepare/preload.h"
#include "tools/prepare/rank.h"
#include "tools/report/bindings.h"
#include "tools/report/report_name.h"
#include "tools/report/report_require.h"
#include "tools/report/report_text.h"
#include "tools/report/report_write.h"
#include "tools/segment/stale.h"
#include "tools/verbs/verbs.h"

#define DESCRIPTORS 64u /* more than reading a policy and the machine takes at once */

const char run_help[] = HELP_POLICY
    "  --report FILE       write a report when the program ends (.json, .html, .svg, else text);\n"
    "                      {pid}, {comm}, {hostname} and {rank} in its name are replaced\n"
    "  --require-locality N  wait for the program, and end with 1 when its access_locality, the share of its\n"
    "                      sampled accesses that stay on their node, is below N percent; with 3 when it is\n"
    "                      not measured\n"
    "  --report-bindings   say on stderr in a line what the process got: rank, host, CPUs, node, memory\n"
    "  --topology T        another machine, as for `plan`: threads are placed on it in the record alone, which `ps`,\n"
    "                      `show` and `report` tell; nothing is applied\n"
    "  --dry-run           say what would be done, and start nothing\n"
    "  --strict            start nothing that would not be governed: end with 3\n"
    "A program that the library does not get into (static, of 32 bits) is placed from outside, as `apply --watch`\n"
    "would, and has the CPUs and the memory policy of the policy's rules as a whole; a setuid one has these alone.\n"
    "One that is no target is said to be so and runs all the same.\n"
    "Ends with the program's own status; 125 when nodewise itself failed, 126 and 127 "
    "as env(1).\n";

struct run_request {
    struct policy_options policy;
    const char *report;
    double locality; /* percent that is required; below 0: nothing is */
    bool dry_run, strict, report_bindings;
    char **command;
    struct prepared_run *prepared;
};

/* What is left to do when all is prepared. */
struct prepared_run {
    char *outside_plan; /* of a program that is to be governed from outside, else NULL */
    uint32_t number;    /* what process_index matches */
};

/* --- the environment of the program --- */

/* The report is written at the end, when the program may long have changed its folder. */
static int export_report(const char *file)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];
    if (!file)
        return unsetenv("NODEWISE_REPORT") == 0 ? 0 : -errno;
    if (*file == '/')
        return setenv("NODEWISE_REPORT", file, 1) == 0 ? 0 : -errno;
    if (!getcwd(folder, sizeof(folder)))
        return -errno;
    snprintf(path, sizeof(path), "%s/%s", folder, file);
    return setenv("NODEWISE_REPORT", path, 1) == 0 ? 0 : -errno;
}

/* What `process_index` matches. Without a launcher it is the ledger's number (policy/ledger.h). */
static void export_rank(struct rank rank)
{
    char number[16];
    snprintf(number, sizeof(number), "%d", rank.number);
    if (rank.number >= 0)
        setenv("NODEWISE_INDEX", number, 1);
    else
        unsetenv("NODEWISE_INDEX");
}

/*
 * Room for what the program, and those that follow it by exec, choose for themselves. Without one, the library would
 * have to make it at each start.
 */
static void export_choice_room(void)
{
    uint64_t mask[PLAN_MAX_CPUS / 64] = {0};
    char text[CHOSEN_SIZE(PLAN_MAX_CPUS / 64)];
    long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
    if (bytes < 0 || getenv(CHOSEN_VARIABLE))
        return;
    chosen_clear(text, chosen_words(mask, (size_t)bytes / 8));
    chosen_set_governed(text, false); /* what the program inherits is its starter's, not that of a governed one */
    setenv(CHOSEN_VARIABLE, text, 1);
}

static int exit_code_of(int error)
{
    return error == -ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE;
}

static int start_program(char **command)
{
    execvp(command[0], command);
    int error = -errno;
    print_error("%s: %s", command[0], strerror(-error));
    return exit_code_of(error);
}

/* --- --dry-run --- */

static void print_placement(const struct prepared *prepared, const struct process_facts *process)
{
    struct thread_list list;
    uint32_t key = PLAN_KEY_COUNT;
    if (!match_target(&prepared->view, process, &key)) {
        printf("%s is not a target: the condition on target.%s does not hold. It would run as without nodewise.\n",
               printable(process->exe), plan_target_word(key));
        return;
    }
    if (thread_list_init(&list, process) < 0)
        return;
    if (plan_simulate(&prepared->view, list.threads, list.count) == 0) {
        printf("%s would run under %s\n\n", printable(process->exe),
               printable(plan_text(&prepared->view, prepared->view.header->source)));
        plan_print_rules(stdout, &prepared->view);
        putchar('\n');
        plan_print_threads(stdout, &prepared->view, &list);
    }
    thread_list_free(&list);
}

static int print_variable(void *context, const char *variable, uint32_t number)
{
    const char *own = getenv(variable);
    bool *is_first = context;
    if (*is_first)
        fputs("\nvariables\n", stdout);
    *is_first = false;
    if (own)
        printf("  %s=%s  (is set already)\n", variable, printable(own));
    else
        printf("  %s=%u\n", variable, number);
    return 0;
}

static void print_variables(const struct prepared *prepared)
{
    bool is_first = true;
    int error = cpu_export_each(prepared->config.policy, &prepared->view, print_variable, &is_first);
    if (error < 0)
        print_error("the variables of [cpu_count] export cannot be told: %s", strerror(-error));
}

static int dry_run(const struct run_request *request, struct prepared *prepared)
{
    struct command_facts facts;
    char why[PATH_MAX + 256];
    int status = prepare_plan(prepared, &request->policy, TALK_WARNINGS) == EXIT_OK ? EXIT_OK : EXIT_RUN_FAILED;
    struct rank rank = {-1, 0};
    int error = status == EXIT_OK ? deal_own(prepared, &request->policy, rank, &rank) : 0;
    if (error < 0) {
        print_error("the plan of the rank cannot be made: %s", strerror(-error));
        return EXIT_RUN_FAILED;
    }
    error = command_facts(&facts, request->command, rank.number < 0 ? PLAN_NONE : (uint32_t)rank.number);
    if (status == EXIT_OK && error < 0) {
        print_error("%s: %s", request->command[0], strerror(-error));
        status = exit_code_of(error);
    }
    if (status == EXIT_OK && error == 0 && facts.reached.reach != REACHED) {
        reach_text(&facts.reached, why, sizeof(why));
        printf("%s. It would get CPUs and memory as a whole%s.\n", why,
               facts.reached.reach == REACH_SECURE ? "" : ", and its threads their CPUs from outside");
    } else if (status == EXIT_OK && error == 0) {
        print_placement(prepared, &facts.process);
    }
    if (status == EXIT_OK && error == 0)
        print_variables(prepared);
    command_facts_free(&facts);
    return finish_output(status);
}

/* --- --require-locality --- */

static int judge(const json_t *report, double wanted)
{
    static const int codes[] = {
        [REQUIRED_HELD] = EXIT_OK, [REQUIRED_MISSED] = EXIT_NO, [REQUIRED_NOT_MEASURED] = EXIT_MACHINE};
    char text[512];
    enum required found = report_require(report, wanted, text, sizeof(text));
    if (*text)
        print_error("%s", printable(text));
    return codes[found];
}

static void write_asked(const char *pattern, const json_t *report)
{
    char name[PATH_MAX];
    const json_t *process = json_object_get(report, "process");
    const char *comm = json_string_value(json_object_get(process, "comm"));
    pid_t pid = (pid_t)json_integer_value(json_object_get(process, "pid"));
    if (report_name(pattern, pid, comm ? comm : "", name, sizeof(name)) == 0)
        report_write_file(name, report, format_of_name(name), REPORT_FULL);
}

/* The document is needed as JSON; what the user asked for is made of it. */
static int run_and_judge(const struct run_request *request)
{
    json_t *report;
    int status = supervise_reported(request->command, NULL, NULL, 0, &report);
    if (!report) {
        if (status != EXIT_RUN_FAILED) /* which has said why */
            print_error("the program left no report: it was not a target of the policy, or it was killed");
        return status ? status : EXIT_NO;
    }
    if (request->report)
        write_asked(request->report, report);
    int verdict = judge(report, request->locality);
    json_decref(report);
    return status ? status : verdict;
}

/* ---- */

/*
 * A program may be made to do with fewer descriptors than it takes to read a policy and the machine. It gets its limit
 * back.
 */
static bool take_descriptors(struct rlimit *ret_before)
{
    if (getrlimit(RLIMIT_NOFILE, ret_before) != 0 || ret_before->rlim_cur >= DESCRIPTORS)
        return false;
    struct rlimit enough = {DESCRIPTORS, ret_before->rlim_max};
    if (enough.rlim_max < DESCRIPTORS)
        enough.rlim_max = DESCRIPTORS;
    if (setrlimit(RLIMIT_NOFILE, &enough) == 0)
        return true;
    enough.rlim_cur = enough.rlim_max = ret_before->rlim_max;
    return setrlimit(RLIMIT_NOFILE, &enough) == 0;
}

/* A file is opened through its folder, so that both are proven. */
static bool has_descriptors(void)
{
    int folder = open("/", O_PATH | O_CLOEXEC), file = open("/", O_PATH | O_CLOEXEC);
    bool enough = folder >= 0 && file >= 0;
    if (folder >= 0)
        close(folder);
    if (file >= 0)
        close(file);
    return enough;
}

/* Of a program that the library does not get into, and that has what this process has. plan_path: or NULL. */
static void report_own_bindings(const struct run_request *request, const char *plan_path)
{
    struct file_bytes file = {0};
    struct plan_view plan;
    bool known =
        plan_path && plan_file_load(&file, plan_path) == 0 && plan_check(&plan, file.data, file.size, NULL) == 0;
    unsetenv("NODEWISE_BINDINGS");
    bindings_of_own(known ? &plan : NULL, request->command[0]);
    free(file.data);
}

/* The plan, and the environment that names it. */
static int prepare_environment(const struct run_request *request)
{
    struct prepared prepared;
    char *plan = NULL;
    int status = prepare_policy(&prepared, &request->policy, TALK_WARNINGS);
    if (status == EXIT_OK)
        status = plan_cache_get(&plan, &prepared, &request->policy);
    int error = status == EXIT_OK && plan ? cpu_export(prepared.config.policy, plan) : 0;
    struct rank rank = {.number = -1};
    if (status == EXIT_OK)
        rank = rank_from_environment(prepared.config.policy);
    prepared_free(&prepared);
    if (status != EXIT_OK)
        return EXIT_RUN_FAILED;
    export_rank(rank);
    export_choice_room();
    if (error < 0)
        print_error("the variables of [cpu_count] export cannot be set: %s", strerror(-error));
    if (!plan && request->report_bindings && !request->strict)
        report_own_bindings(request, NULL);
    if (!plan)
        return request->strict ? EXIT_MACHINE : EXIT_OK; /* it runs without us, which is better than not at all */
    unsetenv("NODEWISE_COMPILED");                       /* a plan of another policy */
    if (setenv("NODEWISE_PLAN", plan, 1) != 0 || export_report(request->report) < 0) {
        print_error("the environment cannot be changed: %s", strerror(errno));
        return EXIT_RUN_FAILED;
    }
    enum governed governed =
        govern_look(plan, request->command, (uint32_t)rank.number, request->strict, request->locality < 0);
    bool out_of_reach = governed == GOVERNED_AS_A_WHOLE || governed == GOVERNED_FROM_OUTSIDE;
    if (out_of_reach && request->report_bindings && !request->strict)
        report_own_bindings(request, plan);
    *request->prepared = (struct prepared_run){governed == GOVERNED_FROM_OUTSIDE ? plan : NULL, (uint32_t)rank.number};
    if (governed != GOVERNED_FROM_OUTSIDE)
        free(plan);
    if (governed != GOVERNED && request->strict)
        return EXIT_MACHINE;
    if (preload_shim() < 0)
        return EXIT_RUN_FAILED;
    stale_sweep();
    return EXIT_OK;
}

/* Everything but the program. */
static int prepare(const void *data)
{
    struct rlimit before;
    const struct run_request *request = data;
    bool raised = take_descriptors(&before);
    int status = request->strict ? EXIT_MACHINE : EXIT_OK;
    if (has_descriptors())
        status = prepare_environment(request);
    else
        print_error("the limit on open files is too low to read a policy: %s is not governed", request->command[0]);
    if (raised)
        setrlimit(RLIMIT_NOFILE, &before);
    return status;
}

/* Where a filter may kill the command for what it would do: the library does it when it can. */
static int run_unprepared(const struct run_request *request)
{
    if (request->policy.pretends) {
        print_error("a seccomp filter was set before: nothing can be recorded of %s", request->command[0]);
        return request->strict ? EXIT_MACHINE : start_program(request->command);
    }
    print_error("a seccomp filter was set before: the policy takes effect when %s makes its first thread; "
                "NODEWISE_FILTER=try lets it take effect at once, where the filter permits clone",
                request->command[0]);
    if (request->strict)
        return EXIT_MACHINE;
    if (filtered_export(&request->policy, request->report) < 0)
        print_error("the environment cannot be changed: %s", strerror(errno));
    else
        preload_shim();
    return start_program(request->command);
}

static int run_dry(const struct run_request *request)
{
    struct prepared prepared;
    int status = EXIT_RUN_FAILED;
    if (prepare_policy(&prepared, &request->policy, TALK_WARNINGS) == EXIT_OK)
        status = dry_run(request, &prepared);
    prepared_free(&prepared);
    return status;
}

static void start_beside(const struct run_request *request)
{
    const struct prepared_run *prepared = request->prepared;
    int error = prepared->outside_plan ? beside_start(prepared->outside_plan, prepared->number) : 0;
    if (error < 0)
        print_error("the threads of %s are not placed: %s", request->command[0], strerror(-error));
}

static int run(const struct run_request *request)
{
    if (request->dry_run)
        return run_dry(request);
    if (request->report_bindings && setenv("NODEWISE_BINDINGS", "1", 1) != 0)
        print_error("the environment cannot be changed: %s", strerror(errno));
    if (request->locality < 0 && filtered_look(&request->policy) && !filtered_rehearse(prepare, request))
        return run_unprepared(request);
    int status = prepare(request);
    if (status == EXIT_OK)
        start_beside(request);
    free(request->prepared->outside_plan);
    if (status != EXIT_OK)
        return status;
    return request->locality >= 0 ? run_and_judge(request) : start_program(request->command);
}

static bool take_percent(const char *text, double *ret_value)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || (*end && strcmp(end, "%") != 0) || !(value >= 0 && value <= 100))
        return false;
    *ret_value = value;
    return true;
}

int cmd_run(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        OPTIONS_TOPOLOGY,
        {"report", required_argument, NULL, OPTION_VERB},
        {"dry-run", no_argument, NULL, OPTION_VERB + 1},
        {"require-locality", required_argument, NULL, OPTION_VERB + 2},
        {"strict", no_argument, NULL, OPTION_VERB + 3},
        {"report-bindings", no_argument, NULL, OPTION_VERB + 4},
        {0},
    };
    struct prepared_run prepared = {.outside_plan = NULL};
    struct run_request request = {.locality = -1, .prepared = &prepared};
    int option, status = EXIT_OK;
    /* '+': the first word that is no option is the program's, and so is all behind it. */
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "+" LETTERS_POLICY, long_options, NULL)) != -1) {
        if (option == OPTION_VERB)
            status = take_output("run", "--report", &request.report) == EXIT_OK ? EXIT_OK : EXIT_RUN_FAILED;
        else if (option == OPTION_VERB + 1)
            request.dry_run = true;
        else if (option == OPTION_VERB + 3)
            request.strict = true;
        else if (option == OPTION_VERB + 4)
            request.report_bindings = true;
        else if (option == OPTION_VERB + 2 && take_percent(optarg, &request.locality))
            continue;
        else if (option == OPTION_VERB + 2) {
            usage_error("run", "--require-locality takes a number from 0 to 100, not \"%s\"", optarg);
            status = EXIT_RUN_FAILED;
        } else if (!take_policy_option(&request.policy, option, NULL)) {
            option_error("run", argv, long_options);
            status = EXIT_RUN_FAILED;
        }
    }
    request.command = argv + optind;
    if (status == EXIT_OK && request.policy.file && strcmp(request.policy.file, "-") == 0) {
        usage_error("run", "stdin is the program's: the policy has to be a file");
        status = EXIT_RUN_FAILED;
    }
    if (status == EXIT_OK && request.policy.topology && request.locality >= 0) {
        usage_error("run", "--require-locality measures, and with --topology nothing lies where the policy says");
        status = EXIT_RUN_FAILED;
    }
    if (status == EXIT_OK && optind == argc) {
        usage_error("run", "the program to run is missing");
        status = EXIT_RUN_FAILED;
    }
    request.policy.pretends = request.policy.topology && !request.dry_run;
    if (status == EXIT_OK)
        status = run(&request);
    policy_options_free(&request.policy);
    return status;
}
