/*
 * THREADS threads in a row, the first ones of each STEP busy and the others asleep: some_are_busy THREADS STEP [late].
 * late: 300 ms afterwards one more that is busy. Ends with its standard input.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_bool over;

static void *spin(void *unused)
{
    while (!over)
        ;
    return unused;
}

static void *rest(void *unused)
{
    while (!over)
        usleep(50000);
    return unused;
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 4, step = argc > 2 ? atoi(argv[2]) : 2;
    bool late = argc > 3 && strcmp(argv[3], "late") == 0;
    pthread_t *threads = calloc((size_t)count + 1, sizeof(*threads));
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, i % step ? rest : spin, NULL);
    if (late) {
        usleep(300000);
        pthread_create(&threads[count++], NULL, spin, NULL);
    }
    puts("ready");
    fflush(stdout);
    poll(&input, 1, -1);
    over = 1;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    return 0;
}
