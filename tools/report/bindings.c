#include "tools/report/bindings.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/printable.h"
#include "policy/compile.h"
#include "policy/cpuset.h"
#include "tools/common/cli.h"
#include "tools/common/memory_policy.h"
#include "tools/common/process.h"
#include "tools/prepare/cpu_bar.h"
#include "tools/prepare/plan_view.h"
#include "tools/prepare/rank.h"

/* What is said of a process. */
struct binding {
    const struct plan_view *plan; /* of its machine and policy; NULL: not known */
    pid_t pid;
    const char *comm;
    struct cpuset cpus; /* that its threads may have */
    struct cpuset main; /* those of its first thread, by the kernel */
    char memory[MEMORY_POLICY_TEXT];
};

static void print_who(FILE *to, const struct binding *binding)
{
    struct rank rank = rank_in_job();
    char host[HOST_NAME_MAX + 1];
    if (gethostname(host, sizeof(host)) != 0)
        strcpy(host, "?");
    host[HOST_NAME_MAX] = '\0';
    fputs("nodewise: ", to);
    if (rank.number >= 0)
        fprintf(to, "rank %d", rank.number);
    if (rank.number >= 0 && rank.count > 0)
        fprintf(to, " of %d", rank.count);
    fprintf(to, "%s%s, %s[%d]: ", rank.number >= 0 ? " on " : "", host, binding->comm, (int)binding->pid);
}

static void print_what(FILE *to, const struct binding *binding)
{
    const struct plan_view *plan = binding->plan;
    char *cpus = cpuset_to_string(&binding->cpus), *main_cpus = cpuset_to_string(&binding->main);
    char *bar = plan ? cpu_bar(plan, &binding->cpus) : NULL, *nodes = plan ? plan_nodes_of(plan, &binding->cpus) : NULL;
    if (bar)
        fprintf(to, "%s ", bar);
    fprintf(to, "CPUs %s", cpus ? cpus : "?");
    if (nodes)
        fprintf(to, ", node %s", nodes);
    fprintf(to, ", memory %s", binding->memory);
    if (!cpuset_equal(&binding->cpus, &binding->main))
        fprintf(to, "; main on %s", main_cpus ? main_cpus : "?");
    free(cpus);
    free(main_cpus);
    free(bar);
    free(nodes);
}

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written < 0 && errno != EINTR)
            return; /* there is no other place to say so */
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
}

static void print_line(const struct binding *binding)
{
    char *line = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&line, &size);
    if (to) {
        print_who(to, binding);
        print_what(to, binding);
        fputc('\n', to);
    }
    if (!to || fclose(to) != 0)
        print_error("out of memory");
    else
        write_all(line, size);
    free(line);
}

/* The kernel's word; where it does not show memory policies, what the library read back. */
static void read_memory(struct binding *binding, const struct segment_thread *first)
{
    struct memory_policy policy;
    bool known = memory_policy_now(&policy, binding->pid, binding->pid) == 0;
    if (!known && first && first->got_policy != GOT_NO_POLICY) {
        policy = memory_policy_of(first->got_policy, first->got_nodes, first->got_more_nodes != 0);
        known = true;
    }
    if (known)
        memory_policy_text(&policy, binding->memory);
    else
        strcpy(binding->memory, "?");
}

static const struct segment_thread *first_thread(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->thread_count; i++)
        if (snapshot->threads[i].tid == snapshot->header.pid)
            return &snapshot->threads[i];
    return NULL;
}

/* Where a rule names main, the process has more than main's place: all that its rules give out. */
static int take_cpus_of_rules(struct binding *binding)
{
    if (!binding->plan || !(binding->plan->header->features & PLAN_HAS_MAIN_RULE))
        return cpuset_copy(&binding->cpus, &binding->main);
    return plan_mask_cpuset(binding->plan, binding->plan->header->main_mask, &binding->cpus);
}

void bindings_of_snapshot(const struct snapshot *snapshot)
{
    struct binding binding = {
        .plan = snapshot->has_plan ? &snapshot->plan : NULL,
        .pid = (pid_t)snapshot->header.pid,
        .comm = printable(snapshot->header.comm),
    };
    int error = thread_cpus_now(binding.pid, binding.pid, &binding.main);
    if (error == 0)
        error = take_cpus_of_rules(&binding);
    read_memory(&binding, first_thread(snapshot));
    if (error < 0)
        print_error("what process %d has cannot be read: %s", (int)binding.pid, strerror(-error));
    else
        print_line(&binding);
    cpuset_free(&binding.cpus);
    cpuset_free(&binding.main);
}

void bindings_of_own(const struct plan_view *plan, const char *program)
{
    const char *slash = strrchr(program, '/');
    struct binding binding = {.plan = plan, .pid = getpid(), .comm = printable(slash ? slash + 1 : program)};
    int error = thread_cpus_now(binding.pid, binding.pid, &binding.main);
    if (error == 0)
        error = cpuset_copy(&binding.cpus, &binding.main);
    read_memory(&binding, NULL);
    if (error < 0)
        print_error("what this process has cannot be read: %s", strerror(-error));
    else
        print_line(&binding);
    cpuset_free(&binding.cpus);
    cpuset_free(&binding.main);
}
