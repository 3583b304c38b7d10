/* Blocks in a list, the newest first; an allocation that does not fit the newest gets a block of its own. */
#include "policy/pool.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 16 * 1024 };

struct pool_block {
    struct pool_block *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

static struct pool_block *add_block(struct pool *pool, size_t size)
{
    struct pool_block *block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    block->size = size;
    block->next = pool->blocks;
    pool->blocks = block;
    return block;
}

void *pool_alloc(struct pool *pool, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + align - 1) & ~(align - 1);

    struct pool_block *block = pool->blocks;
    if (!block || block->size - block->used < size) {
        block = add_block(pool, size > BLOCK_SIZE ? size : BLOCK_SIZE);
        if (!block)
            return NULL;
    }
    void *memory = block->bytes + block->used;
    block->used += size;
    return memory;
}

char *pool_strndup(struct pool *pool, const char *text, size_t length)
{
    char *copy = pool_alloc(pool, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

char *pool_strdup(struct pool *pool, const char *text)
{
    return pool_strndup(pool, text, strlen(text));
}

void pool_free(struct pool *pool)
{
    while (pool->blocks) {
        struct pool_block *next = pool->blocks->next;
        free(pool->blocks);
        pool->blocks = next;
    }
}
