/*
 * Does what its standard input says, a line each time, and answers each with a line once it is done:
 *   create [NAME]   a thread that waits; it gives itself the name first
 *   name I NAME     names the I-th thread that was made, from the first thread
 *   widen I         sets its affinity to all CPUs of the start, from the first thread
 *   pin I CPU       sets its affinity to that CPU, from the first thread
 *   end I           lets it end
 *   burst N NAME    makes N threads and names each before it has run, where the kernel gives this thread the right to
 *                   keep its CPU
 *   fork            goes on in a child; the answer is its number
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 256

static struct made {
    pthread_t thread;
    char name[16];
    int over;
} made[MOST];
static int count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t named;

static void *wait_for_the_end(void *argument)
{
    struct made *mine = argument;
    if (*mine->name) {
        pthread_setname_np(pthread_self(), mine->name);
        pthread_barrier_wait(&named);
    }
    pthread_mutex_lock(&lock);
    while (!mine->over)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void make(const char *name)
{
    struct made *one = &made[count++];
    one->over = 0;
    strcpy(one->name, name);
    pthread_create(&one->thread, NULL, wait_for_the_end, one);
    if (*name)
        pthread_barrier_wait(&named);
}

static void end(int number)
{
    pthread_mutex_lock(&lock);
    made[number - 1].over = 1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(made[number - 1].thread, NULL);
}

static void pin(int number, int cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    pthread_setaffinity_np(made[number - 1].thread, sizeof(one), &one);
}

/* The threads run as ordinary ones, and not before this one waits. */
static void burst(int threads, const char *name)
{
    sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1});
    for (int i = 0; i < threads; i++) {
        make("");
        pthread_setname_np(made[count - 1].thread, name);
    }
    sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){.sched_priority = 0});
}

static void fork_and_wait(void)
{
    pid_t child;
    fflush(stdout);
    child = fork();
    if (child > 0) {
        waitpid(child, NULL, 0);
        _exit(0);
    }
    count = 0;
    printf("%d\n", (int)getpid());
}

int main(void)
{
    char line[64], word[16], name[16];
    cpu_set_t all;
    int number, cpu;
    setvbuf(stdin, NULL, _IONBF, 0); /* a child finds the rest of it */
    pthread_barrier_init(&named, NULL, 2);
    sched_getaffinity(0, sizeof(all), &all);
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        *name = '\0';
        if (sscanf(line, "%15s", word) != 1)
            return 2;
        if (!strcmp(word, "create")) {
            sscanf(line, "create %15s", name);
            make(name);
        } else if (sscanf(line, "name %d %15s", &number, name) == 2) {
            pthread_setname_np(made[number - 1].thread, name);
        } else if (sscanf(line, "widen %d", &number) == 1) {
            pthread_setaffinity_np(made[number - 1].thread, sizeof(all), &all);
        } else if (sscanf(line, "pin %d %d", &number, &cpu) == 2) {
            pin(number, cpu);
        } else if (sscanf(line, "end %d", &number) == 1) {
            end(number);
        } else if (sscanf(line, "burst %d %15s", &number, name) == 2) {
            burst(number, name);
        } else if (!strcmp(word, "fork")) {
            fork_and_wait();
        } else {
            return 2;
        }
        puts("done");
        fflush(stdout);
    }
    return 0;
}
