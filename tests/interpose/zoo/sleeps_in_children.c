/*
 * A server that forks N children; it and each of them says on which CPUs it may run. With a second argument they do so
 * as programs of their own, by exec.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_cpus(void)
{
    char line[256];
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof(line), file))
        if (!strncmp(line, "Cpus_allowed_list:", 18))
            fputs(line + 19, stdout);
    if (file)
        fclose(file);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 4, ends[2];
    char unused;
    if (pipe(ends) != 0)
        return 1;
    print_cpus();
    for (int i = 0; i < count; i++)
        if (fork() == 0) {
            close(ends[1]);
            if (argc > 2)
                execl("/proc/self/exe", argv[0], "0", NULL);
            print_cpus();
            return read(ends[0], &unused, 1) < 0; /* until the parent has all of them */
        }
    close(ends[1]);
    while (wait(NULL) > 0)
        ;
    return 0;
}
