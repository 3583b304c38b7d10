/* Prints the memory policy of four threads and of main, "MODE NODES" each. With an argument, main first prefers node 0. */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *tell(void *argument)
{
    unsigned long nodes[16] = {0};
    int mode = -1;
    syscall(SYS_get_mempolicy, &mode, nodes, sizeof(nodes) * 8, NULL, 0);
    printf("%d %lx\n", mode, nodes[0]);
    return argument;
}

int main(int argc, char **argv)
{
    unsigned long first = 1;
    (void)argv;
    if (argc > 1 && syscall(SYS_set_mempolicy, MPOL_BIND, &first, 64) != 0)
        return 1;
    for (int i = 0; i < 4; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, tell, NULL) != 0 || pthread_join(thread, NULL) != 0)
            return 1;
    }
    tell(NULL);
    return 0;
}
