/*
 * keeps: memory that is mapped and touched, and a thread beside the first one, until it may go.
 *
 *   keeps MIB NAME READY GO    maps and touches so much, makes a thread of that name and the file READY, and ends when the
 *                              file GO exists
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define APART ((size_t)2 << 20)

static const char *go;

static void *stay(void *name)
{
    pthread_setname_np(pthread_self(), name);
    while (access(go, F_OK) != 0)
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    size_t size = argc == 5 ? (size_t)atoi(argv[1]) << 20 : 0;
    pthread_t thread;
    if (!size)
        return 2;
    go = argv[4];
    /* with room around it that nothing else lies beside, so that it is a line of numa_maps */
    char *memory = mmap(NULL, size + 2 * APART, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory + APART, size, PROT_READ | PROT_WRITE) != 0)
        return 1;
    memory += APART;
    memset(memory, 1, size);
    if (pthread_create(&thread, NULL, stay, argv[2]) != 0)
        return 1;
    FILE *ready = fopen(argv[3], "w");
    if (!ready || fclose(ready) != 0)
        return 1;
    pthread_join(thread, NULL);
    return memory[size / 2] == 1 ? 0 : 1;
}
