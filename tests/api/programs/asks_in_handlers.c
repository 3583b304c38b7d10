/*
 * A timer's handler asks who the thread is while the thread goes from CPU to CPU and asks itself: what the handler has
 * interrupted ends with the right answer, too.
 */
#include <nodewise.h>
#include <signal.h>
#include <sys/time.h>

#include "check.h"

#define ROUNDS 500

static volatile sig_atomic_t handled;
static struct nw_counter *counter;

static void ask(int signal)
{
    (void)signal;
    struct nw_affinity at = nw_self();
    if (at.slot >= nw_slots())
        abort();
    nw_counter_add(counter, 1);
    handled = handled + 1;
}

int main(void)
{
    cpu_set_t all = own_mask();
    struct itimerval often = {{0, 50}, {0, 50}};
    struct sigaction action;
    memset(&action, 0, sizeof(action));
    action.sa_handler = ask;
    action.sa_flags = SA_RESTART;
    CHECK(nw_counter_open(&counter) == 0);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    for (int i = 0; i < ROUNDS || handled < 100; i++) {
        int cpu = nth_cpu(all, i % CPU_COUNT(&all));
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
        struct nw_affinity at = nw_self(), again = nw_self();
        /* At first it may be there already, unpinned, and have asked. Later each mask is another CPU's. */
        CHECK(CPU_COUNT(&all) == 1 || at.cpu == cpu || (at.cpu == -1 && i == 0));
        CHECK(at.cpu == again.cpu && at.node == again.node && at.slot == again.slot &&
              at.node_index == again.node_index);
    }
    memset(&often, 0, sizeof(often));
    CHECK(setitimer(ITIMER_REAL, &often, NULL) == 0);
    CHECK(nw_counter_sum(counter) == handled);
    nw_counter_close(counter);
    return 0;
}
