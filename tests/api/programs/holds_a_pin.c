/* Pins itself to the CPU of its first argument; says its mask; for each line of its input pops, and says it again. */
#include <nodewise.h>
#include <poll.h>
#include <unistd.h>

#include "check.h"

static void say(const char *when)
{
    cpu_set_t mask = own_mask();
    printf("%s", when);
    for (int i = 0; i < CPU_COUNT(&mask); i++)
        printf(" %d", nth_cpu(mask, i));
    printf("\n");
    fflush(stdout);
}

/* Wakes up often: the preloaded library notices a request when the program passes by. */
static bool next_line(char *line)
{
    struct pollfd input;
    input.fd = 0;
    input.events = POLLIN;
    while (poll(&input, 1, 10) == 0)
        ;
    return read(0, line, 2) == 2;
}

int main(int argc, char **argv)
{
    struct nw_pin pin;
    char line[2];
    CHECK(argc > 1);
    say("before");
    CHECK(nw_pin_push(&pin, argv[1], NW_HARD, NULL) == 0);
    say("pinned");
    while (next_line(line)) {
        if (line[0] == 'p')
            CHECK(nw_pin_pop(&pin) == 0);
        say(line[0] == 'p' ? "popped" : "asked");
    }
    return 0;
}
