#include "policy/setexpr_host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libgen.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int copy_name(const char *name, char *ret_name, size_t size)
{
    return snprintf(ret_name, size, "%s", name) < (int)size ? 0 : -ENAMETOOLONG;
}

/* sysfs links a device number to …/block/DISK or …/block/DISK/PARTITION (Documentation/ABI/testing/sysfs-dev). */
int host_block_of_file(const char *path, char *ret_name, size_t size)
{
    struct stat status;
    char link[64], partition[80];
    if (stat(path, &status) != 0)
        return -errno;
    snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(status.st_dev), minor(status.st_dev));
    char *target = realpath(link, NULL);
    if (!target)
        return -ENODEV; /* tmpfs, overlayfs, NFS: no disk */
    snprintf(partition, sizeof(partition), "%s/partition", link);
    char *disk = access(partition, F_OK) == 0 ? dirname(target) : target;
    int error = copy_name(basename(disk), ret_name, size);
    free(target);
    return error;
}

static bool has_address(const struct ifaddrs *interface, int family, const void *address)
{
    if (!interface->ifa_addr || interface->ifa_addr->sa_family != family)
        return false;
    if (family == AF_INET)
        return memcmp(&((const struct sockaddr_in *)(const void *)interface->ifa_addr)->sin_addr, address, 4) == 0;
    return memcmp(&((const struct sockaddr_in6 *)(const void *)interface->ifa_addr)->sin6_addr, address, 16) == 0;
}

int host_netdev_of_address(const char *address, char *ret_name, size_t size)
{
    unsigned char binary[16];
    struct ifaddrs *interfaces;
    int family = strchr(address, ':') ? AF_INET6 : AF_INET, error = -ENODEV;
    if (inet_pton(family, address, binary) != 1)
        return -EINVAL;
    if (getifaddrs(&interfaces) != 0)
        return -errno;
    for (const struct ifaddrs *interface = interfaces; interface && error == -ENODEV; interface = interface->ifa_next)
        if (has_address(interface, family, binary))
            error = copy_name(interface->ifa_name, ret_name, size);
    freeifaddrs(interfaces);
    return error;
}

/* A line "GPU UUID:        GPU-01234567-…" of the driver's. */
static bool has_uuid(const char *folder, const char *address, const char *uuid)
{
    char path[512], line[256], found[128];
    bool has = false;
    if (snprintf(path, sizeof(path), "%s/%s/information", folder, address) >= (int)sizeof(path))
        return false;
    FILE *file = fopen(path, "re");
    while (file && !has && fgets(line, sizeof(line), file))
        has = sscanf(line, "GPU UUID: %127s", found) == 1 && strncasecmp(found, uuid, strlen(uuid)) == 0;
    if (file)
        fclose(file);
    return has;
}

int host_gpu_of_uuid(const char *folder, const char *uuid, char *ret_address, size_t size)
{
    DIR *gpus = opendir(folder);
    unsigned found = 0;
    int error = 0;
    if (!gpus)
        return -errno;
    for (struct dirent *gpu; error == 0 && (gpu = readdir(gpus));)
        if (gpu->d_name[0] != '.' && has_uuid(folder, gpu->d_name, uuid) && ++found == 1)
            error = copy_name(gpu->d_name, ret_address, size);
    closedir(gpus);
    return error ? error : found == 1 ? 0 : -ENODEV;
}
