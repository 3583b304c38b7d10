#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"
#include "tools/options.h"
#include "tools/plan_view.h"
#include "tools/verbs.h"

const char plan_help[] =
    HELP_POLICY HELP_TOPOLOGY "  --thread SPEC       declare threads: 'io_thd_*=3', 'start_library:libgomp.so.1=8', "
                              "'GC*,start_library:libjvm.so=4'\n"
                              "  --exe PATH          the program, for [target] and process_exe\n"
                              "  --comm NAME         its name, for [target] and process_comm\n"
                              "  --argv TEXT         its command line, for [target] and process_argv\n"
                              "  --forked            a process made by fork, not by exec\n" HELP_JSON;

enum { OPTION_THREAD = OPTION_VERB, OPTION_EXE, OPTION_COMM, OPTION_ARGV, OPTION_FORKED };

struct plan_request {
    struct policy_options policy;
    const char **specs;
    size_t spec_count;
    struct process_facts process;
    bool names_process; /* the process was described: [target] is asked */
    bool json;
};

static bool add_spec(struct plan_request *request, const char *spec)
{
    const char **specs = realloc(request->specs, (request->spec_count + 1) * sizeof *specs);
    if (!specs)
        return false;
    specs[request->spec_count++] = spec;
    request->specs = specs;
    return true;
}

static int declare_threads(const struct plan_request *request, struct thread_list *ret_list)
{
    int r = thread_list_init(ret_list, &request->process);
    for (size_t i = 0; i < request->spec_count && r == 0; i++) {
        r = thread_list_add(ret_list, request->specs[i]);
        if (r == -EINVAL || r == -ERANGE)
            return usage_error("plan",
                               r == -ERANGE ? "\"%s\" makes more threads than a dry run takes"
                                            : "\"%s\" is no declaration of threads: 'GLOB[=N]' or 'KEY:VALUE[=N]'",
                               request->specs[i]);
    }
    if (r == -ENOMEM)
        complain("out of memory");
    return r < 0 ? EXIT_BAD_INPUT : EXIT_FINE;
}

static int print_plan(const struct plan_request *request, const struct prepared *prepared,
                      const struct thread_list *list)
{
    const struct plan_view *plan = &prepared->view;
    if (request->json)
        return print_json(stdout,
                          json_pack("{s:i, s:s, s:s, s:o, s:o}", "nodewise_plan", 1, "policy",
                                    plan_text(plan, plan->header->source), "topology", prepared->topology->source,
                                    "rules", plan_rules_json(plan), "threads", plan_threads_json(plan, list)));
    printf("%s on %s\n\n", plan_text(plan, plan->header->source), prepared->topology->source);
    plan_print_rules(stdout, plan);
    putchar('\n');
    plan_print_threads(stdout, plan, list);
    return EXIT_FINE;
}

static int plan_now(const struct plan_request *request)
{
    struct prepared prepared;
    struct thread_list list = {0};
    uint32_t key = PLAN_KEY_COUNT;
    int code = prepare_policy(&prepared, &request->policy, TALK_WARNINGS);
    if (code == EXIT_FINE)
        code = prepare_plan(&prepared, &request->policy, TALK_WARNINGS);
    if (code == EXIT_FINE && request->names_process && !match_target(&prepared.view, &request->process, &key)) {
        printf("not a target: the condition on %s does not hold, so the process would be left alone\n",
               plan_key_word(key));
        code = EXIT_NO;
    }
    if (code == EXIT_FINE)
        code = declare_threads(request, &list);
    if (code == EXIT_FINE && plan_simulate(&prepared.view, list.threads, list.count) < 0) {
        complain("out of memory");
        code = EXIT_BAD_INPUT;
    }
    if (code == EXIT_FINE)
        code = print_plan(request, &prepared, &list);
    thread_list_free(&list);
    prepared_free(&prepared);
    return finish_output(code);
}

int cmd_plan(int argc, char **argv)
{
    static const struct option long_options[] = {
        OPTIONS_POLICY,
        OPTIONS_TOPOLOGY,
        OPTIONS_JSON,
        {"thread", required_argument, NULL, OPTION_THREAD},
        {"exe", required_argument, NULL, OPTION_EXE},
        {"comm", required_argument, NULL, OPTION_COMM},
        {"argv", required_argument, NULL, OPTION_ARGV},
        {"forked", no_argument, NULL, OPTION_FORKED},
        {0},
    };
    struct plan_request request = {.process = {.exe = "", .comm = "", .argv = "", .index = PLAN_NONE}};
    int option, code = EXIT_FINE;
    while (code == EXIT_FINE && (option = getopt_long(argc, argv, "p:", long_options, NULL)) != -1) {
        request.names_process = request.names_process || (option >= OPTION_EXE && option <= OPTION_ARGV);
        switch (option) {
        case OPTION_THREAD:
            if (!add_spec(&request, optarg))
                code = EXIT_BAD_INPUT;
            break;
        case OPTION_EXE:
            request.process.exe = optarg;
            break;
        case OPTION_COMM:
            request.process.comm = optarg;
            break;
        case OPTION_ARGV:
            request.process.argv = optarg;
            break;
        case OPTION_FORKED:
            request.process.forked = true;
            break;
        default:
            if (!take_policy_option(&request.policy, option, &request.json))
                code = usage_error("plan", "see its options");
        }
    }
    if (code == EXIT_FINE && optind < argc)
        code = usage_error("plan", "\"%s\" is one word too many (a policy is given with -p)", argv[optind]);
    if (code == EXIT_FINE)
        code = plan_now(&request);
    policy_options_free(&request.policy);
    free(request.specs);
    return code;
}
