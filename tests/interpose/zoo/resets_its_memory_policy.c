/*
 * For each line that it reads, a thread sets its memory policy back to the default: "call" through libc's syscall(2),
 * "instruction" by the instruction itself, which no library sees. "undumpable": the
 * process may not be looked at any more.
 */
#include <linux/mempolicy.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static sem_t go, done;
static char line[32];

static long reset_by_instruction(void)
{
#if defined(__x86_64__)
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(SYS_set_mempolicy), "D"(MPOL_DEFAULT), "S"(NULL), "d"(0)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long number __asm__("x8") = SYS_set_mempolicy;
    register long result __asm__("x0") = MPOL_DEFAULT;
    register void *nodes __asm__("x1") = NULL;
    register long most __asm__("x2") = 0;
    __asm__ volatile("svc 0" : "+r"(result) : "r"(number), "r"(nodes), "r"(most) : "memory");
    return result;
#else
#error "the instruction of this architecture is not known here"
#endif
}

static void *work(void *argument)
{
    for (;;) {
        sem_wait(&go);
        long result = -1;
        if (!strncmp(line, "instruction", 11))
            result = reset_by_instruction();
        if (!strncmp(line, "call", 4))
            result = syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
        if (!strncmp(line, "undumpable", 10))
            result = prctl(PR_SET_DUMPABLE, 0);
        printf("%ld\n", result);
        fflush(stdout);
        sem_post(&done);
    }
    return argument;
}

int main(void)
{
    pthread_t thread;
    sem_init(&go, 0, 0);
    sem_init(&done, 0, 0);
    if (pthread_create(&thread, NULL, work, NULL) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin)) {
        sem_post(&go);
        sem_wait(&done);
    }
    return 0;
}
