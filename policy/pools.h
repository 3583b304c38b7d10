/*
 * pools: how many workers a pool of the opt-in library has, and which CPUs each of them gets.
 *
 * Pure; allocates. Ownership: pool_workers_free(). Any thread.
 */
#ifndef NODEWISE_POLICY_POOLS_H
#define NODEWISE_POLICY_POOLS_H

#include <stddef.h>

#include "policy/cpuset.h"
#include "policy/policy.h"
#include "policy/topology.h"
#include "policy/words.h"

#define POOL_MAX_WORKERS 9999u /* their names end with four digits */

/*
 * Reads "auto", "exactly:N" or "at_most:N", N from 1 to POOL_MAX_WORKERS. 0 with both outputs (*ret_number is 0 for
 * "auto"), or -EINVAL.
 */
int pool_size_parse(const char *text, enum pool_size *ret_size, unsigned *ret_number);

/*
 * A worker's name: the first bytes of the pool's, and -0001 for number 1. The pattern that all workers of a pool match is
 * made with the number 0.
 */
enum { POOL_NAME_SIZE = 16, POOL_PATTERN_SIZE = 36 };
void pool_worker_name(const char *pool, unsigned number, char ret_name[POOL_NAME_SIZE]);
void pool_worker_pattern(const char *pool, char ret_pattern[POOL_PATTERN_SIZE]);

struct pool_request {
    const struct topology *topology;
    const struct cpuset *set; /* CPUs of the pool, not empty, all in the topology */
    enum pool_size size;
    unsigned number;   /* of POOL_EXACTLY and POOL_AT_MOST */
    unsigned per_node; /* workers on each node of the set; 0: as `size` says */
    unsigned quota;    /* CPUs that the cgroup's quota amounts to (cgroup_cpus()); 0: no quota */
    enum distribution distribution;
    enum level level, bind_to;
    enum smt smt;
};

struct pool_workers {
    struct cpuset *masks; /* of each worker, never empty */
    size_t count;         /* at least 1 */
};

/*
 * "auto" is a worker for each core of the set (for each CPU with SMT_ALLOW), no more than the quota; "at_most" the
 * smaller of that and the number; "exactly" and per_node are taken at their word: workers that are more than the places
 * share them, and a quota is not looked at. 0, -EINVAL above POOL_MAX_WORKERS, -ENOMEM.
 */
int pool_workers_make(struct pool_workers *ret_workers, const struct pool_request *request);
/* All the places of the set, each once, in the order in which workers get them. As pool_workers_make(). */
int pool_places_make(struct pool_workers *ret_places, const struct pool_request *request);
void pool_workers_free(struct pool_workers *workers);

#endif
