/* The affinity follows the thread: unknown, pinned by the program itself, back again; dense numbers are in range. */
#include <nodewise.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "check.h"

static bool told = true; /* the kernel tells what the mask is */

static void is_in_range(struct nw_affinity at)
{
    CHECK(at.slot < nw_slots());
    CHECK(at.node_index < nw_node_indexes());
}

static void *pinned(void *argument)
{
    cpu_set_t *all = (cpu_set_t *)argument;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        cpu_set_t one;
        if (!CPU_ISSET(cpu, all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
        struct nw_affinity at = nw_self();
        is_in_range(at);
        CHECK(told ? at.cpu == cpu && at.node >= 0 : at.cpu == -1 && at.node == -1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    cpu_set_t all;
    pthread_t thread;
    bool governed = argc > 1 && !strcmp(argv[1], "governed");
    told = argc < 2 || strcmp(argv[1], "unknown") != 0;
    CHECK(nw_governed() == governed);
    CHECK(strstr(nw_reason(0), "as asked") != NULL);
    CHECK(!strcmp(nw_reason(UINT16_MAX), "unknown"));
    is_in_range(nw_self());
    CHECK(sched_getaffinity(0, sizeof(all), &all) == 0);
    CHECK(pthread_create(&thread, NULL, pinned, &all) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
