/* How many CPUs a program believes in, asked in every way; in main and in a thread. */
#include <ctype.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* How many lines begin with the word, at most as many blanks, and a digit. */
static int lines_of(const char *path, const char *word, size_t blanks)
{
    char line[4096];
    int count = 0;
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof(line), file)) {
        const char *number = line + strlen(word);
        if (strncmp(line, word, strlen(word)) != 0)
            continue;
        number += strspn(number, "\t :");
        count += isdigit((unsigned char)*number) && number <= line + strlen(word) + blanks;
    }
    if (file)
        fclose(file);
    return count;
}

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
    printf("%s sysconf %ld get_nprocs %d affinity %d pthread %d cpuinfo %d stat %d sysfs %s", (const char *)label,
           sysconf(_SC_NPROCESSORS_ONLN), get_nprocs(), CPU_COUNT(&set), CPU_COUNT(&own),
           lines_of("/proc/cpuinfo", "processor", 3), lines_of("/proc/stat", "cpu", 0), text);
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
