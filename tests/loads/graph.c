/*
 * graph [THREADS] [SEARCHES] [VERTICES]: breadth-first searches, level by level, over a graph in compressed rows that main
 * made in one mapping. Each vertex has a ring neighbour and seven random ones, so a search reaches all of them.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/loads/team.h"

#define DEGREE 8u
#define FAR    UINT32_MAX

static unsigned threads, searches;
static uint32_t vertices, *first_edge, *edges;
static _Atomic uint32_t *level;
static uint32_t *now, *next; /* the vertices of this level and of the next one */
static uint32_t now_count;
static _Atomic uint32_t next_count;
static _Atomic uint64_t wrong;

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return memory;
}

static void build(void)
{
    uint64_t random = 1;
    first_edge = map((vertices + 1) * sizeof(*first_edge));
    edges = map((size_t)vertices * DEGREE * sizeof(*edges));
    for (uint32_t v = 0; v < vertices; v++) {
        first_edge[v] = v * DEGREE;
        edges[v * DEGREE] = (v + 1) % vertices;
        for (unsigned i = 1; i < DEGREE; i++)
            edges[v * DEGREE + i] = team_random(&random) % vertices;
    }
    first_edge[vertices] = vertices * DEGREE;
    level = map(vertices * sizeof(*level));
    now = map(vertices * sizeof(*now));
    next = map(vertices * sizeof(*next));
}

static void visit(uint32_t vertex, uint32_t depth)
{
    for (uint32_t i = first_edge[vertex]; i < first_edge[vertex + 1]; i++) {
        uint32_t unseen = FAR;
        if (atomic_load_explicit(&level[edges[i]], memory_order_relaxed) == FAR &&
            atomic_compare_exchange_strong(&level[edges[i]], &unseen, depth + 1))
            next[atomic_fetch_add(&next_count, 1)] = edges[i];
    }
}

/* One thread turns the pages for all. */
static void turn(unsigned number)
{
    team_meet();
    if (number == 0) {
        uint32_t *swapped = now;
        now = next;
        next = swapped;
        now_count = next_count;
        next_count = 0;
    }
    team_meet();
}

static void search(unsigned number, uint32_t start)
{
    for (size_t v = team_part(vertices, number, threads); v < team_part(vertices, number + 1, threads); v++)
        atomic_store_explicit(&level[v], FAR, memory_order_relaxed);
    team_meet();
    if (number == 0) {
        level[start] = 0;
        next[0] = start;
        next_count = 1;
    }
    turn(number);
    for (uint32_t depth = 0; now_count; depth++) {
        for (size_t i = team_part(now_count, number, threads); i < team_part(now_count, number + 1, threads); i++)
            visit(now[i], depth);
        turn(number);
    }
}

/* No edge leads further than one level, and all vertices were reached. */
static void check(unsigned number)
{
    uint64_t found = 0;
    for (size_t v = team_part(vertices, number, threads); v < team_part(vertices, number + 1, threads); v++)
        for (uint32_t i = first_edge[v]; i < first_edge[v + 1]; i++)
            found += level[v] == FAR || level[edges[i]] > level[v] + 1;
    wrong += found;
}

static void work(unsigned number)
{
    for (unsigned i = 0; i < searches; i++) {
        search(number, i * 97 % vertices);
        check(number);
        team_meet();
    }
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    searches = team_word(argc, argv, 2, 8);
    vertices = team_word(argc, argv, 3, 65536);
    build();
    team_run(threads, work);
    return team_answer("graph", wrong, 0);
}
