/* The affinity follows the thread: it is told on each CPU that the program pins itself to; dense numbers are in range. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>

#include "check.h"

static bool unknown; /* the kernel does not tell what the mask is */

static void is_in_range(struct nw_affinity at)
{
    CHECK(at.slot < nw_slots());
    CHECK(at.node_index < nw_node_indexes());
}

static void *pinned(void *argument)
{
    cpu_set_t *all = (cpu_set_t *)argument;
    for (int i = 0; i < CPU_COUNT(all); i++) {
        int cpu = nth_cpu(*all, i);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(pthread_setaffinity_np(pthread_self(), sizeof(one), &one) == 0);
        struct nw_affinity at = nw_self();
        is_in_range(at);
        if (unknown)
            CHECK(at.cpu == -1 && at.node == -1);
        else
            CHECK(at.cpu == cpu && at.node >= 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    cpu_set_t all = own_mask();
    pthread_t thread;
    unknown = told(argc, argv, "unknown");
    errno = 77;
    CHECK(nw_governed() == told(argc, argv, "governed"));
    CHECK(strstr(nw_reason(0), "as asked") != NULL);
    CHECK(!strcmp(nw_reason(UINT16_MAX), "unknown"));
    is_in_range(nw_self());
    CHECK(errno == 77);
    CHECK(pthread_create(&thread, NULL, pinned, &all) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
