#include "tools/apply/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "policy/reason.h"
#include "shim/base/segment_layout.h"
#include "tools/segment/folders.h"
#include "tools/segment/outside_record.h"
#include "tools/segment/segment_file.h"

#define NAME_SIZE (SEGMENT_STEM + 16u)

/* As much of it as there is room for. */
static void copy_text(char *to, size_t size, const char *text)
{
    size_t length = strnlen(text, size - 1);
    memcpy(to, text, length);
    to[length] = '\0';
}

/* --- the masks --- */

/* Distinct sets of CPUs, each once. */
struct masks {
    const struct cpuset **items; /* of the target's threads */
    uint32_t count, words;
};

static uint32_t mask_number(struct masks *masks, const struct cpuset *cpus)
{
    int last = cpuset_last(cpus);
    if (last < 0)
        return OUTSIDE_NOTHING;
    if ((uint32_t)last / 64 >= masks->words)
        masks->words = (uint32_t)last / 64 + 1;
    for (uint32_t i = 0; i < masks->count; i++)
        if (cpuset_equal(masks->items[i], cpus))
            return i;
    masks->items[masks->count] = cpus;
    return masks->count++;
}

static void write_masks(const struct masks *masks, uint64_t *ret_words)
{
    for (uint32_t i = 0; i < masks->count; i++)
        for (uint32_t word = 0; word < masks->words; word++)
            ret_words[(size_t)i * masks->words + word] =
                word < masks->items[i]->count ? masks->items[i]->words[word] : 0;
}

/* --- the segment --- */

static uint16_t home_of(const struct plan_view *plan, const struct target_thread *thread)
{
    uint32_t home = thread->picked ? plan->slots[thread->pick.slot].home_node : PLAN_NONE;
    return home < UINT16_MAX ? (uint16_t)home : UINT16_MAX;
}

static uint8_t flags_of(const struct target_thread *thread, bool named)
{
    return (uint8_t)((thread->main ? THREAD_FLAG_MAIN : 0) | (named ? THREAD_FLAG_NAMED : 0) |
                     (thread->main && !thread->picked ? THREAD_FLAG_UNION : 0) |
                     (thread->picked && thread->pick.claims ? THREAD_FLAG_CLAIMS : 0) |
                     (thread->reason == REASON_SHARED_CPU ? THREAD_FLAG_SHARED : 0) |
                     (thread->chose ? THREAD_FLAG_PROGRAM : 0));
}

/* When the thread was born, after the process, as the kernel has it. */
static uint32_t born_ms(const struct target *target, const struct target_thread *thread)
{
    uint64_t ticks = thread->start_ticks - target->start_ticks;
    return (uint32_t)(ticks * 1000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void write_thread(struct segment_thread *to, const struct record_of *of, const struct target *target,
                         const struct target_thread *thread)
{
    const struct plan_rule *rule = thread->rule == PLAN_NONE ? NULL : &of->plan->rules[thread->rule];
    const struct cpuset *now = cpuset_is_empty(&thread->got) ? &thread->now : &thread->got;
    unsigned cpus = cpuset_weight(now);
    *to = (struct segment_thread){.tid = (uint32_t)thread->tid,
                                  .index = thread->index,
                                  .rule = rule ? (uint16_t)thread->rule : UINT16_MAX,
                                  .state = THREAD_LIVE,
                                  .slot = thread->picked ? thread->pick.slot : UINT32_MAX,
                                  .cpu_outcome = (uint8_t)thread->outcome,
                                  .cpu_reason = (uint8_t)thread->reason,
                                  .mem_outcome = OUTCOME_NOT_ASKED,
                                  .mem_reason = REASON_NOT_ASKED,
                                  .stack_outcome = OUTCOME_NOT_ASKED,
                                  .stack_reason = REASON_NOT_ASKED,
                                  .why = REASON_OUTSIDE,
                                  .got_cpus = cpus < UINT16_MAX ? (uint16_t)cpus : UINT16_MAX,
                                  .born_ms = born_ms(target, thread),
                                  .home_node = home_of(of->plan, thread),
                                  .got_policy = GOT_NO_POLICY};
    to->flags = flags_of(thread, thread->main || strcmp(thread->name, target->comm) != 0);
    copy_text(to->name, sizeof(to->name), thread->name);
    if (rule && rule->mem_policy != MEM_DEFAULT) {
        to->mem_outcome = OUTCOME_NONE;
        to->mem_reason = REASON_OUTSIDE;
    }
    if (rule && rule->stack != STACK_DEFAULT) {
        to->stack_outcome = OUTCOME_NONE;
        to->stack_reason = REASON_OUTSIDE;
    }
}

static void count_thread(struct segment_rule *rule, const struct segment_thread *thread)
{
    rule->placed++;
    rule->live++;
    rule->strict += thread->cpu_outcome == OUTCOME_STRICT;
    rule->best_effort += thread->cpu_outcome == OUTCOME_BEST_EFFORT;
    rule->none += thread->cpu_outcome == OUTCOME_NONE;
    rule->mem_none += thread->mem_outcome == OUTCOME_NONE;
    rule->steps[step_of(thread->cpu_outcome, thread->mem_outcome)]++;
}

struct image {
    char *data;
    size_t size;
    uint32_t rules, threads; /* how many records of each; the last rule is "no rule" */
};

static size_t place_sections(struct segment_header *header, uint32_t rules, uint32_t threads)
{
    static const uint32_t sizes[SEGMENT_SECTIONS] = {
        [SEGMENT_RULE_TABLE] = sizeof(struct segment_rule),
        [SEGMENT_THREAD_TABLE] = sizeof(struct segment_thread),
        [SEGMENT_EVENT_TABLE] = sizeof(struct segment_event),
        [SEGMENT_STRING_TABLE] = 1,
        [SEGMENT_REGION_TABLE] = sizeof(struct segment_region),
        [SEGMENT_MAPPING_TABLE] = sizeof(struct segment_mapping),
        [SEGMENT_ARENA_TABLE] = sizeof(struct segment_arena),
        [SEGMENT_SEEN_TABLE] = sizeof(struct segment_seen),
        [SEGMENT_POOL_TABLE] = sizeof(struct segment_named),
        [SEGMENT_WORKER_TABLE] = sizeof(struct segment_worker),
        [SEGMENT_EXCHANGE_TABLE] = sizeof(struct segment_named),
        [SEGMENT_PEER_TABLE] = sizeof(struct segment_peer),
        [SEGMENT_FLOW_TABLE] = sizeof(struct segment_flow),
    };
    size_t at = sizeof(*header);
    for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
        uint32_t capacity = i == SEGMENT_RULE_TABLE ? rules : i == SEGMENT_THREAD_TABLE ? threads : 0;
        header->sections[i] = (struct segment_section){(uint32_t)at, sizes[i], capacity, 0};
        at += (size_t)sizes[i] * capacity;
    }
    return at;
}

/* Real time when the process began, from the clock that its time of start is on. */
static uint64_t started_at(const struct target *target)
{
    struct timespec boot = {0}, now = {0};
    uint64_t ticks = (uint64_t)sysconf(_SC_CLK_TCK);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &now);
    double age = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9 - (double)target->start_ticks / (double)ticks;
    return (uint64_t)(((double)now.tv_sec + (double)now.tv_nsec / 1e9 - age) * 1e9);
}

static void write_header(struct segment_header *header, const struct record_of *of, const struct target *target,
                         const struct moving *memory)
{
    header->magic = SEGMENT_MAGIC;
    header->version = SEGMENT_VERSION;
    header->header_size = sizeof(*header);
    header->state = SEGMENT_ACTIVE;
    header->pid = (uint32_t)target->pid;
    header->start_ticks = target->start_ticks;
    header->start_realtime = started_at(target);
    header->plan_checksum = of->plan->header->checksum;
    header->forked = target->facts.forked;
    copy_text(header->comm, sizeof(header->comm), target->comm);
    copy_text(header->exe, sizeof(header->exe), target->exe);
    copy_text(header->plan_path, sizeof(header->plan_path), of->plan_path);
    header->base_mask_words =
        target->base.count < SEGMENT_MASK_WORDS ? (uint32_t)target->base.count : SEGMENT_MASK_WORDS;
    if (header->base_mask_words)
        memcpy(header->base_mask, target->base.words, header->base_mask_words * sizeof(*header->base_mask));
    header->threads_started = target->next_index;
    header->threads_ended = target->next_index > target->count ? target->next_index - target->count : 0;
    header->bytes_moved = memory->moved;
    header->bytes_not_moved = memory->stays;
}

/* Threads beyond what views list are placed, too, and counted. */
static int make_image(struct image *ret_image, const struct record_of *of, const struct target *target,
                      const struct moving *memory)
{
    struct segment_header header = {.strings_used = 0};
    uint32_t rules = of->plan->count[PLAN_RULES] + 1;
    uint32_t threads = target->count < SEGMENT_THREADS ? (uint32_t)target->count : SEGMENT_THREADS;
    write_header(&header, of, target, memory);
    header.threads_unlisted = target->count - threads;
    header.total_size = place_sections(&header, rules, threads);
    char *data = calloc(1, header.total_size);
    if (!data)
        return -ENOMEM;
    struct segment_rule *rule = (struct segment_rule *)(data + header.sections[SEGMENT_RULE_TABLE].offset);
    struct segment_thread *thread = (struct segment_thread *)(data + header.sections[SEGMENT_THREAD_TABLE].offset);
    for (uint32_t i = 0; i < threads; i++) {
        write_thread(&thread[i], of, target, &target->threads[i]);
        header.kernel_refusals += thread[i].cpu_outcome == OUTCOME_NONE;
        count_thread(&rule[thread[i].rule == UINT16_MAX ? rules - 1 : thread[i].rule], &thread[i]);
    }
    memcpy(data, &header, sizeof(header));
    *ret_image = (struct image){data, header.total_size, rules, threads};
    return 0;
}

/* --- the file --- */

static void write_head(struct outside_head *head, const struct record_of *of, const struct target *target,
                       const struct masks *masks, const struct image *image)
{
    *head = (struct outside_head){.magic = OUTSIDE_MAGIC,
                                  .version = OUTSIDE_VERSION,
                                  .head_size = sizeof(*head),
                                  .start_ticks = target->start_ticks,
                                  .pid = (uint32_t)target->pid,
                                  .is_bare = of->is_bare,
                                  .thread_count = image->threads,
                                  .mask_count = masks->count,
                                  .mask_words = masks->words,
                                  .watcher = of->watches ? (uint32_t)getpid() : 0};
    copy_text(head->policy, sizeof(head->policy), of->policy);
    head->total_size = outside_segment_offset(head) + image->size;
}

/* All of the file; the target's threads are in the order of their numbers. */
static int make_file(struct file_bytes *ret_file, const struct record_of *of, const struct target *target,
                     const struct image *image)
{
    struct outside_head head;
    struct masks masks = {.items = calloc(image->threads + 1, sizeof(*masks.items))};
    struct outside_thread *threads = calloc(image->threads + 1, sizeof(*threads));
    char *data = NULL;
    for (uint32_t i = 0; masks.items && threads && i < image->threads; i++)
        threads[i] =
            (struct outside_thread){(uint32_t)target->threads[i].tid, mask_number(&masks, &target->threads[i].asked)};
    write_head(&head, of, target, &masks, image);
    int error = !masks.items || !threads ? -ENOMEM : head.total_size > SEGMENT_MOST ? -EFBIG : 0;
    if (error == 0 && !(data = malloc(head.total_size)))
        error = -ENOMEM;
    if (error == 0) {
        char *at = data + sizeof(head);
        memcpy(data, &head, sizeof(head));
        memcpy(at, threads, image->threads * sizeof(*threads));
        write_masks(&masks, (uint64_t *)(at + image->threads * sizeof(*threads)));
        memcpy(data + outside_segment_offset(&head), image->data, image->size);
        *ret_file = (struct file_bytes){data, head.total_size};
    }
    free(masks.items);
    free(threads);
    return error;
}

static void name_of(char ret_name[NAME_SIZE], const struct target *target, const char *more)
{
    char stem[SEGMENT_STEM];
    outside_stem(target->pid, stem, sizeof(stem));
    snprintf(ret_name, NAME_SIZE, "%s" OUTSIDE_SUFFIX "%s", stem, more);
}

static void lock_it(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(fd, F_OFD_SETLK, &lock);
}

/* The kernel would end this process with SIGXFSZ. */
static bool may_have_size(size_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) != 0 || size <= limit.rlim_cur;
}

/* Under a name of its own first, so that views see all of a record or none. The descriptor, or negative errno. */
static int put_file(int folder, const struct record_of *of, const struct target *target, const struct file_bytes *file)
{
    char name[NAME_SIZE], temporary[NAME_SIZE];
    name_of(name, target, "");
    name_of(temporary, target, ".tmp");
    unlinkat(folder, temporary, 0);
    int fd = openat(folder, temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, file->data, file->size);
    int error = written == (ssize_t)file->size ? 0 : written < 0 ? -errno : -ENOSPC;
    if (error == 0 && of->watches)
        lock_it(fd);
    if (error == 0 && renameat(folder, temporary, folder, name) != 0)
        error = -errno;
    if (error == 0)
        return fd;
    unlinkat(folder, temporary, 0);
    close(fd);
    return error;
}

/* The first folder that takes one is that of all records from then on. */
static int put(struct record_of *of, const struct target *target, const struct file_bytes *file)
{
    const struct runtime_user user = folders_own_user();
    if (of->folder >= 0)
        return put_file(of->folder, of, target, file);
    int first = -ENOENT;
    for (unsigned which = 0; which < RUNTIME_FOLDERS; which++) {
        int folder = runtime_folder_open((enum runtime_folder)which, &user, true);
        int fd = folder < 0 ? folder : put_file(folder, of, target, file);
        if (fd >= 0) {
            of->folder = folder;
            return fd;
        }
        if (folder >= 0)
            close(folder);
        if (fd != -ENOENT)
            first = fd;
    }
    return first;
}

int record_write(struct record *record, struct record_of *of, const struct target *target, const struct moving *memory)
{
    struct image image = {.data = NULL};
    struct file_bytes file = {.data = NULL};
    int error = make_image(&image, of, target, memory);
    if (error == 0)
        error = make_file(&file, of, target, &image);
    if (error == 0 && !may_have_size(file.size))
        error = -EFBIG;
    int fd = error < 0 ? error : put(of, target, &file);
    free(image.data);
    free(file.data);
    if (fd < 0)
        return fd;
    if (record->fd >= 0)
        close(record->fd);
    *record = (struct record){.fd = fd, .threads = target->count};
    return 0;
}

void record_close(struct record *record)
{
    if (record->fd >= 0)
        close(record->fd);
    *record = RECORD_NONE;
}

void record_of_close(struct record_of *of)
{
    if (of->folder >= 0)
        close(of->folder);
    of->folder = -1;
}

void record_remove(struct record *record, const struct record_of *of, const struct target *target)
{
    char name[NAME_SIZE];
    name_of(name, target, "");
    if (record->fd >= 0)
        unlinkat(of->folder, name, 0);
    record_close(record);
}
