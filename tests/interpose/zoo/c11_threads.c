/* thrd_create, whose result is an int and whose pthread_create no hook sees. */
#include <stdio.h>
#include <threads.h>

static int body(void *argument)
{
    getchar();
    return *(int *)argument;
}

int main(void)
{
    thrd_t thread;
    int value = 42, result = 0;
    if (thrd_create(&thread, body, &value) != thrd_success || thrd_join(thread, &result) != thrd_success)
        return 1;
    printf("%d\n", result);
    return 0;
}
