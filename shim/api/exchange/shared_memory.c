#include "shim/api/exchange/shared_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/api/region.h"
#include "shim/base/page_size.h"

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

static size_t whole_pages(size_t size)
{
    return (size + page_size() - 1) & ~(page_size() - 1);
}

static int map(int fd, size_t size, void **ret_start)
{
    void *start = mmap(NULL, whole_pages(size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED)
        return -errno;
    *ret_start = start;
    return 0;
}

/* The policy is the memory's, whoever touches it first. A node that is full or forbidden is no reason to fail. */
static void prefer(void *start, size_t size, int32_t node)
{
    struct region_wish wish = {.length = whole_pages(size), .policy = NW_PREFERRED};
    if (node < 0 || node >= (int32_t)NODES_MAX)
        return;
    wish.nodes[node / 64] = UINT64_C(1) << node % 64;
    region_set_policy(start, &wish);
}

int shared_memory_make(const char *name, size_t size, int32_t node, void **ret_start, int *ret_fd)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    int error = ftruncate(fd, (off_t)whole_pages(size)) == 0 && fcntl(fd, F_ADD_SEALS, SEALS) == 0 ? 0 : -errno;
    if (!error)
        error = map(fd, size, ret_start);
    if (error) {
        close(fd);
        return error;
    }
    prefer(*ret_start, size, node);
    *ret_fd = fd;
    return 0;
}

int shared_memory_take(int fd, size_t size, void **ret_start)
{
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &status) != 0 || (size_t)status.st_size < size)
        return -EBADMSG;
    return map(fd, size, ret_start);
}

void shared_memory_free(void *start, size_t size)
{
    munmap(start, whole_pages(size));
}
