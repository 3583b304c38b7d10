#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/quote.h"
#include "tools/prepare/cpu_export.h"
#include "tools/prepare/options.h"
#include "tools/prepare/shim_path.h"
#include "tools/verbs/verbs.h"

const char env_help[] = "  --sh                lines for a shell or a service's environment file\n"
                        "  --systemd           a drop-in for a unit\n"
                        "  --docker            options of docker run\n"
                        "  --k8s               a part of a pod's specification\n"
                        "  -p, --policy POLICY  the policy; default /etc/nodewise/policy.toml\n";

enum { OPTION_SH = OPTION_VERB, OPTION_SYSTEMD, OPTION_DOCKER, OPTION_K8S };

#define PLAN "/etc/nodewise/policy.plan"

/* A variable of [cpu_count] export, and its number on this machine. */
struct variable {
    const char *name;
    uint32_t number;
};

struct variables {
    struct variable *items;
    size_t count;
};

/* What the forms name, each quoted for its reader. The loader understands "$LIB" in LD_PRELOAD; nothing else does. */
struct names {
    char *preload; /* for LD_PRELOAD */
    char *file;    /* the same library, for others */
    char *policy;
    char *policy_in_shell;
    const struct variables *variables;
};

static void print_sh(const struct names *names)
{
    printf("export NODEWISE_POLICY=%s\n"
           "export LD_PRELOAD=%s\"${LD_PRELOAD:+:$LD_PRELOAD}\"\n",
           names->policy, names->preload);
    for (size_t i = 0; i < names->variables->count; i++)
        printf("export %s=\"${%s-%u}\"\n", names->variables->items[i].name, names->variables->items[i].name,
               names->variables->items[i].number);
}

static void print_systemd(const struct names *names)
{
    printf("# /etc/systemd/system/NAME.service.d/nodewise.conf, then: systemctl daemon-reload\n"
           "[Service]\n"
           "Environment=\"NODEWISE_POLICY=%s\"\n"
           "Environment=\"LD_PRELOAD=%s\"\n"
           "# with SystemCallFilter= in the unit, also:\n"
           "#SystemCallFilter=set_mempolicy get_mempolicy mbind move_pages sched_setaffinity\n"
           "# where kernel.perf_event_paranoid is above 2 (Debian, Ubuntu), for memory that follows its users and for\n"
           "# access_locality; of no use to a service that becomes root or another user by itself:\n"
           "#AmbientCapabilities=CAP_PERFMON\n"
           "# CPUAffinity= and NUMAPolicy= of the unit come first: the policy works within what they leave\n",
           names->policy, names->preload);
    if (names->variables->count)
        puts("# numbers of this machine; leave out what the unit sets itself, for this comes later and would win");
    for (size_t i = 0; i < names->variables->count; i++)
        printf("Environment=\"%s=%u\"\n", names->variables->items[i].name, names->variables->items[i].number);
}

/*
 * A container has the C library and not the command's libraries, so the plan is made outside. Of -v docker would make
 * folders of the names that do not exist.
 */
static void print_docker(const struct names *names)
{
    printf(
        "# once, and again when the policy or the machine changes:\n"
        "nodewise compile -p %s -o " PLAN "\n"
        "# the image's C library must be glibc 2.28 or later; memory policies need SYS_NICE under Docker's seccomp profile;\n"
        "# with a user namespace the plan must belong to the container's root: chown it to that user\n"
        "docker run \\\n"
        "  --mount type=bind,source=%s,target=/nodewise/libnodewise.so,readonly \\\n"
        "  --mount type=bind,source=" PLAN ",target=/nodewise/policy.plan,readonly \\\n"
        "  -e NODEWISE_PLAN=/nodewise/policy.plan \\\n"
        "  -e LD_PRELOAD=/nodewise/libnodewise.so \\\n",
        names->policy, names->file);
    for (size_t i = 0; i < names->variables->count; i++)
        printf("  -e %s=%u \\\n", names->variables->items[i].name, names->variables->items[i].number);
    puts("  --cap-add SYS_NICE \\\n"
         "  IMAGE COMMAND");
}

static void print_k8s(const struct names *names)
{
    printf("# on each node of the cluster: nodewise compile -p %s -o " PLAN "\n"
           "# whole CPUs by the static CPU manager policy come first: the plan works within them\n"
           "spec:\n"
           "  containers:\n"
           "  - name: NAME\n"
           "    env:\n"
           "    - {name: NODEWISE_PLAN, value: /nodewise/policy.plan}\n"
           "    - {name: LD_PRELOAD, value: /nodewise/libnodewise.so}\n"
           "    securityContext:\n"
           "      capabilities: {add: [SYS_NICE]}\n"
           "    volumeMounts:\n"
           "    - {name: nodewise-library, mountPath: /nodewise/libnodewise.so, readOnly: true}\n"
           "    - {name: nodewise-plan, mountPath: /nodewise/policy.plan, readOnly: true}\n"
           "  volumes:\n"
           "  - {name: nodewise-library, hostPath: {path: \"%s\", type: File}}\n"
           "  - {name: nodewise-plan, hostPath: {path: " PLAN ", type: File}}\n",
           names->policy_in_shell, names->file);
    if (names->variables->count)
        puts("# the numbers of [cpu_count] export are each node's own: `nodewise env --sh` tells them there");
}

static const struct form {
    void (*print)(const struct names *);
    char *(*quote)(const char *);
} forms[] = {
    {print_sh, quote_shell}, {print_systemd, quote_systemd}, {print_docker, quote_shell}, {print_k8s, quote_yaml}};

static void names_free(struct names *names)
{
    free(names->preload);
    free(names->file);
    free(names->policy);
    free(names->policy_in_shell);
}

static int print_form(const struct form *form, const char *preload, const char *file, const char *policy,
                      const struct variables *variables)
{
    struct names names = {form->quote(preload), form->quote(file), form->quote(policy), quote_shell(policy), variables};
    int error = names.preload && names.file && names.policy && names.policy_in_shell ? 0 : -ENOMEM;
    if (error == 0)
        form->print(&names);
    names_free(&names);
    return error;
}

/* Both names of the library, malloc'd. False: it has been said what is wrong. */
static bool find_library(char **ret_preload, char **ret_file)
{
    int error = shim_path(ret_preload);
    if (error == 0)
        error = shim_file(ret_file);
    if (error == -ENOENT)
        print_error("the library does not exist: %s", *ret_preload ? *ret_preload : "libnodewise.so");
    else if (error < 0)
        print_error("the library: %s", strerror(-error));
    else if (strpbrk(*ret_file, ",\"") || printable(*ret_file) != *ret_file)
        print_error("no option can name %s: a comma, a quote or a control character", printable(*ret_file));
    else
        return true;
    return false;
}

/* --- variables --- */

static int add_variable(void *context, const char *name, uint32_t number)
{
    struct variables *variables = context;
    variables->items[variables->count++] = (struct variable){name, number};
    return 0;
}

static int number_variables(struct variables *variables, const struct prepared *prepared)
{
    variables->items = calloc(prepared->config.policy->cpu_count.export_count, sizeof(*variables->items));
    if (!variables->items)
        return -ENOMEM;
    return cpu_export_each(prepared->config.policy, &prepared->view, add_variable, variables);
}

/*
 * Those of the policy, and their numbers on this machine; the names are the policy's. Without any nothing is asked of the
 * machine. An exit code, which has been explained.
 */
static int find_variables(struct variables *variables, struct prepared *prepared, const char *policy)
{
    const struct policy_options options = {.file = policy};
    int status = prepare_policy(prepared, &options, TALK_ERRORS);
    if (status != EXIT_OK || prepared->config.policy->cpu_count.export_count == 0)
        return status;
    status = prepare_plan(prepared, &options, TALK_ERRORS);
    int error = status == EXIT_OK ? number_variables(variables, prepared) : 0;
    if (error < 0)
        print_error("the variables of [cpu_count] export: %s", strerror(-error));
    return error < 0 ? EXIT_NO : status;
}

static int print_for(const struct form *form, const char *policy)
{
    char *full = realpath(policy, NULL); /* services start elsewhere */
    char *preload = NULL, *file = NULL;
    const char *named = full ? full : policy;
    struct variables variables = {0};
    struct prepared prepared = {0};
    int status = EXIT_NO;
    if (printable(named) != named) {
        status = usage_error("env", "the path must not contain control characters: \"%s\"", printable(named));
    } else if (full && (status = find_variables(&variables, &prepared, full)) != EXIT_OK) {
        print_error("%s cannot govern a service as it is", named);
    } else if (find_library(&preload, &file)) {
        if (print_form(form, preload, file, named, &variables) < 0)
            print_error("out of memory");
        else
            status = EXIT_OK;
    }
    if (status == EXIT_OK && !full)
        print_error("%s is not there yet; `nodewise init` writes one", policy);
    prepared_free(&prepared);
    free(variables.items);
    free(full);
    free(preload);
    free(file);
    return status;
}

int cmd_env(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"sh", no_argument, NULL, OPTION_SH},         {"systemd", no_argument, NULL, OPTION_SYSTEMD},
        {"docker", no_argument, NULL, OPTION_DOCKER}, {"k8s", no_argument, NULL, OPTION_K8S},
        {"policy", required_argument, NULL, 'p'},     {0}};
    const char *policy = "/etc/nodewise/policy.toml";
    int option, form = -1;
    while ((option = getopt_long(argc, argv, "p:", long_options, NULL)) != -1) {
        if (option == 'p')
            policy = optarg;
        else if (option >= OPTION_SH && option <= OPTION_K8S && form < 0)
            form = option - OPTION_SH;
        else
            return usage_error("env", "take one of --sh, --systemd, --docker and --k8s");
    }
    if (form < 0 || optind < argc)
        return usage_error("env", "take one of --sh, --systemd, --docker and --k8s");
    return finish_output(print_for(&forms[form], policy));
}
