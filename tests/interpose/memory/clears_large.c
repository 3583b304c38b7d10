/*
 * Objects that calloc gives after others were there: zero, and resident only where they are used. Prints by how many MiB
 * the resident memory grew for each size, before any of the object was touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "resident.h"

#define MIB ((size_t)1 << 20)

static void check_zero(const unsigned char *block, size_t size)
{
    for (size_t i = 0; i < size; i += 512)
        if (block[i] || block[size - 1 - i]) {
            printf("not zero at %zu of %zu\n", i, size);
            exit(1);
        }
}

/* touched: bytes that the object before had in use. */
static void clear(size_t size, size_t touched)
{
    char *before = malloc(size);
    memset(before, 1, touched);
    free(before);
    long start = resident();
    unsigned char *block = calloc(1, size);
    printf("%ld\n", (resident() - start) / 1024);
    check_zero(block, size);
    free(block);
}

int main(void)
{
    static const size_t sizes[] = {96 * MIB, 100 * MIB + 12345, 600 * MIB};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        clear(sizes[i], 0);
        clear(sizes[i], sizes[i] / 3);
    }
    return 0;
}
