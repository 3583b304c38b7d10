/*
 * hash_join [THREADS] [PROBES] [KEYS]: main builds a hash table of small nodes, and all threads look keys up in it. No
 * place is local to all of them; what can be had is that every node serves its share.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/loads/team.h"

struct node {
    struct node *next;
    uint64_t key, value;
};

static unsigned threads, probes, keys;
static size_t buckets;
static struct node **table;
static _Atomic uint64_t misses;

static size_t bucket_of(uint64_t key)
{
    return (key * 0x9e3779b97f4a7c15u >> 32) % buckets;
}

static void build(void)
{
    buckets = keys / 2 + 1;
    table = team_allocate(buckets * sizeof(*table));
    for (size_t i = 0; i < buckets; i++)
        table[i] = NULL;
    for (uint64_t key = 0; key < keys; key++) {
        struct node *node = team_allocate(sizeof(*node));
        struct node **to = &table[bucket_of(key)];
        *node = (struct node){*to, key, 3 * key + 1};
        *to = node;
    }
}

static void work(unsigned number)
{
    uint64_t random = number + 1, missed = 0;
    for (unsigned i = 0; i < probes; i++) {
        uint64_t key = team_random(&random) % keys;
        const struct node *node = table[bucket_of(key)];
        while (node && node->key != key)
            node = node->next;
        missed += !node || node->value != 3 * key + 1;
    }
    misses += missed;
}

int main(int argc, char **argv)
{
    threads = team_word(argc, argv, 1, 8);
    probes = team_word(argc, argv, 2, 400000);
    keys = team_word(argc, argv, 3, 100000);
    build();
    team_run(threads, work);
    return team_answer("hash_join", misses, 0);
}
