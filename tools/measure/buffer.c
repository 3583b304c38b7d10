#include "tools/measure/buffer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE    ((size_t)2 << 20) /* of most machines; where it is another size, these are fewer or more of them */
#define SAMPLED_MOST 256u              /* pages whose node is asked, at even distances */

/* --- where the pages are --- */

/* 0; -EXDEV or another negative errno, with words. */
static int prove_place(const struct buffer *buffer, const struct numa_library *numa, unsigned node, char *ret_why)
{
    void *pages[SAMPLED_MOST];
    int nodes[SAMPLED_MOST];
    for (size_t i = 0; i < SAMPLED_MOST; i++)
        pages[i] = (char *)buffer->memory + (buffer->size - 1) / (SAMPLED_MOST - 1) * i;
    if (numa->move_pages(0, SAMPLED_MOST, pages, NULL, nodes, 0) != 0) {
        int error = -errno;
        snprintf(ret_why, WHY_SIZE, "the kernel does not tell where its pages are: %s", strerror(-error));
        return error;
    }
    for (size_t i = 0; i < SAMPLED_MOST; i++) {
        if (nodes[i] < 0)
            snprintf(ret_why, WHY_SIZE, "the kernel does not tell where a page is: %s", strerror(-nodes[i]));
        else if ((unsigned)nodes[i] != node)
            snprintf(ret_why, WHY_SIZE, "pages are on node %d", nodes[i]);
        else
            continue;
        return -EXDEV;
    }
    return 0;
}

/* --- huge pages --- */

/* "7f0000000000-7f0040000000 rw-p …": the mappings that lie in the buffer; libnuma's binding gave it one of its own. */
static bool is_within(const char *line, const struct buffer *buffer)
{
    unsigned long first, end;
    unsigned long from = (unsigned long)buffer->memory;
    return sscanf(line, "%lx-%lx ", &first, &end) == 2 && first >= from && end <= from + buffer->size;
}

static uint64_t count_huge(const struct buffer *buffer)
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    unsigned long long kib, sum = 0;
    char line[512];
    bool within = false;
    while (smaps && fgets(line, sizeof(line), smaps)) {
        bool is_field = line[0] >= 'A' && line[0] <= 'Z';
        if (!is_field)
            within = is_within(line, buffer);
        else if (within && sscanf(line, "AnonHugePages: %llu kB", &kib) == 1)
            sum += kib;
    }
    if (smaps)
        fclose(smaps);
    return sum << 10;
}

/* --- all --- */

static int map(struct buffer *ret_buffer, size_t size)
{
    struct buffer buffer = {.size = size, .mapped = size + HUGE_PAGE};
    buffer.mapping = mmap(NULL, buffer.mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer.mapping == MAP_FAILED)
        return -errno;
    size_t behind = (size_t)(uintptr_t)buffer.mapping % HUGE_PAGE;
    buffer.memory = (char *)buffer.mapping + (behind ? HUGE_PAGE - behind : 0);
    *ret_buffer = buffer;
    return 0;
}

int buffer_make(struct buffer *ret_buffer, const struct numa_library *numa, unsigned node, size_t size,
                char ret_why[WHY_SIZE])
{
    struct buffer buffer = {0};
    int error = map(&buffer, size);
    if (error < 0) {
        snprintf(ret_why, WHY_SIZE, "no memory: %s", strerror(-error));
        return error;
    }
    numa->set_bind_policy(1);
    numa->set_strict(1);
    numa->tonode_memory(buffer.memory, size, (int)node);
    madvise(buffer.memory, size, MADV_HUGEPAGE); /* what came of it is read back */
    for (size_t at = 0; at < size; at += (size_t)sysconf(_SC_PAGESIZE))
        ((volatile char *)buffer.memory)[at] = 0;
    error = prove_place(&buffer, numa, node, ret_why);
    if (error < 0) {
        buffer_free(&buffer);
        return error;
    }
    buffer.huge_bytes = count_huge(&buffer);
    *ret_buffer = buffer;
    return 0;
}

void buffer_free(struct buffer *buffer)
{
    munmap(buffer->mapping, buffer->mapped);
    *buffer = (struct buffer){0};
}
