/* What is opened and closed again leaves neither memory nor mappings nor descriptors, also when threads end with it. */
#include <dirent.h>
#include <malloc.h>
#include <nodewise.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "check.h"

#define ROUNDS 100

static void *create(void *context, struct nw_affinity where)
{
    (void)context;
    (void)where;
    return malloc(100);
}

static void moved(struct nw_affinity from, struct nw_affinity to, void *context)
{
    (void)from;
    (void)to;
    (void)context;
}

static sem_t has_all;

/* Ends with a slot, a function and tracked memory. */
static void *ends_with_all(void *registry)
{
    static char memory[1 << 14];
    CHECK(nw_registry_take((struct nw_registry *)registry, NW_ANY_SLOT, NULL) == 0);
    CHECK(nw_on_relocate(moved, memory) == 0);
    CHECK(nw_track(memory, sizeof(memory)) == 0);
    CHECK(sem_post(&has_all) == 0);
    return NULL;
}

static void round_trip(void)
{
    struct nw_value_ops ops = {create, NULL, NULL, free};
    struct nw_region_options options;
    struct nw_registry *registry;
    struct nw_topology *topology;
    struct nw_counter *counter;
    struct nw_local *local;
    struct nw_region region;
    struct nw_set set;
    struct nw_pin pin;
    pthread_t thread;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.prefault = 't';
    CHECK(nw_topology_open("numa:2 core:2 pu:1", &topology) == 0);
    CHECK(nw_topology_set(topology, "node:1", &set) == 0);
    nw_set_free(&set);
    nw_topology_close(topology);
    CHECK(nw_registry_open(NW_ALL, 0, "numa:2 core:2 pu:1", &registry) == 0);
    CHECK(pthread_create(&thread, NULL, ends_with_all, registry) == 0);
    while (sem_wait(&has_all) != 0)
        ;
    nw_registry_close(registry); /* the thread may still have its slot */
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(nw_pin_push(&pin, "all", NW_SOFT, NULL) == 0 && nw_pin_pop(&pin) == 0);
    CHECK(nw_region_map(&region, 1 << 16, &options) == 0 && nw_region_unmap(&region) == 0);
    CHECK(nw_counter_open(&counter) == 0);
    nw_counter_close(counter);
    CHECK(nw_local_open(NW_PER_CORE, &ops, NULL, &local) == 0);
    CHECK(nw_local_get(local) != NULL);
    nw_local_release(local);
    free(nw_alloc_on(nw_self().node < 0 ? 0 : nw_self().node, 100));
}

static int lines_of(const char *path)
{
    FILE *file = fopen(path, "r");
    int lines = 0, c;
    CHECK(file != NULL);
    while ((c = fgetc(file)) != EOF)
        lines += c == '\n';
    fclose(file);
    return lines;
}

static int descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    CHECK(folder != NULL);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

int main(void)
{
    CHECK(sem_init(&has_all, 0, 0) == 0);
    for (int i = 0; i < ROUNDS; i++)
        round_trip();
    size_t bytes = mallinfo2().uordblks;
    int maps = lines_of("/proc/self/maps"), files = descriptors();
    for (int i = 0; i < ROUNDS; i++)
        round_trip();
    CHECK(mallinfo2().uordblks < bytes + ROUNDS * 8);
    CHECK(lines_of("/proc/self/maps") < maps + ROUNDS / 4);
    CHECK(descriptors() == files);
    return 0;
}
