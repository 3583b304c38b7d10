/* A thread that names itself through prctl, as programs older than pthread_setname_np do. */
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

static void *body(void *argument)
{
    char name[16] = "";
    prctl(PR_SET_NAME, "worker-1", 0, 0, 0);
    prctl(PR_GET_NAME, name);
    puts(name);
    fflush(stdout);
    getchar();
    return argument;
}

int main(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, body, NULL);
    return pthread_join(thread, NULL);
}
