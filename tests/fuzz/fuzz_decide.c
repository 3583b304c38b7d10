/*
 * Bytes as the file of a plan, from its opening in the library to what is decided by it: read (start/plan_file.h),
 * checked, asked whether it is for this process, for rules, places, masks, numbers of CPUs and what balancing moves.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "policy/balance.h"
#include "policy/cpu_count.h"
#include "policy/plan.h"
#include "shim/base/facts.h"
#include "shim/base/state.h"
#include "shim/base/thread.h"
#include "shim/place/decide.h"
#include "shim/start/plan_file.h"
#include "tests/unit/policy/walk.h"

#define WORDS 64u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Puts magic, version, sizes and checksum right, so that what is behind them is reached. */
static void put_right(struct plan_header *header, size_t size)
{
    header->magic = PLAN_MAGIC;
    header->version = PLAN_VERSION;
    header->header_size = sizeof(*header);
    header->total_size = size;
    header->checksum = plan_checksum(header, size);
}

static char folder[32], path[48];

static void remove_plan(void)
{
    unlink(path);
    rmdir(folder);
}

/* In a folder of the user's alone, where the library takes plans from. */
static const char *path_of_plan(void)
{
    if (*path)
        return path;
    strcpy(folder, "/tmp/nodewise-fuzz-XXXXXX");
    if (!mkdtemp(folder))
        abort();
    snprintf(path, sizeof(path), "%s/x.plan", folder);
    atexit(remove_plan);
    return path;
}

static bool write_plan(const void *data, size_t size)
{
    int fd = open(path_of_plan(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool written = fd >= 0 && write(fd, data, size) == (ssize_t)size;
    if (fd >= 0)
        close(fd);
    return written;
}

static void decide_threads(void)
{
    static const char *const names[] = {"", "x", "io_thd_1", "a-name-of-15-by", "worker/3"};
    for (uint32_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct thread thread = {.index = i, .main = i == 0, .unnamed = i == 2};
        strcpy(thread.name, names[i]);
        decide_code(&thread, (const void *)(uintptr_t)decide_threads, (const void *)(uintptr_t)printf);
        uint32_t rule = decide_rule(&thread);
        if (rule != PLAN_NONE && rule >= shim.plan.count[PLAN_RULES])
            abort();
    }
}

static void count_cpus(void)
{
    uint64_t base[WORDS], shown[WORDS];
    memset(base, 0xff, sizeof(base));
    uint32_t number = cpu_count_number(&shim.plan, base, WORDS, 3);
    cpu_count_mask(&shim.plan, base, WORDS, number, shown);
}

static void share_out(void)
{
    const struct plan_header *header = shim.plan.header;
    uint64_t bits[WORDS];
    for (uint32_t i = 0; i < header->process_shares; i++) {
        const struct plan_range *share = &shim.plan.ranges[header->share_sizes + i];
        plan_mask_expand(&shim.plan, share->last, bits, WORDS);
        plan_mask_has(&shim.plan, share->last, share->first);
    }
    plan_mask_expand(&shim.plan, header->allowed_mask, bits, WORDS);
    plan_mask_expand(&shim.plan, header->main_mask, bits, WORDS);
    if (header->main_memory != PLAN_NONE)
        plan_mask_first(&shim.plan, shim.plan.slots[shim.plan.rules[header->main_memory].slot_first].mem_mask);
    for (uint32_t rule = 0; rule < shim.plan.count[PLAN_RULES]; rule++) {
        uint32_t slot = pick_nth(&shim.plan, rule, 1000 + rule);
        if (slot != PLAN_NONE && slot >= shim.plan.count[PLAN_SLOTS])
            abort();
        pick_keeps_start(&shim.plan, rule);
    }
}

static void use(void)
{
    facts_read();
    match_target(&shim.plan, &shim.facts, NULL);
    facts_rule_out_exe();
    facts_complete();
    match_target(&shim.plan, &shim.facts, NULL);
    decide_threads();
    count_cpus();
    share_out();
    walk_plan(&shim.plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t whole = size & ~(size_t)7;
    if (whole < sizeof(struct plan_header) || whole > (1u << 20))
        return 0;
    struct plan_header *plan = malloc(whole);
    if (!plan)
        return 0;
    memcpy(plan, data, whole);
    put_right(plan, whole);
    shim.uid = geteuid();
    if (write_plan(plan, whole) && plan_file_read_apart(&shim.plan, path_of_plan()) == REASON_OK) {
        use();
        munmap((void *)(uintptr_t)shim.plan.header, whole);
    }
    free(plan);
    return 0;
}
