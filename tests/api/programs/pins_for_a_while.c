/* Pins nest, come off in reverse order only, by their own thread only, and bring back what was there. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

static bool refused; /* sched_setaffinity(2) does not work */

static void *pops(void *pin)
{
    CHECK(nw_pin_pop((struct nw_pin *)pin) == -EPERM);
    return NULL;
}

static void push(struct nw_pin *pin, int cpu)
{
    char set[16];
    struct nw_got got;
    snprintf(set, sizeof(set), "%d", cpu);
    CHECK(nw_pin_push(pin, set, NW_SOFT, &got) == 0);
    CHECK(got.level == (refused ? NW_NONE : NW_STRICT));
    CHECK((got.reason == 0) == !refused);
    cpu_set_t now = own_mask();
    CHECK(refused || (CPU_COUNT(&now) == 1 && CPU_ISSET(cpu, &now) && nw_self().cpu == cpu));
}

static void nests(cpu_set_t all)
{
    struct nw_pin outer, inner;
    pthread_t thread;
    push(&outer, nth_cpu(all, 0));
    cpu_set_t between = own_mask();
    push(&inner, nth_cpu(all, CPU_COUNT(&all) - 1));
    CHECK(nw_pin_pop(&outer) == -EBUSY);
    CHECK(pthread_create(&thread, NULL, pops, &inner) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(nw_pin_pop(&inner) == 0);
    CHECK(same_mask(own_mask(), between));
    CHECK(nw_pin_pop(&inner) == -EPERM);
    CHECK(nw_pin_pop(&outer) == 0);
    CHECK(same_mask(own_mask(), all));
}

/* What is not granted is an error, and changes nothing. */
static void is_hard(cpu_set_t all)
{
    struct nw_pin pin;
    CHECK(nw_pin_push(&pin, "all", NW_HARD, NULL) == (refused ? -EPERM : 0));
    CHECK(refused || nw_pin_pop(&pin) == 0);
    CHECK(nw_pin_push(&pin, "no such word", NW_SOFT, NULL) == -EINVAL);
    CHECK(nw_pin_push(&pin, "none", NW_SOFT, NULL) == -ENOENT);
    CHECK(nw_pin_push(&pin, NULL, NW_SOFT, NULL) == -EINVAL);
    CHECK(same_mask(own_mask(), all));
}

/* A child has its parent's pins to pop, and can push none. */
static void forks(cpu_set_t all)
{
    struct nw_pin pin, another;
    int status;
    push(&pin, nth_cpu(all, 0));
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(nw_pin_push(&another, "all", NW_SOFT, NULL) == -ECHILD);
        CHECK(nw_pin_pop(&pin) == 0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(nw_pin_pop(&pin) == 0);
}

int main(int argc, char **argv)
{
    cpu_set_t all = own_mask();
    refused = told(argc, argv, "refused");
    nests(all);
    is_hard(all);
    forks(all);
    return 0;
}
