/* How many CPUs a program believes in, asked in every way; in main and in a thread. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

static void *count(void *label)
{
    cpu_set_t set, own;
    char text[64] = "?\n";
    FILE *file = fopen("/sys/devices/system/cpu/online", "r");
    sched_getaffinity(0, sizeof(set), &set);
    pthread_getaffinity_np(pthread_self(), sizeof(own), &own);
    if (!file || !fgets(text, sizeof(text), file))
        printf("unreadable\n");
    if (file)
        fclose(file);
    printf("%s sysconf %ld get_nprocs %d affinity %d pthread %d sysfs %s", (const char *)label,
           sysconf(_SC_NPROCESSORS_ONLN), get_nprocs(), CPU_COUNT(&set), CPU_COUNT(&own), text);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    count((void *)"main");
    pthread_create(&thread, NULL, count, (void *)"thread");
    pthread_join(thread, NULL);
    return 0;
}
