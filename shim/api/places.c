#include "shim/api/places.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "policy/cpu_count.h"
#include "shim/api/topology.h"

static size_t read_file(const char *path, char *ret_text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, ret_text, size - 1);
    if (fd >= 0)
        close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

unsigned places_quota(void)
{
    return cgroup_cpus(read_file);
}

unsigned places_of_policy(enum pool_size how, unsigned number, unsigned places)
{
    unsigned count = places ? places : 1, quota = places_quota();
    if (how == POOL_EXACTLY)
        return number;
    if (quota && quota < count)
        count = quota;
    if (how == POOL_AT_MOST && number < count)
        count = number;
    return count > POOL_MAX_WORKERS ? POOL_MAX_WORKERS : count;
}

static int make(const struct topology *topology, const struct cpuset *set, unsigned count,
                struct pool_workers *ret_places)
{
    const struct pool_request request = {.topology = topology,
                                         .set = set,
                                         .size = count ? POOL_EXACTLY : POOL_AUTO,
                                         .number = count,
                                         .quota = places_quota(),
                                         .distribution = DIST_ROUND_ROBIN,
                                         .level = LEVEL_NODE,
                                         .bind_to = LEVEL_CORE,
                                         .smt = SMT_CORES_FIRST};
    return cpuset_is_empty(set) ? -ENOENT : pool_workers_make(ret_places, &request);
}

int places_make(const char *cpus, unsigned count, struct pool_workers *ret_places)
{
    struct nw_topology *topology;
    struct set_result result = {0};
    int error = nw_topology_open(NULL, &topology);
    if (error)
        return error;
    if (cpus)
        error = topology_resolve(topology, cpus, SET_CPUS, &result);
    if (!error)
        error = make(topology_of(topology), cpus ? &result.cpus : &topology_of(topology)->allowed, count, ret_places);
    set_result_free(&result);
    nw_topology_close(topology);
    return error;
}
