#include <stdlib.h>
#include <string.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/prepare/options.h"
#include "tools/prepare/shim_path.h"
#include "tools/verbs/verbs.h"

const char env_help[] = "  --sh                lines for a shell or a service's environment file\n"
                        "  --systemd           a drop-in for a unit\n"
                        "  --docker            options of docker run\n"
                        "  --k8s               a part of a pod's specification\n"
                        "  -p, --policy FILE   the policy; default /etc/nodewise/policy.toml\n";

enum { OPTION_SH = OPTION_VERB, OPTION_SYSTEMD, OPTION_DOCKER, OPTION_K8S };

#define PLAN "/etc/nodewise/policy.plan"

static void print_sh(const char *shim, const char *policy)
{
    printf("export NODEWISE_POLICY=%s\n"
           "export LD_PRELOAD=%s${LD_PRELOAD:+:$LD_PRELOAD}\n",
           policy, shim);
}

static void print_systemd(const char *shim, const char *policy)
{
    printf("# /etc/systemd/system/NAME.service.d/nodewise.conf, then: systemctl daemon-reload\n"
           "[Service]\n"
           "Environment=NODEWISE_POLICY=%s\n"
           "Environment=LD_PRELOAD=%s\n"
           "# with SystemCallFilter= in the unit, also:\n"
           "#SystemCallFilter=set_mempolicy get_mempolicy mbind move_pages sched_setaffinity\n"
           "# where kernel.perf_event_paranoid is above 2 (Debian, Ubuntu), for memory that follows its users and for\n"
           "# access_locality; of no use to a service that becomes root or another user by itself:\n"
           "#AmbientCapabilities=CAP_PERFMON\n"
           "# CPUAffinity= and NUMAPolicy= of the unit come first: the policy works within what they leave\n",
           policy, shim);
}

/* A container has the C library and not the command's libraries, so the plan is made outside. */
static void print_docker(const char *shim, const char *policy)
{
    printf("# once, and again when the policy or the machine changes:\n"
           "nodewise compile -p %s -o " PLAN "\n"
           "# the image's C library must be glibc; memory policies need SYS_NICE under Docker's seccomp profile\n"
           "docker run \\\n"
           "  -v %s:/nodewise/libnodewise.so:ro \\\n"
           "  -v " PLAN ":/nodewise/policy.plan:ro \\\n"
           "  -e NODEWISE_PLAN=/nodewise/policy.plan \\\n"
           "  -e LD_PRELOAD=/nodewise/libnodewise.so \\\n"
           "  --cap-add SYS_NICE \\\n"
           "  IMAGE COMMAND\n",
           policy, shim);
}

static void print_k8s(const char *shim, const char *policy)
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
           "  - {name: nodewise-library, hostPath: {path: %s, type: File}}\n"
           "  - {name: nodewise-plan, hostPath: {path: " PLAN ", type: File}}\n",
           policy, shim);
}

int cmd_env(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"sh", no_argument, NULL, OPTION_SH},         {"systemd", no_argument, NULL, OPTION_SYSTEMD},
        {"docker", no_argument, NULL, OPTION_DOCKER}, {"k8s", no_argument, NULL, OPTION_K8S},
        {"policy", required_argument, NULL, 'p'},     {0}};
    static void (*const printers[])(const char *, const char *) = {print_sh, print_systemd, print_docker, print_k8s};
    const char *policy = "/etc/nodewise/policy.toml";
    char *full = NULL, *shim = NULL;
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
    if (strpbrk(policy, " \t\n\"'") || printable(policy) != policy)
        return usage_error("env", "the path must not contain blanks, quotes or control characters: \"%s\"", policy);
    if (shim_path(&shim) < 0) {
        print_error("the library does not exist: %s", shim ? shim : "libnodewise.so");
        free(shim);
        return EXIT_NO;
    }
    full = realpath(policy, NULL); /* services start elsewhere */
    if (full && (strpbrk(full, " \t\n\"'") || printable(full) != full)) {
        free(shim);
        free(full);
        return usage_error("env", "the path must not contain blanks, quotes or control characters: \"%s\"", policy);
    }
    printers[form](shim, full ? full : policy);
    if (!full)
        print_error("%s is not there yet; `nodewise init` writes one", policy);
    free(full);
    free(shim);
    return finish_output(EXIT_OK);
}
