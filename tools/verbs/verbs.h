/* verbs: the functions behind the verb_table, one file each: cmd_NAME.c. */
#ifndef NODEWISE_TOOLS_VERBS_VERBS_H
#define NODEWISE_TOOLS_VERBS_VERBS_H

int cmd_apply(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_compile(int argc, char **argv);
int cmd_complete(int argc, char **argv);
int cmd_completions(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_env(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_init(int argc, char **argv);
int cmd_learn(int argc, char **argv);
int cmd_manual(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_sha1sum(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_topo(int argc, char **argv);
int cmd_tune(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_why(int argc, char **argv);

extern const char apply_help[], check_help[], compile_help[], config_help[], diff_help[], doctor_help[], env_help[],
    init_help[], learn_help[], metrics_help[], plan_help[], ps_help[], reload_help[], report_help[], run_help[],
    sha1sum_help[], show_help[], top_help[], topo_help[], tune_help[], verify_help[], why_help[];

#endif
