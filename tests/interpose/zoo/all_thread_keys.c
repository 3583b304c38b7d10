/* Takes every pthread key there is: a library that needs one would be left without. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

static void *body(void *argument)
{
    return argument;
}

int main(void)
{
    pthread_key_t key;
    pthread_t thread;
    int keys = 0;
    while (pthread_key_create(&key, NULL) == 0)
        keys++;
    printf("%d\n", keys >= PTHREAD_KEYS_MAX - 4);
    if (pthread_create(&thread, NULL, body, NULL) != 0)
        return 1;
    return pthread_join(thread, NULL);
}
