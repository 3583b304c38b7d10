/*
 * A program that does what interposers look at: blocks of all kinds and sizes in several threads, threads with names,
 * mappings, files, a library that is loaded, a child. What it prints is the same each time.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define BLOCKS 100u
#define ROUNDS 3000u

static unsigned long sum_of(const unsigned char *block, size_t size)
{
    return size ? block[0] + (unsigned long)block[size - 1] : 0;
}

static void *allocate(unsigned random, size_t size)
{
    void *block = NULL;
    switch (random % 5) {
    case 0:
        return calloc(size / 8 + 1, 8);
    case 1:
        return posix_memalign(&block, 64, size) == 0 ? block : NULL;
    case 2:
        return realloc(malloc(size / 2 + 1), size);
    default:
        return malloc(size);
    }
}

static unsigned long churn(unsigned random)
{
    unsigned char *blocks[BLOCKS] = {0};
    unsigned long sum = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        random = random * 1103515245 + 12345;
        unsigned place = (random >> 8) % BLOCKS;
        size_t size = round % 500 ? 16 + (random >> 12) % 3000 : 300000;
        free(blocks[place]);
        blocks[place] = allocate(random >> 20, size);
        if (!blocks[place] || malloc_usable_size(blocks[place]) < size)
            abort();
        memset(blocks[place], (int)place, size);
        sum += sum_of(blocks[place], size);
    }
    for (unsigned place = 0; place < BLOCKS; place++)
        free(blocks[place]);
    return sum;
}

static void *work(void *argument)
{
    char name[16];
    snprintf(name, sizeof(name), "worker-%ld", (long)argument);
    pthread_setname_np(pthread_self(), name);
    char *memory = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        abort();
    memset(memory, 1, 1 << 20);
    munmap(memory, 1 << 20);
    return (void *)churn((unsigned)(long)argument);
}

static unsigned long run_threads(unsigned count)
{
    pthread_t threads[8];
    unsigned long sum = 0;
    void *result;
    for (unsigned i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, (void *)(long)i) != 0)
            abort();
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], &result);
        sum += (unsigned long)result;
    }
    return sum;
}

static int run_child(void)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit((int)(run_threads(2) % 100));
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
    char text[8] = "";
    printf("main %lu\n", churn(7));
    printf("threads %lu\n", run_threads(4));
    int file = open("/proc/self/comm", O_RDONLY);
    printf("read %zd %s\n", read(file, text, 7), text);
    close(file);
    printf("library %d\n", dlopen("libm.so.6", RTLD_NOW) != NULL);
    printf("child %d\n", run_child());
    fprintf(stderr, "this goes to stderr\n");
    return 5;
}
