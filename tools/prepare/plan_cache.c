#include "tools/prepare/plan_cache.h"
#include "tools/prepare/plan_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/measured_file.h"
#include "policy/plan_text.h"
#include "tools/common/cli.h"
#include "tools/common/read_file.h"
#include "tools/prepare/plan_place.h"
#include "tools/prepare/plan_sweep.h"
#include "tools/prepare/share_plans.h"

/* --- the fingerprint --- */

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t mix_file(uint64_t hash, const char *path)
{
    char text[4096];
    size_t length = read_start(path, text, sizeof(text));
    return mix(hash, text, length + 1);
}

/* "Cpus_allowed: …" and "Mems_allowed: …" of this process: cpuset and inherited affinity at once. */
static uint64_t mix_allowed(uint64_t hash)
{
    char text[16384];
    read_start("/proc/self/status", text, sizeof(text));
    for (char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, "Cpus_allowed:", 13) == 0 || strncmp(line, "Mems_allowed:", 13) == 0)
            hash = mix(hash, line, strcspn(line, "\n"));
    }
    return hash;
}

/* Names in a folder of /sys, whatever their order: summed, not chained. */
static uint64_t mix_names(uint64_t hash, const char *path)
{
    uint64_t sum = 0;
    DIR *folder = opendir(path);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        sum += mix(UINT64_C(0xcbf29ce484222325), entry->d_name, strlen(entry->d_name));
    if (folder)
        closedir(folder);
    return mix(hash, &sum, sizeof(sum));
}

/* Variables by which hwloc describes another machine or leaves a part of it out (HWLOC_XMLFILE …), whatever their order. */
static uint64_t mix_hwloc(uint64_t hash)
{
    uint64_t sum = 0;
    for (char **variable = environ; variable && *variable; variable++)
        if (strncmp(*variable, "HWLOC_", 6) == 0)
            sum += mix(UINT64_C(0xcbf29ce484222325), *variable, strlen(*variable));
    return mix(hash, &sum, sizeof(sum));
}

/* Measured distances take part in `near` and in homes. */
static uint64_t mix_measured(uint64_t hash)
{
    for (unsigned place = 0; place < MEASURED_PLACES; place++) {
        char *path, *text;
        if (measured_file_path(&path, place) < 0)
            continue;
        if (measured_file_read(&text, path) == 0) {
            hash = mix(hash, text, strlen(text) + 1);
            free(text);
        }
        free(path);
    }
    return hash;
}

static uint64_t machine_fingerprint(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = mix_file(hash, "/proc/sys/kernel/random/boot_id");
    hash = mix_file(hash, "/sys/devices/system/cpu/online");
    hash = mix_file(hash, "/sys/devices/system/cpu/isolated");
    hash = mix_file(hash, "/sys/devices/system/node/online");
    hash = mix_file(hash, "/sys/devices/system/node/has_memory");
    hash = mix_allowed(hash);
    hash = mix_hwloc(hash);
    hash = mix_measured(hash);
    hash = mix_names(hash, "/sys/class/net");
    hash = mix_names(hash, "/sys/block");
    return mix_names(hash, "/sys/class/drm");
}

/* --- the whole plan --- */

static unsigned file_mode(void)
{
    return geteuid() == 0 ? 0644 : 0600;
}

/* The name of the plan's file in whatever folder; malloc'd, NULL: no memory. */
static char *name_of(const struct prepared *prepared)
{
    struct compile_options options = compile_options_for(&prepared->config);
    uint64_t policy = mix(prepared->config.identity, &options.gpu, sizeof(options.gpu));
    char *name;
    policy = mix(policy, options.source, strlen(options.source));
    policy = mix(policy, NODEWISE_VERSION, strlen(NODEWISE_VERSION));
    if (prepared->refuse_at_start)
        policy = mix(policy, "refuse", strlen("refuse"));
    return asprintf(&name, "%016llx-%016llx.v%u.plan", (unsigned long long)policy,
                    (unsigned long long)machine_fingerprint(), PLAN_VERSION) < 0
               ? NULL
               : name;
}

/* The file's path in the place of that number, malloc'd. NULL: the place cannot be used. */
static char *path_in(unsigned place, const char *name, bool make)
{
    char *plans, *path;
    if (plan_place_open(&plans, place, make) < 0)
        return NULL;
    int length = asprintf(&path, "%s/%s", plans, name);
    free(plans);
    return length < 0 ? NULL : path;
}

/* NULL: no place has it. */
static char *find_kept(const char *name)
{
    for (unsigned place = 0; place < PLAN_PLACES; place++) {
        char *path = path_in(place, name, false);
        if (path && plan_file_take(path))
            return path;
        free(path);
    }
    return NULL;
}

/* The shares first: where the policy's plan is, they are. */
static int write_all(const char *path, struct prepared *prepared)
{
    int error = share_plans_write(path, prepared, file_mode());
    return error < 0 ? error : plan_file_write(path, &prepared->plan, file_mode());
}

/* NULL: no place takes it. */
static char *keep(const char *name, struct prepared *prepared)
{
    for (unsigned place = 0; place < PLAN_PLACES; place++) {
        char *path = path_in(place, name, true);
        int error = path ? write_all(path, prepared) : -ENOENT;
        if (path)
            plan_sweep(path);
        if (error == -ENOSPC)
            error = write_all(path, prepared);
        if (error == 0)
            return path;
        free(path);
    }
    return NULL;
}

/* Has the file this very plan? The same name may stand for another machine's, which --topology names. */
static bool has_plan(const char *path, const struct prepared *prepared)
{
    struct file_bytes file;
    struct plan_view plan;
    if (plan_file_load(&file, path) < 0)
        return false;
    bool same =
        plan_check(&plan, file.data, file.size, NULL) == 0 && plan.header->checksum == prepared->view.header->checksum;
    free(file.data);
    return same;
}

char *plan_cache_keep(struct prepared *prepared)
{
    char *name = name_of(prepared);
    char *path = name ? find_kept(name) : NULL;
    if (!path && name)
        path = keep(name, prepared);
    free(name);
    if (path && has_plan(path, prepared))
        return path;
    free(path);
    return NULL;
}

/* The plan itself, for the environment; malloc'd. NULL: it is too large, or no memory. */
static char *text_of(const struct plan_bytes *plan)
{
    size_t size = plan_text_size(plan->size);
    char *text = size <= PLAN_TEXT_MOST ? malloc(size) : NULL;
    if (text)
        plan_text_write(text, plan->data, plan->size);
    return text;
}

/* The policy's own plan and those of the shares of it. */
static int get_whole(char **ret_path, struct prepared *prepared, const struct policy_options *options)
{
    if (options->pretends) /* a name of its own; what stands there may be of another topology */
        prepared->config.identity = mix(prepared->config.identity, options->topology, strlen(options->topology));
    char *name = name_of(prepared);
    char *path = name && !options->pretends ? find_kept(name) : NULL;
    int status = path ? EXIT_OK : prepare_plan(prepared, options, TALK_WARNINGS);
    if (!path && status == EXIT_OK)
        path = name ? keep(name, prepared) : NULL;
    if (!path && status == EXIT_OK)
        path = text_of(&prepared->plan);
    free(name);
    if (status != EXIT_OK)
        return status;
    if (!path)
        print_error(
            "no folder can keep the plan (`nodewise doctor` says why), and it is too large for the environment");
    *ret_path = path;
    return EXIT_OK;
}

/* The plan of a share where there is one, else the policy's own. */
static char *either(char *own, char *whole)
{
    if (!own)
        return whole;
    free(whole);
    return own;
}

int plan_cache_get(char **ret_path, struct prepared *prepared, const struct policy_options *options)
{
    char *path = NULL;
    int status = get_whole(&path, prepared, options);
    if (status != EXIT_OK)
        return status;
    if (!path || plan_text_is(path)) {
        *ret_path = path;
        return EXIT_OK;
    }
    struct rank rank = rank_from_environment(prepared->config.policy);
    *ret_path = either(share_plan_of_rank(path, prepared, options, rank, file_mode()), path);
    return EXIT_OK;
}

int plan_cache_get_portion(char **ret_path, struct prepared *prepared, const struct policy_options *options,
                           struct rank_portion portion, enum process_distribution before)
{
    char *path = NULL, *own = NULL;
    int status = get_whole(&path, prepared, options);
    if (status != EXIT_OK)
        return status;
    if (!path || plan_text_is(path)) {
        print_error("no folder can keep the plan for a process that runs (`nodewise doctor` says why)");
        free(path);
        return EXIT_MACHINE;
    }
    int error = share_plan_of_portion(&own, path, prepared, options, portion, before, file_mode());
    if (error < 0) {
        print_error("the plan of share %u cannot be made: %s", portion.share, strerror(-error));
        free(path);
        return EXIT_MACHINE;
    }
    *ret_path = either(own, path);
    return EXIT_OK;
}
