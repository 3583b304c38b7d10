#include "tools/prepare/plan_cache.h"
#include "tools/prepare/plan_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "tools/common/cli.h"
#include "tools/common/read_file.h"
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

static uint64_t machine_fingerprint(void)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    hash = mix_file(hash, "/proc/sys/kernel/random/boot_id");
    hash = mix_file(hash, "/sys/devices/system/cpu/online");
    hash = mix_file(hash, "/sys/devices/system/cpu/isolated");
    hash = mix_file(hash, "/sys/devices/system/node/online");
    hash = mix_file(hash, "/sys/devices/system/node/has_memory");
    hash = mix_allowed(hash);
    hash = mix_names(hash, "/sys/class/net");
    hash = mix_names(hash, "/sys/block");
    return mix_names(hash, "/sys/class/drm");
}

/* --- the folder --- */

/*
 * Makes the folder, or proves that an existing one is this user's and that no other user can write to it: every user
 * may make folders on tmpfs. 0, -EPERM: it is not; or another negative errno.
 */
static int own_folder(const char *path)
{
    mode_t mode = geteuid() == 0 ? 0711 : 0700;
    struct stat status;
    if (mkdir(path, mode) == 0)
        return chmod(path, mode) == 0 ? 0 : -errno; /* whatever the umask made of it */
    if (errno != EEXIST || lstat(path, &status) != 0)
        return -errno;
    if (!S_ISDIR(status.st_mode))
        return -ENOTDIR;
    return status.st_uid == geteuid() && (status.st_mode & 022) == 0 ? 0 : -EPERM;
}

int plan_cache_path(char **ret_path, const struct prepared *prepared)
{
    char folder[64], plans[80];
    struct compile_options options = compile_options_for(&prepared->config);
    uint64_t policy = mix(prepared->config.identity, &options.gpu, sizeof(options.gpu));
    policy = mix(policy, options.source, strlen(options.source));
    policy = mix(policy, NODEWISE_VERSION, strlen(NODEWISE_VERSION));
    if (prepared->refuse_at_start)
        policy = mix(policy, "refuse", strlen("refuse"));
    snprintf(folder, sizeof(folder), SEGMENT_DIR_PREFIX "%u", (unsigned)geteuid());
    snprintf(plans, sizeof(plans), "%s/plans", folder);
    int error = own_folder(folder);
    if (error == 0)
        error = own_folder(plans);
    if (error < 0)
        return error;
    return asprintf(ret_path, "%s/%016llx-%016llx.v%u.plan", plans, (unsigned long long)policy,
                    (unsigned long long)machine_fingerprint(), PLAN_VERSION) < 0
               ? -ENOMEM
               : 0;
}

static unsigned file_mode(void)
{
    return geteuid() == 0 ? 0644 : 0600;
}

/* The policy's own plan and those of the shares of it. */
static int get_whole(char **ret_path, struct prepared *prepared, const struct policy_options *options)
{
    char *path = NULL;
    int error = plan_cache_path(&path, prepared);
    if (error < 0) {
        print_error("the folder for plans, " SEGMENT_DIR_PREFIX
                    "%u, cannot be used: %s: use `nodewise compile -o FILE` "
                    "and NODEWISE_PLAN=FILE",
                    (unsigned)geteuid(), error == -EPERM ? "another user can write to it" : strerror(-error));
        return EXIT_MACHINE;
    }
    if (!plan_file_is_sound(path)) {
        int status = prepare_plan(prepared, options, TALK_WARNINGS);
        /* the shares first: where the policy's plan is, they are */
        error = status == EXIT_OK ? share_plans_write(path, prepared, file_mode()) : 0;
        if (status == EXIT_OK && error == 0)
            error = plan_file_write(path, &prepared->plan, file_mode());
        if (error < 0) {
            print_error("%s cannot be written: %s", path, strerror(-error));
            status = EXIT_MACHINE;
        }
        if (status != EXIT_OK) {
            free(path);
            return status;
        }
    }
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
    int error = share_plan_of_portion(&own, path, prepared, options, portion, before, file_mode());
    if (error < 0) {
        print_error("the plan of share %u cannot be made: %s", portion.share, strerror(-error));
        free(path);
        return EXIT_MACHINE;
    }
    *ret_path = either(own, path);
    return EXIT_OK;
}
