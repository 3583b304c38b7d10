/* One thread that allocates much and little, keeps some, and says what it found in it. Ends with 3. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/abuse/programs/limit.h"

#define BLOCKS 400

static unsigned char *blocks[BLOCKS];

static size_t size_of(unsigned number)
{
    return number % 40 == 0 ? (size_t)1 << 20 : number % 9 == 0 ? 70000 : 16 + number;
}

static void fill(unsigned number)
{
    size_t size = size_of(number);
    blocks[number] = number % 2 ? malloc(size) : calloc(1, size);
    if (!blocks[number])
        exit(1);
    memset(blocks[number], (int)number, size);
}

int main(void)
{
    unsigned long sum = 0;
    for (unsigned round = 0; round < 3; round++) {
        if (round == 1)
            limit_itself();
        for (unsigned i = 0; i < BLOCKS; i++)
            fill(i);
        for (unsigned i = 0; i < BLOCKS; i++) {
            unsigned char *block = realloc(blocks[i], size_of(i) * 2);
            if (!block)
                return 1;
            sum += block[size_of(i) - 1];
            blocks[i] = block;
        }
        for (unsigned i = round; i < BLOCKS; i += 1)
            free(blocks[i]);
    }
    printf("alone %lu\n", sum);
    return 3;
}
