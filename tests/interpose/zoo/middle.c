/* A library between a program and what is asked of us: it pins its caller, makes threads, and calls back. */
#include "tests/interpose/zoo/middle.h"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int middle_pins(unsigned long cpus)
{
    prctl(PR_SET_NAME, "renamed");
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof(cpus), &cpus);
}

int middle_makes(pthread_t *ret_thread, void *(*body)(void *))
{
    int error = pthread_create(ret_thread, NULL, body, NULL);
    __asm__ volatile("" ::: "memory"); /* not a jump: the call's place is here */
    return error;
}

int middle_calls_back(int (*callback)(pthread_t *, void *(*)(void *)), pthread_t *ret_thread, void *(*body)(void *))
{
    int error = callback(ret_thread, body);
    __asm__ volatile("" ::: "memory"); /* nor is this one */
    return error;
}
