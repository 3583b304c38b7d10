/*
 * A thread that is named "io": named_in_every_way syscall|file|stream|other. By the system call, by its file in /proc
 * (open or fopen), or by another thread. Says "ready" and waits for the end of its input.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *way;
static pthread_barrier_t done;

static int is(const char *name)
{
    return !strcmp(way, name);
}

static void name_by_file(void)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/task/%ld/comm", syscall(SYS_gettid));
    if (is("file")) {
        int fd = open(path, O_WRONLY);
        if (write(fd, "io", 2) != 2)
            perror(path);
        close(fd);
    } else {
        FILE *file = fopen(path, "w");
        if (!file || fputs("io", file) < 0 || fclose(file) != 0)
            perror(path);
    }
}

static void *work(void *unused)
{
    if (is("syscall"))
        syscall(SYS_prctl, PR_SET_NAME, "io", 0, 0, 0);
    else if (!is("other"))
        name_by_file();
    pthread_barrier_wait(&done);
    pause();
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 2)
        return 2;
    way = argv[1];
    pthread_barrier_init(&done, NULL, 2);
    pthread_create(&thread, NULL, work, NULL);
    pthread_barrier_wait(&done);
    if (is("other"))
        pthread_setname_np(thread, "io");
    puts("ready");
    fflush(stdout);
    getchar();
    return 0;
}
