/* The first allocations come before any constructor has run; the last ones after all destructors of the program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *early, *grown;

static void before(void)
{
    early = malloc(100);
    memset(early, 7, 100);
    grown = realloc(NULL, 10);
    strcpy(grown, "grown");
    free(malloc(5000));
    free(calloc(10, 10));
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = before;

__attribute__((destructor)) static void after(void)
{
    char *late = malloc(1000);
    memset(late, 1, 1000);
    late = realloc(late, 100000);
    free(late);
    free(early);
    if (write(1, "late\n", 5) != 5)
        _exit(1);
}

int main(void)
{
    grown = realloc(grown, 100000);
    puts(early[99] == 7 && !strcmp(grown, "grown") ? "early" : "lost");
    free(grown);
    return 0;
}
