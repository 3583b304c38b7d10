#include "shim/memory/sampler.h"

#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>

#include "shim/sys/raw.h"

#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#define CLOSE_RANGE_UNSHARE_FLAG (1u << 1) /* linux/close_range.h, Linux 5.9 */

#define PAGE      4096u
#define RING_SIZE (2 * PAGE)

/* The part of a sample that follows its header, in the order of perf_event_open(2). */
struct sample {
    uint32_t pid, tid;
    uint32_t cpu, reserved;
    uint64_t abi;
    uint64_t registers[SAMPLE_COUNT];
};

bool sampler_open(struct sampler *sampler)
{
    if (syscall(SYS_close_range, 0u, UINT_MAX, CLOSE_RANGE_UNSHARE_FLAG) != 0)
        sampler->refused = errno;
    return !sampler->refused;
}

static int open_event(pid_t tid)
{
    struct perf_event_attr event = {
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(event),
        .config = PERF_COUNT_SW_CPU_CLOCK,
        .sample_period = SAMPLE_PERIOD_NS,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_CPU | PERF_SAMPLE_REGS_USER,
        .sample_regs_user = SAMPLE_REGISTERS,
        .exclude_kernel = 1,
        .exclude_hv = 1,
    };

    return SAMPLE_REGISTERS ? (int)syscall(SYS_perf_event_open, &event, tid, -1, -1, PERF_FLAG_FD_CLOEXEC) : -1;
}

static bool is_watched(const struct sampler *sampler, pid_t tid)
{
    for (uint32_t i = 0; i < sampler->count; i++)
        if (sampler->threads[i].tid == tid)
            return true;
    return false;
}

bool sampler_watch(struct sampler *sampler, pid_t tid)
{
    struct watched *watched = &sampler->threads[sampler->count];

    if (sampler->count == SAMPLED_THREADS || is_watched(sampler, tid))
        return true;
    watched->fd = open_event(tid);
    if (watched->fd < 0) {
        if (errno == ESRCH)
            return true; /* it has ended */
        sampler->refused = errno ? errno : ENOSYS;
        return false;
    }
    watched->ring = (void *)syscall(SYS_mmap, NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, watched->fd, 0L);
    if (watched->ring == MAP_FAILED) {
        sampler->refused = errno;
        raw_close(watched->fd);
        return false;
    }
    watched->tid = tid;
    watched->has_last = false;
    sampler->count++;
    return true;
}

static void look(struct watched *watched, const struct sample *sample, sample_visitor *visit, void *context)
{
    for (uint32_t i = 0; watched->has_last && i < SAMPLE_COUNT; i++)
        if (sample->registers[i] != watched->last[i])
            visit(context, sample->cpu, sample->registers[i]);
    memcpy(watched->last, sample->registers, sizeof(watched->last));
    watched->has_last = true;
}

/* Out of the ring, whose end may lie in the middle. */
static void copy_out(const char *data, uint64_t from, void *ret, size_t size)
{
    size_t start = from % PAGE, first = PAGE - start < size ? PAGE - start : size;

    memcpy(ret, data + start, first);
    memcpy((char *)ret + first, data, size - first);
}

static void read_ring(struct watched *watched, sample_visitor *visit, void *context)
{
    struct perf_event_mmap_page *head = watched->ring;
    const char *data = (const char *)watched->ring + PAGE;
    /* acquire: pairs with the kernel's barrier, the records are there */
    uint64_t end = __atomic_load_n(&head->data_head, __ATOMIC_ACQUIRE), at = head->data_tail;
    struct perf_event_header record;
    struct sample sample;

    while (at < end) {
        copy_out(data, at, &record, sizeof(record));
        if (record.size < sizeof(record))
            break;
        if (record.type == PERF_RECORD_SAMPLE && record.size == sizeof(record) + sizeof(sample)) {
            copy_out(data, at + sizeof(record), &sample, sizeof(sample));
            look(watched, &sample, visit, context);
        }
        at += record.size;
    }
    __atomic_store_n(&head->data_tail, end, __ATOMIC_RELEASE); /* the kernel may write there again */
}

void sampler_read(struct sampler *sampler, sample_visitor *visit, void *context)
{
    for (uint32_t i = 0; i < sampler->count; i++)
        read_ring(&sampler->threads[i], visit, context);
}

void sampler_try(void)
{
    syscall(SYS_close_range, UINT_MAX, 0u, 0u);
    syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0ul);
}

void sampler_close(struct sampler *sampler)
{
    for (uint32_t i = 0; i < sampler->count; i++) {
        raw_munmap(sampler->threads[i].ring, RING_SIZE);
        raw_close(sampler->threads[i].fd);
    }
    sampler->count = 0;
}
