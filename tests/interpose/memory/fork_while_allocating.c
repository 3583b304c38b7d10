/* Four threads allocate without a pause while the main thread forks: each child allocates, frees and ends. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static _Atomic int over;

static void use(unsigned seed, unsigned count)
{
    void *blocks[64] = {0};
    for (unsigned i = 0; i < count; i++) {
        seed = seed * 1103515245 + 12345;
        void **slot = &blocks[seed >> 8 & 63];
        free(*slot);
        size_t size = (seed >> 16 & 15) ? seed >> 16 & 2047 : (seed >> 12 & 1023) * 256;
        *slot = malloc(size + 1);
        memset(*slot, 1, size + 1);
    }
    for (unsigned i = 0; i < 64; i++)
        free(blocks[i]);
}

static void *allocate(void *argument)
{
    for (unsigned seed = *(unsigned *)argument; !atomic_load(&over); seed++)
        use(seed, 500);
    return NULL;
}

int main(void)
{
    pthread_t threads[4];
    unsigned seeds[4] = {1, 1000, 2000, 3000}, well = 0;
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, allocate, &seeds[i]);
    for (unsigned i = 0; i < 300; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            use(i, 2000);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        well += WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    atomic_store(&over, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    printf("%u children of 300 ended well\n", well);
    return well != 300;
}
