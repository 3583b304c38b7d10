/* A program that brings its own malloc: nothing of ours is called, and libc's own calls find the program's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char pool[1 << 20];
static size_t used;
static unsigned calls;

void *malloc(size_t size)
{
    size_t start = (used + 15 + 16) & ~(size_t)15;
    calls++;
    used = start + size;
    memcpy(pool + start - sizeof(size), &size, sizeof(size));
    return used < sizeof(pool) ? pool + start : NULL;
}

void *calloc(size_t count, size_t size)
{
    return malloc(count * size);
}

void *realloc(void *pointer, size_t size)
{
    size_t old = 0;
    void *block = malloc(size);
    if (pointer)
        memcpy(&old, (char *)pointer - sizeof(old), sizeof(old));
    return pointer ? memcpy(block, pointer, old < size ? old : size) : block;
}

void free(void *pointer)
{
    if (pointer && ((char *)pointer < pool || (char *)pointer >= pool + sizeof(pool)))
        abort();
}

int main(void)
{
    unsigned before = calls;
    char *text = strdup("text");
    printf("%s %d\n", text, calls > before);
    free(text);
    return 0;
}
