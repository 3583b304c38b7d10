/*
 * sites: what each node is measured as: CPUs that read, memory that is read, or both; why it is not one of them; and how
 * much memory that takes.
 */
#ifndef NODEWISE_TOOLS_MEASURE_SITES_H
#define NODEWISE_TOOLS_MEASURE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/topology.h"

#define WHY_SIZE 96u

/* why a node has no part in it */
struct lack {
    char why[WHY_SIZE]; /* "has no CPUs"; "": it has */
    bool is_lasting;    /* the machine is so; else it is this process that may not, or memory that is short */
};

struct site {
    unsigned node;
    struct cpuset cores; /* a CPU of each core that this process may use */
    struct lack cpus, memory;
    uint64_t cache_bytes;  /* of all last-level caches of its CPUs; 0: not known */
    uint64_t free_bytes;   /* of its memory */
    uint64_t buffer_bytes; /* to be read there */
};

struct sites {
    struct site *items; /* in the order of topology->nodes */
    size_t count;
    uint64_t wanted_bytes; /* of a buffer, where there is enough memory */
};

/* free_of: bytes that are free on a node; -1: there is no such memory. 0 or -ENOMEM. */
int sites_make(struct sites *ret_sites, const struct topology *topology, int64_t (*free_of)(unsigned node));
void sites_free(struct sites *sites);

/*
 * How much is to be read so that caches do not serve it: four times the last-level caches (bytes; 0: not known) of a
 * node, within 64 MiB and 1 GiB.
 */
uint64_t buffer_wanted(uint64_t cache);
/* No more of it than a quarter of what is free; 0: too little is free to measure at all. */
uint64_t buffer_granted(uint64_t wanted, uint64_t free);

#endif
