/*
 * sampler: tells where threads of this process work and does not disturb them. A thousand times a second the kernel
 * records the registers of a running thread (perf_event_open(2), the CPU clock, user registers). A register that
 * changes and points into a piece of memory means that the thread walks there. So do the operands of the next
 * instructions (operand.h), which are read from the program's code. The sampler needs no hardware counters and sends no
 * signals.
 *
 * The kernel may refuse (kernel.perf_event_paranoid above 2 without CAP_PERFMON, a container's filter). Only the worker
 * (worker/worker.h) may use a sampler. The worker has a descriptor table of its own, so the program never sees these
 * descriptors.
 */
#ifndef NODEWISE_SHIM_MEMORY_SAMPLER_H
#define NODEWISE_SHIM_MEMORY_SAMPLER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shim/memory/operand.h"

#define SAMPLED_THREADS       32u      /* at the same time */
#define SAMPLE_PERIOD_NS      1000000u /* of the thread's CPU time */
#define SAMPLE_PERIOD_SLOW_NS (10 * SAMPLE_PERIOD_NS)

/* The same of the main thread alone, before there is a worker that reads it (early.h). */
#define SAMPLE_PERIOD_ALONE_NS (4 * SAMPLE_PERIOD_NS)
#define SAMPLER_ROOM_ALONE     ((size_t)128 << 10)      /* bytes of samples */
#define SAMPLE_SIZE            (32 + OPERAND_COUNT * 8) /* bytes */

#define SAMPLED_CODES 64u /* instructions whose code is remembered */

struct watched {
    pid_t tid;
    uintptr_t thread_pointer; /* address of its thread block; 0: not known */
    int fd;
    void *ring; /* a page that the kernel fills, then `room` bytes of samples */
    size_t room;
    uint32_t stands_for; /* samples, of each that is looked at */
    bool has_last;
    uint64_t last[OPERAND_COUNT]; /* registers of the previous sample */
};

/* Bytes at a program counter. They are at most some reads old, because code comes and goes. */
struct code {
    uint64_t at;
    uint32_t read; /* number of the read that stored them; 0: never */
    uint8_t length, bytes[OPERAND_CODE_MOST];
};

struct sampler {
    uint32_t count;
    int refused; /* errno of the last refusal, or 0 */
    bool slow;
    uint64_t samples; /* since it was opened, with those that the looked-at ones stand for */
    uint32_t reads;
    bool registers; /* registers that changed are visited, not operands alone */
    struct code codes[SAMPLED_CODES];
    struct watched threads[SAMPLED_THREADS];
};

/*
 * What a sample says: the thread ran on the CPU, and works at the address.
 *
 * operand: it is what one of the next instructions reads or writes, so the thread is about to access it; once for each
 * page (operand.h). Otherwise it is a register that changed since the thread's last sample, which may hold anything.
 */
struct seen_access {
    pid_t tid;
    uint32_t cpu;
    uintptr_t address;
    bool operand;
    bool begins;            /* the first operand of its sample */
    uint32_t times, weight; /* accesses to this page, and what each stands for (operands_weight()) */
};

typedef void sample_visitor(void *context, const struct seen_access *access);

/* Gives the calling thread an empty descriptor table of its own. false: the kernel does not support that. */
bool sampler_open(struct sampler *sampler);
/* Starts watching the thread, unless it is watched already or the table is full. false: the kernel refuses. */
bool sampler_watch(struct sampler *sampler, pid_t tid, uintptr_t thread_pointer);
/*
 * Visits what was recorded since the last call; of a pause, some that stand for all. Returns the number of samples that
 * were looked at.
 */
uint32_t sampler_read(struct sampler *sampler, sample_visitor *visit, void *context);
/*
 * Watches one thread without a sampler. Its descriptor is closed again, and the mapping keeps the event. 0 or a negative
 * errno.
 */
int sampler_watch_alone(struct watched *ret_watched, pid_t tid, uintptr_t thread_pointer);
/* Visits them, with the help of a zeroed sampler that nothing else uses. */
void sampler_read_alone(struct sampler *sampler, struct watched *watched, sample_visitor *visit, void *context);
void sampler_end_alone(struct watched *watched);
/* false: a filter would kill the process for one of the calls. */
bool sampler_may_look(void);
/* Samples a tenth as often, or as before. false: that cannot be done, and all threads are closed. */
bool sampler_slow(struct sampler *sampler, bool slow);
/* Stops watching all threads. */
void sampler_close(struct sampler *sampler);

#endif
