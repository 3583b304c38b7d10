/*
 * How many areas of address space (lines of /proc/self/maps, which vm.max_map_count limits) a program with THREADS
 * threads has while each of them holds small, large and very large objects: counts_areas THREADS.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS 8u

static pthread_barrier_t made, counted;

static void *work(void *argument)
{
    static const size_t sizes[OBJECTS] = {24, 200, 3000, 20000, 70000, 300000, 1500000, 5000000};
    void *objects[OBJECTS];
    for (unsigned i = 0; i < OBJECTS; i++)
        if ((objects[i] = malloc(sizes[i])))
            memset(objects[i], 1, 24);
    pthread_barrier_wait(&made);
    pthread_barrier_wait(&counted);
    for (unsigned i = 0; i < OBJECTS; i++)
        free(objects[i]);
    return argument;
}

static unsigned count_areas(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    unsigned lines = 0;
    int c;
    while (file && (c = fgetc(file)) != EOF)
        lines += c == '\n';
    if (file)
        fclose(file);
    return lines;
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 4;
    pthread_t *threads = calloc(count, sizeof(*threads));
    pthread_barrier_init(&made, NULL, count + 1);
    pthread_barrier_init(&counted, NULL, count + 1);
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0)
            return 1;
    pthread_barrier_wait(&made);
    printf("%u\n", count_areas());
    pthread_barrier_wait(&counted);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return 0;
}
