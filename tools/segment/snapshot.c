#include "tools/segment/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/map_file.h"
#include "tools/common/process.h"

#define SEQ_TRIES 100

/* --- sections --- */

static bool section_fits(const struct snapshot *snapshot, enum segment_section_id id, size_t record, size_t size)
{
    const struct segment_section *section = &snapshot->header.sections[id];
    return section->record_size == record && section->offset % 8 == 0 &&
           section->offset + (uint64_t)section->record_size * section->capacity <= size;
}

static bool header_is_sound(const struct snapshot *snapshot, size_t size)
{
    const struct segment_header *h = &snapshot->header;
    return h->total_size == size && section_fits(snapshot, SEGMENT_RULE_TABLE, sizeof(struct segment_rule), size) &&
           section_fits(snapshot, SEGMENT_THREAD_TABLE, sizeof(struct segment_thread), size) &&
           section_fits(snapshot, SEGMENT_EVENT_TABLE, sizeof(struct segment_event), size) &&
           section_fits(snapshot, SEGMENT_STRING_TABLE, 1, size) &&
           section_fits(snapshot, SEGMENT_REGION_TABLE, sizeof(struct segment_region), size) &&
           section_fits(snapshot, SEGMENT_MAPPING_TABLE, sizeof(struct segment_mapping), size) &&
           section_fits(snapshot, SEGMENT_ARENA_TABLE, sizeof(struct segment_arena), size) &&
           h->strings_used <= h->sections[SEGMENT_STRING_TABLE].capacity && h->base_mask_words <= SEGMENT_MASK_WORDS;
}

static void *copy_section(const struct snapshot *snapshot, const struct mapped *file, enum segment_section_id id,
                          size_t count)
{
    const struct segment_section *section = &snapshot->header.sections[id];
    size_t size = count * section->record_size;
    void *copy = malloc(size + 1);
    if (copy) {
        memcpy(copy, file->data + section->offset, size);
        ((char *)copy)[size] = '\0';
    }
    return copy;
}

/*
 * One record under its seqlock; false while the writer never lets it rest. The loads pair with the shim's: the
 * copy must lie between two equal even values of seq.
 */
static bool copy_thread(struct segment_thread *ret_thread, const struct segment_thread *from)
{
    const _Atomic uint32_t *seq = (const _Atomic uint32_t *)&from->seq;
    for (int i = 0; i < SEQ_TRIES; i++) {
        uint32_t before = atomic_load_explicit(seq, memory_order_acquire);
        memcpy(ret_thread, from, sizeof(*ret_thread));
        atomic_thread_fence(memory_order_acquire);
        if (before % 2 == 0 && atomic_load_explicit(seq, memory_order_relaxed) == before)
            return true;
    }
    return false;
}

static int by_index(const void *a, const void *b)
{
    const struct segment_thread *one = a, *other = b;
    return one->index < other->index ? -1 : one->index > other->index;
}

static int copy_threads(struct snapshot *snapshot, const struct mapped *file)
{
    const struct segment_section *section = &snapshot->header.sections[SEGMENT_THREAD_TABLE];
    const struct segment_thread *from = (const void *)(file->data + section->offset);
    snapshot->threads = calloc((size_t)section->capacity + 1, sizeof(*snapshot->threads));
    if (!snapshot->threads)
        return -ENOMEM;
    for (uint32_t i = 0; i < section->capacity; i++) {
        struct segment_thread *to = &snapshot->threads[snapshot->thread_count];
        if (from[i].state == THREAD_FREE)
            continue;
        if (!copy_thread(to, &from[i])) {
            snapshot->changing++;
            continue;
        }
        to->name[sizeof(to->name) - 1] = '\0';
        snapshot->thread_count += to->state != THREAD_FREE && to->state <= THREAD_ENDED;
    }
    qsort(snapshot->threads, snapshot->thread_count, sizeof(*snapshot->threads), by_index);
    return 0;
}

static int by_number(const void *a, const void *b)
{
    const struct segment_event *one = a, *other = b;
    return one->number < other->number ? -1 : one->number > other->number;
}

/* The ring in the order of the stream; entries that are being written (number 0) are left out. */
static int copy_events(struct snapshot *snapshot, const struct mapped *file)
{
    uint32_t capacity = snapshot->header.sections[SEGMENT_EVENT_TABLE].capacity;
    snapshot->events = copy_section(snapshot, file, SEGMENT_EVENT_TABLE, capacity);
    if (!snapshot->events)
        return -ENOMEM;
    for (uint32_t i = 0; i < capacity; i++) {
        struct segment_event *event = &snapshot->events[i];
        event->text[sizeof(event->text) - 1] = '\0';
        if (event->number != 0 && event->kind < EVENT_KINDS)
            snapshot->events[snapshot->event_count++] = *event;
    }
    qsort(snapshot->events, snapshot->event_count, sizeof(*snapshot->events), by_number);
    return 0;
}

/* Opened regions, each with its number, and the counters that are in use. */
static int copy_arenas(struct snapshot *snapshot, const struct mapped *file)
{
    uint32_t regions = snapshot->header.sections[SEGMENT_REGION_TABLE].capacity;
    uint32_t arenas = snapshot->header.sections[SEGMENT_ARENA_TABLE].capacity;
    snapshot->regions = copy_section(snapshot, file, SEGMENT_REGION_TABLE, regions);
    snapshot->region_numbers = calloc((size_t)regions + 1, sizeof(*snapshot->region_numbers));
    snapshot->arenas = copy_section(snapshot, file, SEGMENT_ARENA_TABLE, arenas);
    if (!snapshot->regions || !snapshot->region_numbers || !snapshot->arenas)
        return -ENOMEM;
    for (uint32_t i = 0; i < regions; i++)
        if (snapshot->regions[i].start) {
            snapshot->region_numbers[snapshot->region_count] = i;
            snapshot->regions[snapshot->region_count++] = snapshot->regions[i];
        }
    for (uint32_t i = 0; i < arenas; i++)
        if (snapshot->arenas[i].used == 2)
            snapshot->arenas[snapshot->arena_count++] = snapshot->arenas[i];
    return 0;
}

static int copy_all(struct snapshot *snapshot, const struct mapped *file)
{
    if (file->size < sizeof(snapshot->header))
        return -EINVAL;
    memcpy(&snapshot->header, file->data, sizeof(snapshot->header));
    struct segment_header *h = &snapshot->header;
    if (h->magic != SEGMENT_MAGIC)
        return -EINVAL;
    if (h->version != SEGMENT_VERSION || h->header_size != sizeof(*h))
        return -EPROTONOSUPPORT;
    if (!header_is_sound(snapshot, file->size))
        return -EINVAL;
    h->comm[sizeof(h->comm) - 1] = h->exe[sizeof(h->exe) - 1] = h->plan_path[sizeof(h->plan_path) - 1] = '\0';
    snapshot->rule_count = h->sections[SEGMENT_RULE_TABLE].capacity;
    snapshot->rules = copy_section(snapshot, file, SEGMENT_RULE_TABLE, snapshot->rule_count);
    snapshot->strings = copy_section(snapshot, file, SEGMENT_STRING_TABLE, h->strings_used);
    if (!snapshot->rules || !snapshot->strings)
        return -ENOMEM;
    int error = copy_threads(snapshot, file);
    if (error == 0)
        error = copy_events(snapshot, file);
    if (error < 0)
        return error;
    snapshot->mapping_count = h->sections[SEGMENT_MAPPING_TABLE].capacity;
    snapshot->mappings = copy_section(snapshot, file, SEGMENT_MAPPING_TABLE, snapshot->mapping_count);
    return snapshot->mappings ? copy_arenas(snapshot, file) : -ENOMEM;
}

/* --- the plan --- */

/* A plan that was replaced meanwhile does not fit the numbers in the segment, so its checksum is compared. */
static int read_plan(struct snapshot *snapshot)
{
    struct mapped file;
    if (!*snapshot->header.plan_path)
        return -ENOENT;
    int error = map_file(&file, snapshot->header.plan_path, PLAN_MAX_SIZE);
    if (error < 0)
        return error;
    void *copy = malloc(file.size);
    if (copy)
        memcpy(copy, file.data, file.size);
    munmap((void *)file.data, file.size);
    if (!copy)
        return -ENOMEM;
    snapshot->plan_data = copy;
    snapshot->plan_size = file.size;
    error = plan_check(&snapshot->plan, copy, file.size, NULL);
    if (error == 0 && snapshot->plan.header->checksum != snapshot->header.plan_checksum)
        error = -ESTALE;
    snapshot->has_plan = error == 0;
    return error;
}

int snapshot_read(struct snapshot *ret_snapshot, const char *path)
{
    struct mapped file;
    *ret_snapshot = (struct snapshot){0};
    int error = map_file(&file, path, 64u << 20);
    if (error < 0)
        return error;
    error = copy_all(ret_snapshot, &file);
    munmap((void *)file.data, file.size);
    if (error < 0) {
        snapshot_free(ret_snapshot);
        return error;
    }
    pid_t pid = (pid_t)ret_snapshot->header.pid;
    uint64_t ticks = ret_snapshot->header.start_ticks;
    /* A process that goes on as another program by exec keeps its number and start time, but not its mappings. */
    ret_snapshot->alive = ret_snapshot->header.state != SEGMENT_ENDED && process_exists(pid) &&
                          (ticks == 0 || ticks == process_start_ticks(pid)) && process_maps(pid, path) != 0;
    ret_snapshot->plan_error = read_plan(ret_snapshot);
    return 0;
}

void snapshot_free(struct snapshot *snapshot)
{
    free(snapshot->rules);
    free(snapshot->threads);
    free(snapshot->events);
    free(snapshot->regions);
    free(snapshot->region_numbers);
    free(snapshot->arenas);
    free(snapshot->mappings);
    free(snapshot->strings);
    free(snapshot->plan_data);
    *snapshot = (struct snapshot){0};
}

const struct segment_region *snapshot_region(const struct snapshot *snapshot, uint32_t number)
{
    for (size_t i = 0; i < snapshot->region_count; i++)
        if (snapshot->region_numbers[i] == number)
            return &snapshot->regions[i];
    return NULL;
}

const char *snapshot_rule_name(const struct snapshot *snapshot, uint32_t rule)
{
    if (rule >= 0xffff || rule + 1 >= snapshot->rule_count)
        return "(base)";
    if (!snapshot->has_plan || rule >= snapshot->plan.count[PLAN_RULES])
        return NULL;
    return plan_text(&snapshot->plan, snapshot->plan.rules[rule].name);
}

const char *snapshot_string(const struct snapshot *snapshot, uint16_t offset)
{
    return offset < snapshot->header.strings_used ? snapshot->strings + offset : "";
}

/* --- finding --- */

static pid_t pid_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *end;
    long pid = slash ? strtol(slash + 1, &end, 10) : 0;
    return slash && pid > 0 && strcmp(end, SEGMENT_SUFFIX) == 0 ? (pid_t)pid : 0;
}

int segment_find(char **ret_path, pid_t pid)
{
    char pattern[96];
    glob_t found;
    snprintf(pattern, sizeof(pattern), SEGMENT_DIR_PREFIX "*/%d" SEGMENT_SUFFIX, (int)pid);
    int error = glob(pattern, GLOB_NOSORT, NULL, &found);
    if (error != 0)
        return error == GLOB_NOSPACE ? -ENOMEM : -ESRCH;
    *ret_path = strdup(found.gl_pathv[0]);
    globfree(&found);
    return *ret_path ? 0 : -ENOMEM;
}

static int by_pid(const void *a, const void *b)
{
    pid_t one = pid_of_path(*(char *const *)a), other = pid_of_path(*(char *const *)b);
    return one < other ? -1 : one > other;
}

/* A number that is given again counts as alive here; snapshot_read() compares start times. */
static bool is_dead(pid_t pid)
{
    return kill(pid, 0) != 0 && errno == ESRCH;
}

static int each(bool dead, void (*visit)(void *context, const char *path, pid_t pid), void *context)
{
    glob_t found;
    int error = glob(SEGMENT_DIR_PREFIX "*/*" SEGMENT_SUFFIX, GLOB_NOSORT, NULL, &found);
    if (error != 0)
        return error == GLOB_NOSPACE ? -ENOMEM : 0;
    qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), by_pid);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (pid_of_path(found.gl_pathv[i]) > 0 && is_dead(pid_of_path(found.gl_pathv[i])) == dead)
            visit(context, found.gl_pathv[i], pid_of_path(found.gl_pathv[i]));
    globfree(&found);
    return 0;
}

int segment_each(void (*visit)(void *context, const char *path, pid_t pid), void *context)
{
    return each(false, visit, context);
}

int segment_each_dead(void (*visit)(void *context, const char *path, pid_t pid), void *context)
{
    return each(true, visit, context);
}

static void say_why_not(pid_t pid)
{
    int carries = process_maps(pid, "/libnodewise");
    if (!process_exists(pid))
        print_error("there is no process %d", (int)pid);
    else if (carries < 0)
        print_error("process %d cannot be looked at: %s", (int)pid, strerror(-carries));
    else if (carries > 0)
        print_error(
            "process %d carries the shim, but it is dormant: no policy, no matching [target], or a plan that it "
            "refused. `nodewise run --dry-run -- COMMAND` tells which",
            (int)pid);
    else
        print_error("process %d carries no shim: it was not started under nodewise, it is static or setuid, or its "
                    "parent cleared LD_PRELOAD",
                    (int)pid);
}

int snapshot_of(struct snapshot *ret_snapshot, pid_t pid)
{
    char *path = NULL;
    int error = segment_find(&path, pid);
    if (error == 0)
        error = snapshot_read(ret_snapshot, path);
    free(path);
    if (error == 0 && (ret_snapshot->alive || ret_snapshot->header.state == SEGMENT_ENDED || !process_exists(pid)))
        return EXIT_OK;
    if (error == 0) {
        snapshot_free(ret_snapshot); /* left by an earlier process with this number */
        error = -ESRCH;
    }
    if (error == -EPROTONOSUPPORT)
        print_error("process %d runs with another version of nodewise", (int)pid);
    else if (error == -EACCES)
        print_error("process %d belongs to another user", (int)pid);
    else if (error == -EINVAL)
        print_error("the telemetry of process %d is damaged", (int)pid);
    else
        say_why_not(pid);
    return EXIT_NO_PROCESS;
}
