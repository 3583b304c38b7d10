/*
 * Sets itself a limit at run time and tells in MiB how far it comes: by blocks of malloc, large and small, and by
 * mappings; whether a thread, a library and a child can still be had; and what it gets when the limit is gone.
 *
 *   meets_limits WAY RESOURCE MIB [USED]
 *
 * WAY: setrlimit, setrlimit64, prlimit, prlimit64, sys_prlimit64, sys_setrlimit, or "outside": it prints "ready" and waits
 * for a line. RESOURCE: as, data. USED: MiB that it uses and frees before, and as large a block that it keeps growing.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB  ((size_t)1 << 20)
#define MOST 1500u /* MiB; without an end, where nothing limits */

static int set(const char *way, int resource, rlim_t most)
{
    struct rlimit limit = {most, RLIM_INFINITY};
    struct rlimit64 limit64 = {most, RLIM64_INFINITY};
    if (!strcmp(way, "setrlimit64"))
        return setrlimit64(resource, &limit64);
    if (!strcmp(way, "prlimit"))
        return prlimit(getpid(), resource, &limit, NULL);
    if (!strcmp(way, "prlimit64"))
        return prlimit64(0, resource, &limit64, NULL);
    if (!strcmp(way, "sys_prlimit64"))
        return (int)syscall(SYS_prlimit64, 0, resource, &limit64, NULL);
#ifdef SYS_setrlimit
    if (!strcmp(way, "sys_setrlimit"))
        return (int)syscall(SYS_setrlimit, resource, &limit);
#endif
    return setrlimit(resource, &limit);
}

static size_t by_blocks(size_t size)
{
    char **first = NULL;
    size_t count = 0;
    for (char **block; count < MOST * MIB / size && (block = malloc(size)); count++) {
        *block = (char *)first;
        first = block;
    }
    while (first) {
        char **next = (char **)*first;
        free(first);
        first = next;
    }
    return count * size / MIB;
}

/* Two blocks that grow in turn: glibc moves neither's memory. */
static size_t by_growth(void)
{
    char *blocks[2] = {NULL, NULL};
    size_t grown = 0;
    for (size_t size = 1000; size < MOST * MIB; size += size / 8 + 1) {
        for (int i = 0; i < 2; i++) {
            char *block = realloc(blocks[i], size);
            if (!block)
                goto out;
            block[size - 1] = 1;
            blocks[i] = block;
        }
        grown = 2 * size;
    }
out:
    free(blocks[0]);
    free(blocks[1]);
    return grown / MIB;
}

static size_t by_mappings(void)
{
    size_t count = 0;
    char *mappings[MOST];
    for (; count < MOST; count++) {
        mappings[count] = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (mappings[count] == MAP_FAILED)
            break;
    }
    for (size_t i = 0; i < count; i++)
        munmap(mappings[i], MIB);
    return count;
}

static void *in_thread(void *argument)
{
    free(malloc(100000));
    return argument;
}

static int thread_works(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, in_thread, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static int child_works(void)
{
    int status;
    pid_t child = fork();
    if (child == 0)
        _exit(thread_works() && by_blocks(MIB) ? 7 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7;
}

static void use(size_t size)
{
    static void *kept;
    for (size_t i = 0; i < 4; i++) {
        char *block = malloc(size / 4 * (i % 2 + 1));
        if (block)
            memset(block, 1, size / 4);
        free(block);
    }
    for (size_t i = 0; i < 2000; i++)
        kept = realloc(kept, 100 + 1000 * i); /* it keeps growing */
}

int main(int argc, char **argv)
{
    int resource = !strcmp(argv[2], "as") ? RLIMIT_AS : RLIMIT_DATA;
    setvbuf(stdout, NULL, _IOLBF, 4096);
    if (argc > 4)
        use(strtoul(argv[4], NULL, 10) * MIB);
    if (!strcmp(argv[1], "outside")) {
        puts("ready");
        if (getchar() == EOF)
            return 1;
    } else if (set(argv[1], resource, strtoul(argv[3], NULL, 10) * MIB) != 0) {
        return 1;
    }
    printf("mappings %zu\n", by_mappings());
    printf("thread %d\n", thread_works());
    printf("library %d\n", dlopen("libm.so.6", RTLD_NOW) != NULL);
    printf("child %d\n", child_works());
    printf("growing %zu\n", by_growth());
    printf("large %zu\n", by_blocks(MIB));
    printf("small %zu\n", by_blocks(1000)); /* the last, because glibc keeps some of them */
    printf("raised %d\n", set("setrlimit", resource, RLIM_INFINITY));
    printf("unlimited %zu\n", by_blocks(MIB));
    return 0;
}
