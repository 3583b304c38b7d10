/*
 * bench-calls: what each function of libc that the library takes over costs, plain, dormant and governed.
 *
 *   bench-calls LIBRARY PLAN [ROUNDS [NAME…]]
 *
 * A line a symbol: the instructions of the program's own that one use takes (calls_used.c) and its system calls, both
 * exact, because the use is stepped through with ptrace(2); then the time, the median of so many rounds in which the
 * three take turns; in each the fastest of many batches counts. Plain: without the library. Dormant: with it and no plan. Governed: with the plan.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tools/bench/calls.h"

#define WARM_UP   3
#define ROUND_NS  2e6 /* of each symbol in each round: */
#define BATCH_NS  2e4 /* the fastest batch of so much counts, which nothing has interrupted */
#define MOST      200u
#define NOT_THERE (-1.0)

enum variant { PLAIN, DORMANT, GOVERNED, VARIANTS };

static void fail(const char *what)
{
    fprintf(stderr, "bench-calls: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void nothing(void)
{
}

/* Those that are to be used: all, or the named ones. */
static bool chosen[MOST];

static void choose(int count, char **names)
{
    for (size_t i = 0; i < call_count; i++) {
        chosen[i] = count <= 0;
        for (int k = 0; k < count; k++)
            chosen[i] = chosen[i] || strcmp(names[k], call_list[i].name) == 0;
    }
}

static bool is_used(size_t number)
{
    return chosen[number] && call_list[number].run;
}

/* --- the measured process --- */

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* 0: no batch was long enough. */
static double time_of(void (*run)(void))
{
    unsigned long count = 1;
    double end = now_ns() + ROUND_NS, best = 0;
    for (double start = now_ns(), now; start < end; start = now) {
        for (unsigned long i = 0; i < count; i++)
            run();
        now = now_ns();
        if (now - start < BATCH_NS)
            count *= 2;
        else if (!best || (now - start) / (double)count < best)
            best = (now - start) / (double)count;
    }
    return best;
}

static int print_times(void)
{
    for (size_t i = 0; i < call_count; i++) {
        if (!is_used(i))
            continue;
        for (int k = 0; k < WARM_UP && !call_is_missing(i); k++)
            call_list[i].run();
        printf("%.1f\n", call_is_missing(i) ? NOT_THERE : time_of(call_list[i].run));
    }
    return 0;
}

/* The tracer sees the first signal, then steps to the second. */
static void be_stepped(void (*run)(void), int signal)
{
    raise(signal);
    run();
    raise(signal);
}

static void be_counted(void (*run)(void))
{
    for (int i = 0; i < WARM_UP; i++)
        run();
    be_stepped(run, SIGUSR1);
    be_stepped(run, SIGUSR2);
}

static int be_traced(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
        fail("ptrace");
    be_counted(nothing);
    for (size_t i = 0; i < call_count; i++)
        if (is_used(i))
            be_counted(call_is_missing(i) ? nothing : call_list[i].run);
    return 0;
}

/* --- the tracer --- */

/* The signal that stopped the child, 0 when it has ended. A trap is a step, or a system call's beginning or end. */
static int next_stop(pid_t child, long request, int with)
{
    int status;
    if (ptrace((enum __ptrace_request)request, child, NULL, (void *)(intptr_t)with) != 0 ||
        waitpid(child, &status, 0) != child)
        fail("ptrace");
    return WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
}

/* From one signal to the next one, which the child sends itself. Other signals are delivered. */
static long count_until(pid_t child, int signal, long request)
{
    long count = 0;
    for (int stop = SIGTRAP; stop != signal;) {
        stop = next_stop(child, request, stop == SIGTRAP ? 0 : stop);
        if (stop == 0)
            fail("a use ended the process");
        count += stop == SIGTRAP;
    }
    return count;
}

static void run_until(pid_t child, int signal)
{
    for (int stop = SIGTRAP; stop != signal;)
        if ((stop = next_stop(child, PTRACE_CONT, stop == SIGTRAP ? 0 : stop)) == 0)
            fail("a use ended the process");
}

struct cost {
    long instructions, calls;
};

static struct cost count_one(pid_t child)
{
    struct cost cost;
    run_until(child, SIGUSR1);
    cost.instructions = count_until(child, SIGUSR1, PTRACE_SINGLESTEP);
    run_until(child, SIGUSR2);
    cost.calls = count_until(child, SIGUSR2, PTRACE_SYSCALL) / 2;
    return cost;
}

/* --- all three --- */

struct result {
    struct cost cost[VARIANTS];
    double *times[VARIANTS];
};

static char *environments[VARIANTS][5];
static char **own_arguments; /* LIBRARY PLAN ROUNDS NAME… */
static int own_count;

/* This program again, in another part: what it writes comes to `output`, if that is wanted. */
static pid_t start(enum variant variant, const char *part, FILE **ret_output)
{
    int ends[2];
    char **arguments = calloc((size_t)own_count + 3, sizeof(*arguments));
    if (!arguments || pipe(ends) != 0)
        fail("pipe");
    arguments[0] = (char *)"bench-calls";
    arguments[1] = (char *)(uintptr_t)part;
    for (int i = 3; i < own_count; i++)
        arguments[i - 1] = own_arguments[i];
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execve("/proc/self/exe", arguments, environments[variant]);
        _exit(127);
    }
    close(ends[1]);
    free(arguments);
    *ret_output = fdopen(ends[0], "r");
    if (child < 0 || !*ret_output)
        fail("start");
    return child;
}

static void end(pid_t child, FILE *output)
{
    int status;
    fclose(output);
    if (waitpid(child, &status, 0) != child || status != 0)
        fail("a measured process did not end well");
}

static void count_all(enum variant variant, struct result *results)
{
    FILE *output;
    int status;
    pid_t child = start(variant, "--count", &output);
    /* its first stop is either that of exec, before it is traced none, or its first signal */
    struct cost base = {0};
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGUSR1)
        fail("the measured process did not begin");
    base.instructions = count_until(child, SIGUSR1, PTRACE_SINGLESTEP);
    run_until(child, SIGUSR2);
    base.calls = count_until(child, SIGUSR2, PTRACE_SYSCALL) / 2;
    for (size_t i = 0; i < call_count; i++)
        if (is_used(i)) {
            results[i].cost[variant] = count_one(child);
            results[i].cost[variant].instructions -= base.instructions;
            results[i].cost[variant].calls -= base.calls;
        }
    next_stop(child, PTRACE_CONT, 0);
    fclose(output);
}

static void time_all(enum variant variant, struct result *results, size_t round)
{
    FILE *output;
    pid_t child = start(variant, "--time", &output);
    for (size_t i = 0; i < call_count; i++)
        if (is_used(i) && fscanf(output, "%lf", &results[i].times[variant][round]) != 1)
            fail(call_list[i].name);
    end(child, output);
}

/* --- the table --- */

static int by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;
    return one < other ? -1 : one > other;
}

static double median(const double *values, size_t count)
{
    double sorted[1000];
    memcpy(sorted, values, count * sizeof(*values));
    qsort(sorted, count, sizeof(*sorted), by_value);
    return sorted[count / 2];
}

static double median_ratio(const struct result *result, enum variant variant, size_t rounds)
{
    double ratios[1000];
    for (size_t i = 0; i < rounds; i++)
        ratios[i] = result->times[variant][i] / result->times[PLAIN][i];
    return median(ratios, rounds);
}

static void print_line(size_t number, const struct result *result, size_t rounds)
{
    const struct cost *cost = result->cost;
    const struct call *call = &call_list[number];
    if (!call->run) {
        printf("%-24s not used: it %s\n", call->name, call->why);
        return;
    }
    if (result->times[PLAIN][0] < 0) {
        printf("%-24s %6s %6ld %6ld %5s %3ld %3ld   not in this libc\n", call->name, "-", cost[DORMANT].instructions,
               cost[GOVERNED].instructions, "-", cost[DORMANT].calls, cost[GOVERNED].calls);
        return;
    }
    printf("%-24s %6ld %6ld %6ld %5ld %3ld %3ld %11.1f %6.2f %6.2f\n", call->name, cost[PLAIN].instructions,
           cost[DORMANT].instructions, cost[GOVERNED].instructions, cost[PLAIN].calls, cost[DORMANT].calls,
           cost[GOVERNED].calls, median(result->times[PLAIN], rounds), median_ratio(result, DORMANT, rounds),
           median_ratio(result, GOVERNED, rounds));
}

static void print_all(const struct result *results, size_t rounds)
{
    printf("%-24s %20s %13s %11s %6s %6s\n", "", "instructions", "system calls", "ns", "times", "times");
    printf("%-24s %6s %6s %6s %5s %3s %3s %11s %6s %6s\n", "a use", "plain", "dorm.", "gov.", "plain", "d.", "g.",
           "plain", "dorm.", "gov.");
    for (size_t i = 0; i < call_count; i++)
        if (chosen[i])
            print_line(i, &results[i], rounds);
}

static void set_environments(const char *library, const char *plan)
{
    static char preload[4200], with_plan[4200], home[] = "HOME=/nonexistent";
    static char alone[] = "NODEWISE_OCCUPANCY=process"; /* how often others are asked depends on the time */
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", library);
    snprintf(with_plan, sizeof(with_plan), "NODEWISE_PLAN=%s", plan);
    environments[PLAIN][0] = environments[DORMANT][0] = environments[GOVERNED][0] = home;
    environments[DORMANT][1] = environments[GOVERNED][1] = preload;
    environments[GOVERNED][2] = with_plan;
    environments[GOVERNED][3] = alone;
}

static int measure_all(size_t rounds)
{
    struct result *results = calloc(call_count, sizeof(*results));
    if (!results)
        fail("calloc");
    for (size_t i = 0; i < call_count; i++)
        for (int v = 0; v < VARIANTS; v++)
            if (!(results[i].times[v] = calloc(rounds, sizeof(double))))
                fail("calloc");
    for (unsigned v = 0; v < VARIANTS; v++)
        count_all((enum variant)v, results);
    for (size_t round = 0; round < rounds; round++)
        for (size_t v = 0; v < VARIANTS; v++)
            time_all((enum variant)((v + round) % VARIANTS), results, round);
    print_all(results, rounds);
    return 0;
}

int main(int argc, char **argv)
{
    const char *part = argc > 1 ? argv[1] : "";
    bool is_measured = strcmp(part, "--time") == 0 || strcmp(part, "--count") == 0;
    size_t rounds = argc > 3 ? strtoul(argv[3], NULL, 10) : 5;
    if (is_measured) {
        choose(argc - 3, argv + 3);
        if (!calls_open())
            fail("open");
        return strcmp(part, "--time") == 0 ? print_times() : be_traced();
    }
    if (argc < 3 || rounds < 1 || rounds > 999 || call_count > MOST) {
        fputs("usage: bench-calls LIBRARY PLAN [ROUNDS [NAME…]]\n", stderr);
        return 2;
    }
    choose(argc - 4, argv + 4);
    own_arguments = argv;
    own_count = argc;
    set_environments(argv[1], argv[2]);
    return measure_all(rounds);
}
