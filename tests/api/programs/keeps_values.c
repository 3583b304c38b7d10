/* Storage: a value a place, made once, counted; handles that are carried along. Places are those of a synthetic machine. */
#include <errno.h>
#include <nodewise.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

#define THREADS 8

struct value {
    struct nw_affinity made_at;
    int made_of; /* another value's number, by clone(); else -1 */
    int number;
    struct nw_affinity told_from, told_to;
    int told;
};

static int made, alive; /* values; changed with the builtin atomics, which C and C++ have alike */
static struct nw_registry *registry;
static pthread_barrier_t together;
static bool refuses;

static struct value *new_value(struct nw_affinity where, int of)
{
    struct value *value = (struct value *)calloc(1, sizeof(*value));
    CHECK(value != NULL);
    value->made_at = where;
    value->made_of = of;
    value->number = __atomic_fetch_add(&made, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&alive, 1, __ATOMIC_SEQ_CST);
    return value;
}

static void *create(void *context, struct nw_affinity where)
{
    CHECK(context == &made);
    return refuses ? NULL : new_value(where, -1);
}

static void *create_slowly(void *context, struct nw_affinity where)
{
    void *value = create(context, where);
    pthread_barrier_wait(&together); /* every thread of the place makes one before any of them is published */
    return value;
}

static void *clone_value(const void *value, struct nw_affinity where)
{
    return new_value(where, ((const struct value *)value)->number);
}

static void relocate(void *value, struct nw_affinity from, struct nw_affinity to)
{
    struct value *moved = (struct value *)value;
    moved->told_from = from;
    moved->told_to = to;
    moved->told++;
}

static void destroy(void *value)
{
    __atomic_fetch_sub(&alive, 1, __ATOMIC_SEQ_CST);
    free(value);
}

static struct nw_local *open_with(enum nw_scope scope, void *(*maker)(void *, struct nw_affinity))
{
    struct nw_value_ops ops = {maker, clone_value, relocate, destroy};
    struct nw_local *local;
    CHECK(nw_local_open(scope, &ops, &made, &local) == 0);
    made = 0;
    CHECK(alive == 0);
    return local;
}

static void at_slot(uint32_t slot)
{
    CHECK(nw_registry_take(registry, slot, NULL) == 0);
}

/* --- a value for each place --- */

static void count_one(void *value, struct nw_affinity where, void *context)
{
    CHECK(value != NULL);
    (void)where;
    ++*(int *)context;
}

static void *values_of_scopes(void *unused)
{
    static const int values[] = {4, 2, 1}; /* of 4 CPUs on 2 nodes in 1 process */
    for (int scope = NW_PER_CORE; scope <= NW_PER_PROCESS; scope++) {
        struct nw_local *local = open_with((enum nw_scope)scope, create);
        int counted = 0;
        for (int round = 0; round < 2; round++)
            for (uint32_t slot = 0; slot < 4; slot++) {
                at_slot(slot);
                uint32_t index = scope == NW_PER_CORE ? slot : scope == NW_PER_NODE ? slot / 2 : 0;
                CHECK(round || slot % 2 || scope == NW_PER_PROCESS || nw_local_peek(local, index) == NULL);
                struct value *value = (struct value *)nw_local_get(local);
                CHECK(value == nw_local_get(local) && value == nw_local_peek(local, index));
                CHECK(scope != NW_PER_CORE || value->made_at.slot == slot);
                CHECK(scope != NW_PER_NODE || value->made_at.node_index == slot / 2);
            }
        CHECK(made == values[scope] && alive == values[scope]);
        nw_local_each(local, count_one, &counted);
        CHECK(counted == values[scope]);
        CHECK(nw_local_peek(local, 4000) == NULL && nw_local_peek(local, UINT32_MAX) == NULL);
        nw_local_release(nw_local_retain(local));
        CHECK(alive == values[scope]);
        nw_local_release(local);
        CHECK(alive == 0);
    }
    return unused;
}

static void *replaced(void *unused)
{
    struct nw_local *local = open_with(NW_PER_NODE, create);
    void *old = &made;
    at_slot(0);
    struct value *first = (struct value *)nw_local_get(local);
    struct value *second = new_value(nw_self(), -1);
    CHECK(nw_local_set(local, second, &old) == 0 && old == first);
    CHECK(nw_local_get(local) == second);
    destroy(first); /* it is the caller's now */
    CHECK(nw_local_set(local, NULL, &old) == 0 && old == second);
    CHECK(nw_local_peek(local, 0) == NULL);
    destroy(second);
    refuses = true;
    CHECK(nw_local_get(local) == NULL);
    refuses = false;
    CHECK(nw_local_get(local) != NULL);
    nw_local_release(local);
    CHECK(alive == 0);
    return unused;
}

/* --- the seeds' mistakes, by the numbers that the design gives them --- */

/* B1: a handle that came to the place where it was already lost what it carried to what the storage had meanwhile. */
static void *b1_the_same_place_keeps_the_carried_value(void *unused)
{
    struct nw_local *local = open_with(NW_PER_NODE, create);
    void *old;
    at_slot(0);
    struct nw_carried carried;
    memset(&carried, 0, sizeof(carried));
    carried.local = local;
    struct nw_affinity home = nw_self(), unknown = home;
    struct value *first = (struct value *)nw_carried_relocate(&carried, home);
    CHECK(first == nw_local_peek(local, 0) && first->told == 1 && first->told_from.node == -1);
    CHECK(nw_local_set(local, new_value(home, -1), &old) == 0 && old == first);
    at_slot(1); /* another CPU of the node: the same place */
    CHECK(nw_carried_relocate(&carried, nw_self()) == first);
    unknown.cpu = unknown.node = -1; /* another affinity, the same place */
    CHECK(nw_carried_relocate(&carried, unknown) == first);
    CHECK(first->told == 3 && first->told_from.node_index == first->told_to.node_index);
    at_slot(3);
    struct value *twin = (struct value *)nw_carried_relocate(&carried, nw_self());
    CHECK(twin != first && twin->made_of == first->number && twin == nw_local_peek(local, 1));
    CHECK(carried.value == twin && carried.at.node_index == 1);
    destroy(first);
    nw_local_release(local);
    CHECK(alive == 0);
    return unused;
}

/* B2, N2: arrays were indexed by the kernel's numbers, which have gaps. */
static void *b2_n2_slots_are_dense_where_numbers_have_gaps(void *unused)
{
    struct nw_registry *sparse;
    struct nw_affinity at[4];
    CHECK(nw_registry_open(NW_ALL, 0, "numa:2(indexes=3,7) core:2 pu:1(indexes=2,14,60,300)", &sparse) == 0);
    CHECK(nw_registry_affinities(sparse, at, 4) == 4);
    for (int i = 0; i < 4; i++) {
        CHECK(at[i].slot < 4 && at[i].node_index < 2);
        CHECK(at[i].node == (at[i].node_index ? 7 : 3));
        CHECK(at[i].cpu == (at[i].slot == 0 ? 2 : at[i].slot == 1 ? 14 : at[i].slot == 2 ? 60 : 300));
    }
    nw_registry_close(sparse);
    return unused;
}

/* B4: of two threads that made a value at once, one went on with a value that nobody else saw, and leaked it. */
static void *gets(void *local)
{
    CHECK(nw_registry_take(registry, NW_ANY_SLOT, NULL) == 0);
    return nw_local_get((struct nw_local *)local);
}

static void b4_losers_of_a_race_destroy_theirs(void)
{
    pthread_t threads[THREADS];
    void *value[THREADS];
    struct nw_registry *own = registry;
    struct nw_local *local = open_with(NW_PER_PROCESS, create_slowly);
    CHECK(nw_registry_open(NW_EXACTLY, THREADS, "numa:1 core:8 pu:1", &registry) == 0);
    CHECK(pthread_barrier_init(&together, NULL, THREADS) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, gets, local) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(threads[i], &value[i]) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(value[i] == value[0] && value[i] == nw_local_peek(local, 0));
    CHECK(made == THREADS && alive == 1);
    nw_local_release(local);
    CHECK(alive == 0);
    nw_registry_close(registry);
    registry = own;
}

/* --- a forked child --- */

static void *forks(void *unused)
{
    struct nw_local *local = open_with(NW_PER_CORE, create), *another;
    struct nw_value_ops ops = {create, NULL, NULL, NULL};
    void *old;
    int status;
    at_slot(0);
    void *value = nw_local_get(local);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(nw_local_get(local) == value); /* what there was */
        CHECK(nw_local_set(local, NULL, &old) == -ECHILD);
        CHECK(nw_local_open(NW_PER_CORE, &ops, &made, &another) == -ECHILD);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    nw_local_release(local);
    return unused;
}

int main(void)
{
    struct nw_value_ops none;
    struct nw_local *local;
    memset(&none, 0, sizeof(none));
    CHECK(nw_local_open(NW_PER_CORE, &none, NULL, &local) == -EINVAL);
    CHECK(nw_registry_open(NW_ALL, 0, "numa:2 core:2 pu:1", &registry) == 0);
    in_thread(values_of_scopes, NULL);
    in_thread(replaced, NULL);
    in_thread(b1_the_same_place_keeps_the_carried_value, NULL);
    in_thread(b2_n2_slots_are_dense_where_numbers_have_gaps, NULL);
    b4_losers_of_a_race_destroy_theirs();
    in_thread(forks, NULL);
    nw_registry_close(registry);
    nw_local_release(NULL);
    return 0;
}
