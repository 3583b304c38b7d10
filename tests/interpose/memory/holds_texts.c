/*
 * Holds blocks of all sizes, each with a text at its beginning and its end, and has freed as much; says "ready" and waits
 * for a line. Then it aborts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 40u

/* Put together here, lest a text is found where it is not held. */
static void write_text(char *place, unsigned number)
{
    char text[32];
    snprintf(text, sizeof(text), "%s-%s-%05u.", "held", "text", number);
    memcpy(place, text, 16);
}

int main(void)
{
    char *blocks[2 * COUNT];
    for (unsigned i = 0; i < 2 * COUNT; i++) {
        size_t size = (size_t)64 << (i / 2 % 20);
        blocks[i] = malloc(size);
        write_text(blocks[i], i);
        write_text(blocks[i] + size - 16, i);
    }
    for (unsigned i = 1; i < 2 * COUNT; i += 2)
        free(blocks[i]);
    puts("ready");
    fflush(stdout);
    if (getchar() == EOF)
        return 1;
    abort();
}
