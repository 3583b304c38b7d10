/*
 * A thread that sets its own memory policy: own_policy WAY NODE. Prints the call's result, the mode and nodes that the
 * kernel then has for the thread, and the node of a page that it touches afterwards.
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

long set_mempolicy(int mode, const unsigned long *nodes, unsigned long most) __attribute__((weak));
long mbind(void *start, unsigned long size, int mode, const unsigned long *nodes, unsigned long most, unsigned flags)
    __attribute__((weak));

static const char *way;
static unsigned long node;

static int is(const char *name)
{
    return !strcmp(way, name);
}

static void *work(void *unused)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    char *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long nodes = 1ul << node, got[16] = {0};
    int mode = -1, where = -1;
    long result = -1;
    if (is("call"))
        result = syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 64ul);
    else if (is("library") && set_mempolicy)
        result = set_mempolicy(MPOL_BIND, &nodes, 64);
    else if (is("mbind"))
        result = syscall(SYS_mbind, page, size, MPOL_BIND, &nodes, 64ul, 0ul);
    page[0] = 1;
    syscall(SYS_get_mempolicy, &mode, got, 1024ul, NULL, 0ul);
    syscall(SYS_get_mempolicy, &where, NULL, 0ul, page, (unsigned long)(MPOL_F_NODE | MPOL_F_ADDR));
    printf("%ld %d %lx %d\n", result, mode, got[0], where);
    return unused;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc < 3)
        return 2;
    way = argv[1];
    node = strtoul(argv[2], NULL, 10);
    pthread_create(&thread, NULL, work, NULL);
    pthread_join(thread, NULL);
    return 0;
}
