/*
 * file_in_memory: a file that the ledger and the board can be given instead of a real one. It counts what is asked of it,
 * has no more room than it is given, and can stop in the middle of a writer's work as if the writer had died.
 */
#ifndef NODEWISE_TESTS_FILE_IN_MEMORY_H
#define NODEWISE_TESTS_FILE_IN_MEMORY_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct file_in_memory {
    char *data;
    size_t size, room;
    unsigned long reads, writes;
    unsigned long until_death; /* writes that are still done; then the writer is dead, and none is */
};

/* The functions of struct ledger_file and struct board_file. context: a struct file_in_memory. */
static inline long file_in_memory_read(void *context, uint64_t offset, void *ret_data, size_t size)
{
    struct file_in_memory *file = context;
    file->reads++;
    if (offset >= file->size)
        return 0;
    if (size > file->size - offset)
        size = file->size - offset;
    memcpy(ret_data, file->data + offset, size);
    return (long)size;
}

static inline int file_in_memory_write(void *context, uint64_t offset, const void *data, size_t size)
{
    struct file_in_memory *file = context;
    file->writes++;
    if (!file->until_death)
        return -EIO;
    file->until_death--;
    if (size > file->room || offset > file->room - size)
        return -ENOSPC;
    memcpy(file->data + offset, data, size);
    if (offset + size > file->size)
        file->size = offset + size;
    return 0;
}

#endif
