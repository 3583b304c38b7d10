#include "policy/cpu_count.h"

#include <stdbool.h>
#include <string.h>

#include "policy/words.h"

#define ROOT      "/sys/fs/cgroup"
#define PATH_SIZE 512u

/* --- cgroups --- */

static uint64_t number_at(const char **text)
{
    uint64_t number = 0;
    while (**text == ' ')
        (*text)++;
    for (; **text >= '0' && **text <= '9' && number < UINT64_C(1) << 50; (*text)++)
        number = number * 10 + (uint64_t)(**text - '0');
    return number;
}

static uint32_t rounded_up(uint64_t quota, uint64_t period)
{
    uint64_t cpus = period ? (quota + period - 1) / period : 0;
    return cpus < PLAN_MAX_CPUS ? (uint32_t)cpus : 0;
}

/* "200000 100000", or "max 100000": none. */
static uint32_t limit_of_max(const char *text)
{
    uint64_t quota = number_at(&text);
    return quota ? rounded_up(quota, number_at(&text)) : 0;
}

static bool join(char *ret_path, const char *root, size_t root_length, const char *group, size_t length,
                 const char *file)
{
    size_t file_length = strlen(file);
    if (root_length + length + file_length >= PATH_SIZE)
        return false;
    memcpy(ret_path, root, root_length);
    memcpy(ret_path + root_length, group, length);
    memcpy(ret_path + root_length + length, file, file_length + 1);
    return true;
}

/* The limit of one folder of either version; 0: none. */
static uint32_t limit_here(read_text *read, bool first_version, const char *root, size_t root_length, const char *group,
                           size_t length)
{
    char path[PATH_SIZE], text[64];
    const char *at = text;
    uint64_t quota;
    if (!first_version)
        return join(path, root, root_length, group, length, "/cpu.max") && read(path, text, sizeof(text))
                   ? limit_of_max(text)
                   : 0;
    if (!join(path, root, root_length, group, length, "/cpu.cfs_quota_us") || !read(path, text, sizeof(text)))
        return 0;
    quota = number_at(&at); /* "-1": no quota, and no number */
    if (!quota || !join(path, root, root_length, group, length, "/cpu.cfs_period_us") ||
        !read(path, text, sizeof(text)))
        return 0;
    at = text;
    return rounded_up(quota, number_at(&at));
}

/* The group's path and all above it; the root of a container is the last. */
static uint32_t limit_upwards(read_text *read, bool first_version, const char *root, size_t root_length,
                              const char *group, size_t length)
{
    uint32_t least = 0;
    for (;;) {
        while (length && group[length - 1] == '/')
            length--;
        uint32_t limit = limit_here(read, first_version, root, root_length, group, length);
        if (limit && (!least || limit < least))
            least = limit;
        if (!length)
            return least;
        while (length && group[length - 1] != '/')
            length--;
    }
}

/* Is "cpu" one of "cpu,cpuacct"? */
static bool names_cpu(const char *controllers, size_t length)
{
    for (size_t i = 0; i + 3 <= length; i++)
        if (!memcmp(controllers + i, "cpu", 3) && (i == 0 || controllers[i - 1] == ',') &&
            (i + 3 == length || controllers[i + 3] == ','))
            return true;
    return false;
}

/* A line of /proc/self/cgroup: "0::/a/b", "4:cpu,cpuacct:/a". */
static uint32_t limit_of_line(read_text *read, const char *line, size_t length)
{
    const char *first = memchr(line, ':', length), *second;
    char root[PATH_SIZE];
    size_t controllers;
    second = first ? memchr(first + 1, ':', (size_t)(line + length - first - 1)) : NULL;
    if (!second)
        return 0;
    controllers = (size_t)(second - first - 1);
    if (!controllers)
        return limit_upwards(read, false, ROOT, sizeof(ROOT) - 1, second + 1, (size_t)(line + length - second - 1));
    if (!names_cpu(first + 1, controllers) || !join(root, ROOT "/", sizeof(ROOT), first + 1, controllers, ""))
        return 0;
    return limit_upwards(read, true, root, strlen(root), second + 1, (size_t)(line + length - second - 1));
}

uint32_t cgroup_cpus(read_text *read)
{
    char text[2048];
    const char *at = text;
    uint32_t least = 0;
    if (!read("/proc/self/cgroup", text, sizeof(text)))
        return 0;
    while (*at) {
        size_t length = strcspn(at, "\n");
        uint32_t limit = limit_of_line(read, at, length);
        if (limit && (!least || limit < least))
            least = limit;
        at += length + (at[length] == '\n');
    }
    return least;
}

/* --- the number --- */

static uint32_t weight_of(const uint64_t *bits, size_t words)
{
    uint32_t weight = 0;
    for (size_t i = 0; i < words; i++)
        weight += (uint32_t)__builtin_popcountll(bits[i]);
    return weight;
}

static bool has(const uint64_t *bits, size_t id)
{
    return bits[id / 64] >> id % 64 & 1;
}

static uint32_t granted(const struct plan_view *plan, const uint64_t *base, size_t words)
{
    uint32_t weight = 0;
    for (size_t id = 0; id < words * 64; id++)
        weight += has(base, id) && plan_mask_has(plan, plan->header->main_mask, (unsigned)id);
    return weight ? weight : weight_of(base, words);
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return b && b < a ? b : a;
}

uint32_t cpu_count_number(const struct plan_view *plan, const uint64_t *base, size_t words, uint32_t cgroup)
{
    uint32_t allowed = weight_of(base, words);
    switch (plan->header->cpu_report) {
    case CPUS_CGROUP:
        return smaller(allowed, cgroup);
    case CPUS_MIN:
        return smaller(granted(plan, base, words), cgroup);
    case CPUS_PLAN:
    case CPUS_AUTO:
        return granted(plan, base, words);
    case CPUS_NUMBER:
        return smaller(granted(plan, base, words), plan->header->cpu_number);
    default:
        return allowed ? allowed : 1;
    }
}

void cpu_count_mask(const struct plan_view *plan, const uint64_t *base, size_t words, uint32_t number,
                    uint64_t *ret_bits)
{
    bool whole = plan->header->cpu_report == CPUS_AFFINITY || plan->header->cpu_report == CPUS_CGROUP;
    uint32_t taken = 0;
    memset(ret_bits, 0, words * 8);
    for (size_t id = 0; id < words * 64 && taken < number; id++)
        if (has(base, id) && (whole || plan_mask_has(plan, plan->header->main_mask, (unsigned)id))) {
            ret_bits[id / 64] |= UINT64_C(1) << id % 64;
            taken++;
        }
    if (!taken)
        memcpy(ret_bits, base, words * 8);
}
