#include "tools/verbs/verb_table.h"

#include <string.h>

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
