#include "tools/measure/triad.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tools/common/affinity.h"
#include "tools/measure/clock.h"

#define SCALE 3.0

/* Opens when all threads are there, or sends them home when one could not be made. */
enum gate { GATE_CLOSED, GATE_OPEN, GATE_GIVEN_UP };

struct team {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    pthread_barrier_t together;
    enum gate gate; /* under lock */
    double *a, *b, *c;
    size_t elements; /* of each array */
    unsigned members, rounds;
    atomic_int error; /* of any; none of the numbers counts then */
};

struct member {
    struct team *team;
    pthread_t thread;
    unsigned number, cpu;
    double begin[SAMPLES_MOST + 1], end[SAMPLES_MOST + 1];
};

/* --- a member --- */

static enum gate wait_at_gate(struct team *team)
{
    pthread_mutex_lock(&team->lock);
    while (team->gate == GATE_CLOSED)
        pthread_cond_wait(&team->opened, &team->lock);
    enum gate gate = team->gate;
    pthread_mutex_unlock(&team->lock);
    return gate;
}

static int go_to_cpu(unsigned cpu)
{
    struct cpuset only = CPUSET_EMPTY;
    int error = cpuset_add(&only, cpu);
    if (error == 0)
        error = affinity_set(0, &only);
    cpuset_free(&only);
    return error == 0 && sched_getcpu() != (int)cpu ? -EINVAL : error;
}

static void pass(double *restrict a, const double *restrict b, const double *restrict c, size_t count)
{
    for (size_t i = 0; i < count; i++)
        a[i] = b[i] + SCALE * c[i];
}

static void *work(void *argument)
{
    struct member *member = argument;
    struct team *team = member->team;
    size_t first = team->elements * member->number / team->members;
    size_t count = team->elements * (member->number + 1) / team->members - first;
    if (wait_at_gate(team) != GATE_OPEN)
        return NULL;
    int error = go_to_cpu(member->cpu);
    if (error < 0)
        atomic_store(&team->error, error);
    for (unsigned round = 0; round <= team->rounds; round++) {
        pthread_barrier_wait(&team->together);
        member->begin[round] = seconds_now();
        pass(team->a + first, team->b + first, team->c + first, count);
        member->end[round] = seconds_now();
    }
    return NULL;
}

/* --- the team --- */

static void open_gate(struct team *team, enum gate gate)
{
    pthread_mutex_lock(&team->lock);
    team->gate = gate;
    pthread_cond_broadcast(&team->opened);
    pthread_mutex_unlock(&team->lock);
}

/* From the first that began to the last that ended. Round 0 warms up. */
static void add_samples(struct samples *samples, const struct team *team, const struct member *members)
{
    for (unsigned round = 1; round <= team->rounds; round++) {
        double begin = members[0].begin[round], end = members[0].end[round];
        for (unsigned i = 1; i < team->members; i++) {
            begin = members[i].begin[round] < begin ? members[i].begin[round] : begin;
            end = members[i].end[round] > end ? members[i].end[round] : end;
        }
        if (end > begin)
            samples_add(samples, 3.0 * (double)team->elements * sizeof(double) / (end - begin));
    }
}

static int run_members(struct samples *samples, struct team *team, struct member *members, const struct cpuset *cpus)
{
    unsigned made = 0;
    int error = 0;
    CPUSET_FOREACH(cpu, cpus) {
        if (made == team->members || error < 0)
            break;
        members[made].team = team;
        members[made].number = made;
        members[made].cpu = (unsigned)cpu;
        error = -pthread_create(&members[made].thread, NULL, work, &members[made]);
        made += error == 0;
    }
    open_gate(team, error == 0 ? GATE_OPEN : GATE_GIVEN_UP);
    for (unsigned i = 0; i < made; i++)
        pthread_join(members[i].thread, NULL);
    error = error < 0 ? error : atomic_load(&team->error);
    if (error == 0)
        add_samples(samples, team, members);
    return error;
}

int triad_run(struct samples *samples, const struct cpuset *cpus, void *memory, size_t size, unsigned rounds)
{
    size_t elements = size / (3 * sizeof(double));
    unsigned count = cpuset_weight(cpus);
    struct team team = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .opened = PTHREAD_COND_INITIALIZER,
                        .a = memory,
                        .b = (double *)memory + elements,
                        .c = (double *)memory + 2 * elements,
                        .elements = elements,
                        .members = count < TRIAD_CORES_MOST ? count : TRIAD_CORES_MOST,
                        .rounds = rounds < SAMPLES_MOST ? rounds : SAMPLES_MOST};
    struct member *members = calloc(team.members + 1, sizeof(*members));
    int error = members ? -pthread_barrier_init(&team.together, NULL, team.members) : -ENOMEM;
    if (error == 0) {
        error = run_members(samples, &team, members, cpus);
        pthread_barrier_destroy(&team.together);
    }
    free(members);
    return error;
}
