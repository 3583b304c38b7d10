#include "tools/verbs/verb_table.h"

#include <string.h>

#include "tools/verbs/verbs.h"

const struct verb verbs[] = {
    {"run", "[-p POLICY] [--set KEY=VALUE]… [--report FILE] [--require-locality N] [--dry-run] -- COMMAND…",
     "start a program under a policy", run_help, cmd_run},
    {"check", "[POLICY…] [--topology T]", "print all errors and warnings of a policy", check_help, cmd_check},
    {"plan", "[-p POLICY] [--topology T] [--thread SPEC]… [--from REPORT|--pid PROCESS] [--svg FILE|--html FILE]",
     "print where threads would go, on this or another machine", plan_help, cmd_plan},
    {"compile", "[-p POLICY] -o FILE", "write a plan for NODEWISE_PLAN", compile_help, cmd_compile},
    {"ps", "[--wide] [--json]", "list the processes that run under a policy", ps_help, cmd_ps},
    {"show", "PROCESS… [--wide] [--json]", "print what each thread was asked to have and what it has", show_help,
     cmd_show},
    {"top", "[PROCESS…] [--batch] [--tab TAB] [--node N] [--rule TEXT]",
     "show nodes, threads, rules, memory and events, live", top_help, cmd_top},
    {"why", "PROCESS[/THREAD]… [--json]", "explain why a thread is where it is", why_help, cmd_why},
    {"verify", "PROCESS… [--wide] [--json]", "compare what each thread has with what was asked", verify_help,
     cmd_verify},
    {"report", "PROCESS|FILE… [-f FORMAT] [-o FILE]", "report on a process, running or ended", report_help, cmd_report},
    {"diff", "A B [--fail-on NAME:CHANGE]…", "compare two runs; fail where one got worse than allowed", diff_help,
     cmd_diff},
    {"reload", "PROCESS… [-p POLICY]", "give a running program another policy", reload_help, cmd_reload},
    {"apply", "PID… [-p POLICY|-c SET] [--watch] [--dry-run] [--json]",
     "place the threads of processes that run already", apply_help, cmd_apply},
    {"topo", "[-f text|json|xml|svg] [--topology T] [--measure] [FILE]",
     "print the machine as placement sees it; measure it", topo_help, cmd_topo},
    {"doctor", "[-p POLICY] [--json] [-- COMMAND…]", "say what keeps nodewise from working here, with remedies",
     doctor_help, cmd_doctor},
    {"config", "show [--origin] | schema | path", "print the effective policy and where each key comes from",
     config_help, cmd_config},
    {"init", "[PRESET] [-o FILE]", "write a policy to start from", init_help, cmd_init},
    {"metrics", "[--listen WHERE|--once|--textfile FILE]", "serve numbers for Prometheus and compatible collectors",
     metrics_help, cmd_metrics},
    {"env", "--sh|--systemd|--docker|--k8s [-p POLICY]", "print settings that make a service run under a policy",
     env_help, cmd_env},
    {"completions", "bash|zsh|fish", "print completions of verbs and options for a shell", "", cmd_completions},
    {"learn", "[-o POLICY] -- COMMAND…", "write a policy from one run of a program", learn_help, cmd_learn},
    {"tune", "[--metric REGEX|--time] [--candidates LIST] [-p POLICY] [-o POLICY] -- COMMAND…",
     "find by measurement what a command runs best under", tune_help, cmd_tune},
    {"sha1sum", "[-c] [--tag] [-z] [FILE…]", "hash files in parallel, with sha1sum's options and output", sha1sum_help,
     cmd_sha1sum},
    {"explain", "CODE|KEY|REASON|WORD", "explain a code, a key, a reason or a word of a view",
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
