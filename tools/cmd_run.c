#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/options.h"
#include "tools/plan_cache.h"
#include "tools/plan_view.h"
#include "tools/shim_path.h"
#include "tools/verbs.h"

const char run_help[] =
    HELP_POLICY "  --report FILE       write a report when the program ends (.json: JSON, else text)\n"
                "  --dry-run           say what would be done, and start nothing\n"
                "Ends with the program's own status; 125 when nodewise itself failed, 126 and 127 "
                "as env(1).\n";

struct run_request {
    struct policy_options policy;
    const char *report;
    bool dry_run;
    char **command;
};

/* ---- the environment of the program ---- */

/* LD_PRELOAD with the shim behind what is there: others' order is theirs, and nothing is ever replaced. */
static int preload_shim(void)
{
    char *shim = NULL, *value = NULL;
    const char *present = getenv("LD_PRELOAD");
    int r = shim_path(&shim);
    if (r == -ENOENT)
        complain("the library is not there: %s", shim ? shim : "libnodewise.so");
    if (r == -EINVAL)
        complain("LD_PRELOAD cannot name %s: a blank or ':' in the path would split it", shim);
    if (r == 0 && present && strstr(present, shim)) {
        free(shim);
        return 0;
    }
    if (r == 0 && asprintf(&value, "%s%s%s", present ? present : "", present && *present ? ":" : "", shim) < 0)
        r = -ENOMEM;
    if (r == 0 && setenv("LD_PRELOAD", value, 1) != 0)
        r = -errno;
    if (r == -ENOMEM)
        complain("out of memory");
    free(value);
    free(shim);
    return r;
}

/* The report is written at the end, when the program may long have changed its folder. */
static int export_report(const char *file)
{
    char folder[PATH_MAX], path[2 * PATH_MAX];
    if (!file)
        return unsetenv("NODEWISE_REPORT") == 0 ? 0 : -errno;
    if (*file == '/')
        return setenv("NODEWISE_REPORT", file, 1) == 0 ? 0 : -errno;
    if (!getcwd(folder, sizeof folder))
        return -errno;
    snprintf(path, sizeof path, "%s/%s", folder, file);
    return setenv("NODEWISE_REPORT", path, 1) == 0 ? 0 : -errno;
}

static int start_program(char **command)
{
    execvp(command[0], command);
    int error = errno;
    complain("%s: %s", command[0], strerror(error));
    return error == ENOENT ? EXIT_RUN_NOT_FOUND : EXIT_RUN_NOT_EXECUTABLE;
}

/* ---- --dry-run ---- */

/* The path that execvp would use for the command, links in it not followed; malloc'd. */
static char *find_program(const char *name)
{
    const char *path = getenv("PATH");
    char candidate[PATH_MAX];
    if (strchr(name, '/'))
        return access(name, X_OK) == 0 ? strdup(name) : NULL;
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(candidate, sizeof candidate, "%.*s/%s", (int)length, at, name);
        if (length && access(candidate, X_OK) == 0)
            return strdup(candidate);
        at += length + (at[length] == ':');
    }
    return NULL;
}

static char *join(char **words)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    for (char **word = words; to && *word; word++)
        fprintf(to, "%s%s", word == words ? "" : " ", *word);
    if (to)
        fclose(to);
    return text;
}

static int dry_run(const struct run_request *request, struct prepared *prepared)
{
    char *link = find_program(request->command[0]), *argv = join(request->command);
    char *exe = link ? realpath(link, NULL) : NULL;
    const char *slash = link ? strrchr(link, '/') : NULL;
    char comm[16];
    uint32_t key = PLAN_KEY_COUNT;
    int code = prepare_plan(prepared, &request->policy, TALK_WARNINGS);
    snprintf(comm, sizeof comm, "%s", slash ? slash + 1 : request->command[0]);
    if (code == EXIT_FINE && !exe) {
        complain("%s: %s", request->command[0], strerror(ENOENT));
        code = EXIT_RUN_NOT_FOUND;
    }
    if (code == EXIT_FINE) {
        struct process_facts process = {
            .exe = exe, .exe_link = link, .comm = comm, .argv = argv, .index = PLAN_NONE, .uid = geteuid()};
        struct thread_list list;
        if (!match_target(&prepared->view, &process, &key)) {
            printf("%s is not a target: the condition on %s does not hold. It would run as without nodewise.\n", exe,
                   plan_key_word(key));
        } else if (thread_list_init(&list, &process) == 0) {
            if (plan_simulate(&prepared->view, list.threads, list.count) == 0) {
                printf("%s would run under %s\n\n", exe, plan_text(&prepared->view, prepared->view.header->source));
                plan_print_rules(stdout, &prepared->view);
                putchar('\n');
                plan_print_threads(stdout, &prepared->view, &list);
            }
            thread_list_free(&list);
        }
    }
    free(link);
    free(exe);
    free(argv);
    return code == EXIT_FINE || code == EXIT_RUN_NOT_FOUND ? finish_output(code) : EXIT_RUN_FAILED;
}

/* ---- */

static int run(const struct run_request *request)
{
    struct prepared prepared;
    char *plan = NULL;
    int code = prepare_policy(&prepared, &request->policy, TALK_WARNINGS);
    if (code == EXIT_FINE && request->dry_run) {
        code = dry_run(request, &prepared);
        prepared_free(&prepared);
        return code;
    }
    if (code == EXIT_FINE)
        code = plan_cache_get(&plan, &prepared, &request->policy);
    prepared_free(&prepared);
    if (code != EXIT_FINE)
        return EXIT_RUN_FAILED;
    if (setenv("NODEWISE_PLAN", plan, 1) != 0 || export_report(request->report) < 0) {
        complain("the environment cannot be changed: %s", strerror(errno));
        return EXIT_RUN_FAILED;
    }
    free(plan);
    if (preload_shim() < 0)
        return EXIT_RUN_FAILED;
    return start_program(request->command);
}

int cmd_run(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        {"report", required_argument, NULL, OPTION_VERB},
        {"dry-run", no_argument, NULL, OPTION_VERB + 1},
        {0},
    };
    struct run_request request = {0};
    int option, code = EXIT_FINE;
    /* '+': the first word that is no option is the program's, and so is all behind it. */
    while (code == EXIT_FINE && (option = getopt_long(argc, argv, "+p:", long_options, NULL)) != -1) {
        if (option == OPTION_VERB)
            request.report = optarg;
        else if (option == OPTION_VERB + 1)
            request.dry_run = true;
        else if (!take_policy_option(&request.policy, option, NULL)) {
            usage_error("run", "see its options");
            code = EXIT_RUN_FAILED;
        }
    }
    request.command = argv + optind;
    if (code == EXIT_FINE && optind == argc) {
        usage_error("run", "the program to run is missing");
        code = EXIT_RUN_FAILED;
    }
    if (code == EXIT_FINE)
        code = run(&request);
    policy_options_free(&request.policy);
    return code;
}
