/*
 * A thread that reads its mask, and that sets one before: reads_back [CPUS]…, as in `reads_back - 0 0,1`. For each word a
 * line: what the calls say then, and what the kernel lists.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

static void print_set(const char *label, const cpu_set_t *set)
{
    const char *separator = " ";
    printf("%s", label);
    for (int id = 0; id < CPU_SETSIZE; id++)
        if (CPU_ISSET(id, set)) {
            printf("%s%d", separator, id);
            separator = ",";
        }
}

static void print_kernels(void)
{
    char line[256];
    FILE *file = fopen("/proc/thread-self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (!strncmp(line, "Cpus_allowed_list:", 18))
            printf(" kernel %s", line + 19);
    if (file)
        fclose(file);
}

static void set(const char *cpus)
{
    cpu_set_t wanted;
    CPU_ZERO(&wanted);
    for (const char *at = cpus; *at; at++)
        if (*at >= '0' && *at <= '9')
            CPU_SET(*at - '0', &wanted);
    if (CPU_COUNT(&wanted) && sched_setaffinity(0, sizeof(wanted), &wanted) != 0)
        perror("sched_setaffinity");
}

static void *work(void *words)
{
    for (char **word = words; *word; word++) {
        cpu_set_t one, other;
        set(*word);
        sched_getaffinity(0, sizeof(one), &one);
        pthread_getaffinity_np(pthread_self(), sizeof(other), &other);
        print_set("sched", &one);
        print_set(" pthread", &other);
        print_kernels();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    (void)argc;
    pthread_create(&thread, NULL, work, argv + 1);
    pthread_join(thread, NULL);
    return 0;
}
