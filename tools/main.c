/* The nodewise command: finds the verb and hands over. Each verb lives in its own cmd_NAME.c. */
#include <stdlib.h>
#include <string.h>

#include "tools/common/cli.h"
#include "tools/verbs/verbs.h"

const struct verb verbs[] = {
    {"run", "[-p POLICY] [--set KEY=VALUE]… [--report FILE] [--require-locality N] [--dry-run] -- COMMAND…",
     "start a program under a policy", run_help, cmd_run},
    {"check", "[FILE…] [--topology T]", "all errors and warnings of a policy, for this machine", check_help, cmd_check},
    {"plan", "[-p POLICY] [--topology T] [--thread SPEC]… [--from REPORT|--pid PID] [--svg FILE|--html FILE]",
     "where threads would go, on this or another machine", plan_help, cmd_plan},
    {"compile", "[-p POLICY] -o FILE", "write a plan for NODEWISE_PLAN", compile_help, cmd_compile},
    {"ps", "[--json]", "the processes that run under a policy", "  --json              JSON instead of text\n", cmd_ps},
    {"show", "PID [--json]", "what was asked and what was got, now", "  --json              JSON instead of text\n",
     cmd_show},
    {"top", "[PID…] [--batch] [--tab TAB] [--node N] [--rule TEXT]", "nodes, threads, rules, memory and events, live",
     top_help, cmd_top},
    {"why", "PID[/TID] [--json]", "why a thread is where it is", "  --json              JSON instead of text\n",
     cmd_why},
    {"verify", "PID [--json]", "does every thread still have what was asked; ends with 1 if not",
     "  --json              JSON instead of text\n", cmd_verify},
    {"report", "PID|FILE [-f FORMAT] [-o FILE]", "the whole story of a process, running or ended", report_help,
     cmd_report},
    {"diff", "A B [--fail-on NAME:CHANGE]…",
     "what differs between two runs; ends with 1 where it got worse than allowed", diff_help, cmd_diff},
    {"reload", "PID [-p POLICY]", "another policy for a running program", reload_help, cmd_reload},
    {"topo", "[-f text|json|xml] [--topology T]", "the machine as placement sees it", topo_help, cmd_topo},
    {"doctor", "[--json] [-- COMMAND…]", "what keeps nodewise from doing its work here, with the remedies", doctor_help,
     cmd_doctor},
    {"config", "show [--origin] | schema | path", "the effective policy and where each key comes from", config_help,
     cmd_config},
    {"init", "[PRESET] [-o FILE]", "a policy to start from", init_help, cmd_init},
    {"metrics", "[--listen WHERE|--once|--textfile FILE]", "numbers for Prometheus and its like", metrics_help,
     cmd_metrics},
    {"env", "--sh|--systemd|--docker|--k8s [-p POLICY]", "what to paste so that a service runs under a policy",
     env_help, cmd_env},
    {"completions", "bash|zsh|fish", "what makes a shell complete these verbs and options", "", cmd_completions},
    {"learn", "[-o POLICY] -- COMMAND…", "a policy from one run of a program", learn_help, cmd_learn},
    {"explain", "CODE|KEY|REASON", "what a code, a key or a reason means",
     "  --json              JSON instead of text\n", cmd_explain},
};
const size_t verb_count = sizeof(verbs) / sizeof(*verbs);

const struct verb *verb_find(const char *name)
{
    for (size_t i = 0; i < verb_count; i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

void verb_print_help(FILE *to, const struct verb *verb)
{
    fprintf(to, "nodewise %s %s\n%s.\n", verb->name, verb->usage, verb->summary);
    if (*verb->help)
        fprintf(to, "\n%s", verb->help);
}

static void print_help(FILE *to)
{
    fprintf(to, "nodewise VERB …: CPUs and memory for the threads of unmodified programs, from a policy file\n\n");
    for (size_t i = 0; i < verb_count; i++)
        fprintf(to, "  %-9s %s\n", verbs[i].name, verbs[i].summary);
    fprintf(to, "\n'nodewise help VERB' shows its options. Manual: nodewise(1), nodewise.toml(5).\n");
}

/* How many letters differ, roughly: enough to tell a slip from another word. */
static size_t difference(const char *a, const char *b)
{
    size_t length_a = strlen(a), length_b = strlen(b), same = 0;
    for (size_t i = 0, k = 0; i < length_a && k < length_b;) {
        if (a[i] == b[k]) {
            same++;
            i++;
            k++;
        } else if (length_a - i > length_b - k) {
            i++;
        } else {
            k++;
        }
    }
    return (length_a > length_b ? length_a : length_b) - same;
}

static int unknown_verb(const char *name)
{
    const struct verb *nearest = NULL;
    size_t least = 3;
    for (size_t i = 0; i < verb_count; i++)
        if (difference(name, verbs[i].name) < least) {
            least = difference(name, verbs[i].name);
            nearest = &verbs[i];
        }
    if (nearest)
        complain("\"%s\" is no verb: did you mean \"%s\"?", name, nearest->name);
    else
        complain("\"%s\" is no verb; 'nodewise help' lists them", name);
    return EXIT_BAD_INPUT;
}

static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stdout);
        return finish_output(EXIT_FINE);
    }
    const struct verb *verb = verb_find(argv[1]);
    if (!verb)
        return unknown_verb(argv[1]);
    verb_print_help(stdout, verb);
    return finish_output(EXIT_FINE);
}

/* --help before the program's own words, which for `run` begin at the first that is no option. */
static bool asks_for_help(int argc, char **argv)
{
    for (int i = 1; i < argc && argv[i][0] == '-' && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return EXIT_BAD_INPUT;
    }
    const char *name = argv[1];
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return help(argc - 1, argv + 1);
    if (strcmp(name, "manual") == 0) /* for the build: the manual's pages are made of this table */
        return cmd_manual(argc - 1, argv + 1);
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) {
        printf("nodewise %s\n", NODEWISE_VERSION);
        return finish_output(EXIT_FINE);
    }
    const struct verb *verb = verb_find(name);
    if (!verb)
        return unknown_verb(name);
    if (asks_for_help(argc - 1, argv + 1)) {
        verb_print_help(stdout, verb);
        return finish_output(EXIT_FINE);
    }
    return verb->run(argc - 1, argv + 1);
}
