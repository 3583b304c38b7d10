/*
 * setexpr_host: from a file, an address or a UUID to the name of the device behind it. Asks the running system, so it
 * means something only for this machine's topology.
 */
#ifndef NODEWISE_POLICY_SETEXPR_HOST_H
#define NODEWISE_POLICY_SETEXPR_HOST_H

#include <stddef.h>

/* The disk under the file system of path ("nvme0n1"; of a partition the whole disk). 0 or negative errno. */
int host_block_of_file(const char *path, char *ret_name, size_t size);
/* The network interface that has this IPv4 or IPv6 address. 0, -ENODEV or another negative errno. */
int host_netdev_of_address(const char *address, char *ret_name, size_t size);

/* Where NVIDIA's driver tells of its GPUs: FOLDER/PCI ADDRESS/information. */
#define HOST_NVIDIA_GPUS "/proc/driver/nvidia/gpus"

/*
 * The PCI address of the GPU with that UUID, or with the only one that begins so. folder: HOST_NVIDIA_GPUS. 0; -ENODEV: none
 * or several; or another negative errno.
 */
int host_gpu_of_uuid(const char *folder, const char *uuid, char *ret_address, size_t size);

#endif
