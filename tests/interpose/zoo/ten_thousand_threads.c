/* Short-lived threads, some at once: every record and slot is used many times over. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

static atomic_int ran;

static void *body(void *argument)
{
    ran++;
    return argument;
}

int main(void)
{
    pthread_t threads[50];
    for (int round = 0; round < 200; round++) {
        for (int i = 0; i < 50; i++)
            if (pthread_create(&threads[i], NULL, body, NULL) != 0)
                return 1;
        for (int i = 0; i < 50; i++)
            pthread_join(threads[i], NULL);
    }
    printf("%d\n", ran);
    getchar();
    return 0;
}
