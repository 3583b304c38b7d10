/*
 * observe: looks at a running process from outside, a few times a second: which threads it has, what they are called,
 * how much they ran, and what they wait for. Two threads that wait for one pipe or socket, or for futexes of one object,
 * talk to each other, as far as such a look can tell: the lock and the condition of a queue are beside each other. Costs the process nothing but reads of /proc about it.
 */
#ifndef NODEWISE_TOOLS_LEARN_OBSERVE_H
#define NODEWISE_TOOLS_LEARN_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define OBSERVE_EVERY   0.1 /* seconds */
#define OBSERVE_THREADS 20000u
#define OBSERVE_MEETING 4096u
#define OBSERVE_OBJECT  128u /* bytes: futexes that are nearer to each other are one object's */

struct seen_thread {
    pid_t tid;
    char name[16];   /* the last one */
    uint64_t ran_ns; /* ever */
    uint64_t nodes;  /* bits: where it was seen running, ids below 64 */
    uint32_t looks;
};

/* Something that threads wait for. */
struct meeting {
    uint64_t key; /* the address of the first futex, or the number of a pipe or socket */
    bool is_futex;
    uint32_t first, second; /* indices of two threads that waited for it; the same: only one has */
    uint32_t looks;
};

struct observed {
    struct seen_thread *threads;
    size_t count, room;
    struct meeting meetings[OBSERVE_MEETING];
    size_t meeting_count;
    uint32_t looks, most_at_once;
    double began, seconds; /* CLOCK_MONOTONIC, one look before the first; from then to the last look */
};

/* One look at a process. Threads beyond OBSERVE_THREADS and what cannot be read are left out. */
void observe(struct observed *observed, pid_t pid);
void observed_free(struct observed *observed);

#endif
