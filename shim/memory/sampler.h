/*
 * sampler: where threads of this process work, seen without disturbing them: the kernel notes a running thread's
 * registers a thousand times a second (perf_event_open(2), the CPU clock, user registers). A register that changes and
 * points into a piece of memory is a thread walking there, and so is the operand of the instruction that comes next
 * (operand.h), which is read from the program's code. No hardware counters are needed, no signal is sent.
 *
 * The kernel may refuse (kernel.perf_event_paranoid above 2 without CAP_PERFMON, a container's filter). For the
 * worker's thread alone (worker.h), which has a table of descriptors of its own: the program never sees these.
 */
#ifndef NODEWISE_SHIM_MEMORY_SAMPLER_H
#define NODEWISE_SHIM_MEMORY_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/memory/operand.h"

#define SAMPLED_THREADS  32u      /* at a time */
#define SAMPLE_PERIOD_NS 1000000u /* of the thread's CPU time */

#define SAMPLED_CODES 64u /* instructions whose code is remembered */

struct watched {
    pid_t tid;
    int fd;
    void *ring; /* a page of the kernel's, then a page of samples */
    bool has_last;
    uint64_t last[OPERAND_COUNT]; /* registers in the sample before */
};

/* Bytes at a program counter, as they were a few reads ago at most: code comes and goes. */
struct code {
    uint64_t at;
    uint32_t read; /* in which read of the samples; 0: never */
    uint8_t length, bytes[OPERAND_CODE_MOST];
};

struct sampler {
    uint32_t count;
    int refused; /* the errno of the last refusal, or 0 */
    uint32_t reads;
    struct code codes[SAMPLED_CODES];
    struct watched threads[SAMPLED_THREADS];
};

/* A pointer that moved since the thread's last sample, or an operand's address, and the CPU that it ran on. */
typedef void sample_visitor(void *context, pid_t tid, uint32_t cpu, uintptr_t pointer);

/* Gives the calling thread descriptors of its own, and none of the program's. false: the kernel cannot. */
bool sampler_open(struct sampler *sampler);
/* Begins to watch the thread, unless it is watched or the table is full. false: the kernel refuses. */
bool sampler_watch(struct sampler *sampler, pid_t tid);
/* Everything noted since the last call. */
void sampler_read(struct sampler *sampler, sample_visitor *visit, void *context);
/* Makes the calls that the kernel may not like, to no effect. */
void sampler_try(void);
/* Stops watching all threads. */
void sampler_close(struct sampler *sampler);

#endif
