#include "shim/memory/sampler.h"

#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "shim/base/common.h"
#include "shim/base/state.h"
#include "shim/sys/raw.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_RANGE_UNSHARE_FLAG (1u << 1) /* linux/close_range.h, Linux 5.9 */

/* Room for samples; less where the kernel limits what it locks (kernel.perf_event_mlock_kb). */
#define ROOM_MOST  page_ceiling(16u << 10)
#define ROOM_LEAST page_size()
#define SLOW_MOST  8u   /* samples of a thread that are looked at in a read of a pause */
#define CODE_READS 256u /* reads of the samples after which remembered code expires: a second of looking */

/* The part of a sample behind its header, in the order of perf_event_open(2). */
struct sample {
    uint32_t pid, tid;
    uint32_t cpu, reserved;
    uint64_t abi;
    uint64_t registers[OPERAND_COUNT];
};

bool sampler_open(struct sampler *sampler)
{
    if (raw_call(SYS_close_range, 0u, UINT_MAX, CLOSE_RANGE_UNSHARE_FLAG) != 0)
        sampler->refused = errno;
    return !sampler->refused;
}

_Static_assert(sizeof(struct perf_event_header) + sizeof(struct sample) == SAMPLE_SIZE, "of the early samples");

static int open_event(pid_t tid, uint64_t period)
{
    struct perf_event_attr event = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(event),
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = period,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CPU | PERF_SAMPLE_REGS_USER,
        .sample_regs_user = OPERAND_REGISTERS,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };
    return OPERAND_REGISTERS ? (int)raw_call(SYS_perf_event_open, &event, tid, -1, -1, PERF_FLAG_FD_CLOEXEC) : -1;
}

static bool is_watched(const struct sampler *sampler, pid_t tid)
{
    for (uint32_t i = 0; i < sampler->count; i++)
        if (sampler->threads[i].tid == tid)
            return true;
    return false;
}

static bool map_ring(struct watched *watched, size_t room)
{
    watched->room = room;
    watched->ring =
        (void *)raw_call(SYS_mmap, NULL, page_size() + room, PROT_READ | PROT_WRITE, MAP_SHARED, watched->fd, 0L);
    return watched->ring != MAP_FAILED;
}

bool sampler_watch(struct sampler *sampler, pid_t tid, uintptr_t thread_pointer)
{
    struct watched *watched = &sampler->threads[sampler->count];
    if (sampler->count == SAMPLED_THREADS || is_watched(sampler, tid))
        return true;
    watched->fd = open_event(tid, sampler->slow ? SAMPLE_PERIOD_SLOW_NS : SAMPLE_PERIOD_NS);
    if (watched->fd < 0) {
        if (errno == ESRCH)
            return true; /* the thread has ended */
        sampler->refused = errno ? errno : ENOSYS;
        return false;
    }
    if (!map_ring(watched, ROOM_MOST) && !map_ring(watched, ROOM_LEAST)) {
        sampler->refused = errno;
        raw_close(watched->fd);
        return false;
    }
    watched->tid = tid;
    watched->thread_pointer = thread_pointer;
    watched->has_last = false;
    sampler->count++;
    return true;
}

/* --- evaluation of the samples --- */

/*
 * The kernel reads the code on the worker's behalf, because the code may be unmapped by now (dlclose, a JIT) or
 * unreadable.
 */
static void read_code(struct code *code, uint64_t at)
{
    size_t to_end = page_floor(at) + page_size() - at;
    struct iovec here = {code->bytes, to_end < OPERAND_CODE_MOST ? to_end : OPERAND_CODE_MOST};
    struct iovec there = {(void *)(uintptr_t)at, here.iov_len};
    long length = raw_call(SYS_process_vm_readv, shim.pid, &here, 1ul, &there, 1ul, 0ul);
    code->at = at;
    code->length = length > 0 ? (uint8_t)length : 0;
}

static const struct code *code_at(struct sampler *sampler, uint64_t at)
{
    struct code *code = &sampler->codes[at * UINT64_C(0x9E3779B97F4A7C15) >> 32 & (SAMPLED_CODES - 1)];
    if (code->at != at || sampler->reads - code->read >= CODE_READS || !code->read) {
        read_code(code, at);
        code->read = sampler->reads;
    }
    return code;
}

static void look_at_operands(struct sampler *sampler, const struct watched *watched, const struct sample *sample,
                             sample_visitor *visit, void *context)
{
    const struct code *code = code_at(sampler, sample->registers[OPERAND_PC]);
    struct operands operands;
    operands_ahead(code->bytes, code->length, sample->registers, watched->thread_pointer, &operands);
    for (uint32_t i = 0; i < operands.count; i++)
        visit(context, &(struct seen_access){.tid = watched->tid,
                                             .cpu = sample->cpu,
                                             .address = operands.operand[i].address,
                                             .operand = true,
                                             .begins = i == 0,
                                             .times = operands.operand[i].times,
                                             .weight = operands_weight(&operands) * watched->stands_for});
}

static void look_at_registers(struct watched *watched, const struct sample *sample, sample_visitor *visit,
                              void *context)
{
    for (uint32_t i = 0; watched->has_last && i < OPERAND_COUNT; i++)
        if (i != OPERAND_PC && sample->registers[i] != watched->last[i])
            visit(context,
                  &(struct seen_access){.tid = watched->tid, .cpu = sample->cpu, .address = sample->registers[i]});
    memcpy(watched->last, sample->registers, sizeof(watched->last));
    watched->has_last = true;
}

/* Copies out of the ring buffer. The data may wrap around its end. */
static void copy_out(const char *data, size_t room, uint64_t from, void *ret, size_t size)
{
    size_t start = from % room, first = room - start < size ? room - start : size;
    memcpy(ret, data + start, first);
    memcpy((char *)ret + first, data, size - first);
}

/* Of more than `most` samples it looks at some, which stand for all. Returns how many it looked at. */
static uint32_t read_ring(struct sampler *sampler, struct watched *watched, uint64_t most, sample_visitor *visit,
                          void *context)
{
    struct perf_event_mmap_page *head = watched->ring;
    const char *data = (const char *)watched->ring + page_size();
    /* acquire: pairs with the kernel's barrier, so that the records up to data_head are complete */
    uint64_t end = __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE), at = head->data_tail;
    uint64_t few = (end - at) / SAMPLE_SIZE / most + 1, number = 0;
    struct perf_event_header record;
    struct sample sample;
    uint32_t samples = 0;

    watched->stands_for = (uint32_t)few;
    while (at < end) {
        copy_out(data, watched->room, at, &record, sizeof(record));
        if (record.size < sizeof(record))
            break;
        if (record.type == PERF_RECORD_SAMPLE && record.size == sizeof(record) + sizeof(sample) &&
            number++ % few == 0) {
            copy_out(data, watched->room, at + sizeof(record), &sample, sizeof(sample));
            sampler->samples += few;
            if (sampler->registers)
                look_at_registers(watched, &sample, visit, context);
            look_at_operands(sampler, watched, &sample, visit, context);
            samples++;
        }
        at += record.size;
    }
    __atomic_store_n(&head->data_tail, end, __ATOMIC_RELEASE); /* lets the kernel overwrite the records */
    return samples;
}

uint32_t sampler_read(struct sampler *sampler, sample_visitor *visit, void *context)
{
    uint32_t samples = 0;
    if (!++sampler->reads)
        sampler->reads = 1;
    for (uint32_t i = 0; i < sampler->count; i++)
        samples += read_ring(sampler, &sampler->threads[i], sampler->slow ? SLOW_MOST : UINT64_MAX, visit, context);
    return samples;
}

bool sampler_may_look(void)
{
    return call_is_allowed(SYS_close_range) && call_is_allowed(SYS_perf_event_open) &&
           call_is_allowed(SYS_process_vm_readv);
}

void sampler_close(struct sampler *sampler)
{
    for (uint32_t i = 0; i < sampler->count; i++) {
        raw_munmap(sampler->threads[i].ring, page_size() + sampler->threads[i].room);
        raw_close(sampler->threads[i].fd);
    }
    sampler->count = 0;
    sampler->slow = false;
}

/* --- slower --- */

bool sampler_slow(struct sampler *sampler, bool slow)
{
    uint64_t period = slow ? SAMPLE_PERIOD_SLOW_NS : SAMPLE_PERIOD_NS;
    bool told = call_is_allowed(SYS_ioctl);
    if (slow == sampler->slow)
        return true;
    for (uint32_t i = 0; told && i < sampler->count; i++)
        told = raw_call(SYS_ioctl, sampler->threads[i].fd, PERF_EVENT_IOC_PERIOD, &period) == 0;
    if (told)
        sampler->slow = slow;
    else
        sampler_close(sampler);
    return told;
}

/* --- a thread alone --- */

int sampler_watch_alone(struct watched *ret_watched, pid_t tid, uintptr_t thread_pointer)
{
    struct watched watched = {.tid = tid, .thread_pointer = thread_pointer};
    watched.fd = open_event(tid, SAMPLE_PERIOD_ALONE_NS);
    if (watched.fd < 0)
        return -errno;
    int error = map_ring(&watched, SAMPLER_ROOM_ALONE) ? 0 : -errno;
    raw_close(watched.fd);
    if (error == 0)
        *ret_watched = watched;
    return error;
}

void sampler_read_alone(struct sampler *sampler, struct watched *watched, sample_visitor *visit, void *context)
{
    sampler->reads = 1;
    read_ring(sampler, watched, UINT64_MAX, visit, context);
}

void sampler_end_alone(struct watched *watched)
{
    raw_munmap(watched->ring, page_size() + watched->room);
}
