#include <stdio.h>
#include <string.h>

#include "policy/cpu_count.h"
#include "tests/unit/policy/fixture.h"

/* --- cgroups --- */

struct file {
    const char *path, *text;
};

static const struct file *files;

static size_t read_one(const char *path, char *ret_text, size_t size)
{
    for (const struct file *file = files; file->path; file++)
        if (strcmp(file->path, path) == 0) {
            strncpy(ret_text, file->text, size - 1);
            ret_text[size - 1] = '\0';
            return strlen(ret_text);
        }
    return 0;
}

static void quotas(void **state)
{
    static const struct {
        const char *what;
        struct file files[8];
        uint32_t cpus;
    } cases[] = {
        {"no cgroups", {{0}}, 0},
        {"no quota", {{"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"}, {0}}, 0},
        {"rounded up", {{"/proc/self/cgroup", "0::/a\n"}, {"/sys/fs/cgroup/a/cpu.max", "150000 100000\n"}, {0}}, 2},
        {"the smallest on the way up",
         {{"/proc/self/cgroup", "0::/a/b/c\n"},
          {"/sys/fs/cgroup/a/b/c/cpu.max", "800000 100000\n"},
          {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
          {"/sys/fs/cgroup/a/cpu.max", "300000 100000\n"},
          {0}},
         3},
        {"a container's own root",
         {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "400000 100000\n"}, {0}},
         4},
        {"the first version",
         {{"/proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/x\n0::/\n"},
          {"/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "250000\n"},
          {"/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "50000\n"},
          {0}},
         5},
        {"the first version without a quota",
         {{"/proc/self/cgroup", "4:cpu,cpuacct:/x\n"},
          {"/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us", "-1\n"},
          {"/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us", "100000\n"},
          {0}},
         0},
        {"lines that make no sense", {{"/proc/self/cgroup", "\n:\nx\n0:::\n"}, {0}}, 0},
        {"a period of nothing", {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "5 0\n"}, {0}}, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        files = cases[i].files;
        if (cgroup_cpus(read_one) != cases[i].cpus)
            fail_msg("%s: %u", cases[i].what, cgroup_cpus(read_one));
    }
}

/* --- the number and the mask --- */

static void reports(void **state)
{
    static const struct {
        const char *report, *cpus;
        uint64_t base;
        uint32_t cgroup, number;
        uint64_t mask;
    } cases[] = {
        {"\"affinity\"", "0-1", 0xff, 2, 8, 0xff},
        {"\"auto\"", "2-4", 0xff, 2, 3, 0x1c},
        {"\"plan\"", "2-4", 0xff, 0, 3, 0x1c},
        {"\"plan\"", "2-4", 0x0c, 0, 2, 0x0c},
        {"\"plan\"", "2-4", 0x01, 0, 1, 0x01}, /* nothing of it is left */
        {"\"cgroup\"", "2-4", 0xff, 2, 2, 0x03},
        {"\"cgroup\"", "2-4", 0xff, 0, 8, 0xff},
        {"\"min\"", "2-4", 0xff, 2, 2, 0x0c},
        {"\"min\"", "2-4", 0xff, 6, 3, 0x1c},
        {"2", "2-4", 0xff, 0, 2, 0x0c},
        {"6", "2-4", 0xff, 0, 3, 0x1c},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char text[256];
        uint64_t mask;
        snprintf(text, sizeof(text), "schema = 1\n[cpu_count]\nreport = %s\n[defaults]\ncpus = \"%s\"\n",
                 cases[i].report, cases[i].cpus);
        struct compiled compiled = compile_text(text, "core:8");
        uint32_t number = cpu_count_number(&compiled.view, &cases[i].base, 1, cases[i].cgroup);
        cpu_count_mask(&compiled.view, &cases[i].base, 1, number, &mask);
        if (number != cases[i].number || mask != cases[i].mask)
            fail_msg("%s of %s: %u, mask %lx", cases[i].report, cases[i].cpus, number, mask);
        compiled_free(&compiled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(quotas), cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
