/* Locks itself in: from then on not one placing call may be made, and threads keep working. */
#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>

static void *body(void *argument)
{
    getchar();
    return argument;
}

int main(void)
{
    pthread_t thread;
    printf("%d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    fflush(stdout);
    pthread_create(&thread, NULL, body, NULL);
    return pthread_join(thread, NULL);
}
