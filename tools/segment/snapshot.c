#include "tools/segment/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/plan_text.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/segment/segments.h"

#define SEQ_TRIES 100

/* --- sections --- */

static bool section_fits(const struct snapshot *snapshot, enum segment_section_id id, size_t record, uint32_t most)
{
    const struct segment_section *section = &snapshot->header.sections[id];
    return section->record_size == record && section->offset % 8 == 0 && section->capacity <= most &&
           section->offset + (uint64_t)section->record_size * section->capacity <= snapshot->header.total_size;
}

/* No table is longer than the library makes it: what is done with each pair of records is bounded, too. */
static bool header_is_sound(const struct snapshot *snapshot, size_t size)
{
    static const struct {
        size_t record;
        uint32_t most;
    } tables[SEGMENT_SECTIONS] = {
        [SEGMENT_RULE_TABLE] = {sizeof(struct segment_rule), SEGMENT_RULES_MOST},
        [SEGMENT_THREAD_TABLE] = {sizeof(struct segment_thread), SEGMENT_THREADS},
        [SEGMENT_EVENT_TABLE] = {sizeof(struct segment_event), SEGMENT_EVENTS},
        [SEGMENT_STRING_TABLE] = {1, SEGMENT_STRINGS},
        [SEGMENT_REGION_TABLE] = {sizeof(struct segment_region), SEGMENT_REGIONS},
        [SEGMENT_MAPPING_TABLE] = {sizeof(struct segment_mapping), SEGMENT_RULES_MOST},
        [SEGMENT_ARENA_TABLE] = {sizeof(struct segment_arena), SEGMENT_ARENAS},
        [SEGMENT_SEEN_TABLE] = {sizeof(struct segment_seen), 1},
        [SEGMENT_POOL_TABLE] = {sizeof(struct segment_named), SEGMENT_POOLS},
        [SEGMENT_WORKER_TABLE] = {sizeof(struct segment_worker), SEGMENT_WORKERS},
        [SEGMENT_EXCHANGE_TABLE] = {sizeof(struct segment_named), SEGMENT_EXCHANGES},
        [SEGMENT_PEER_TABLE] = {sizeof(struct segment_peer), SEGMENT_PEERS},
        [SEGMENT_FLOW_TABLE] = {sizeof(struct segment_flow), SEGMENT_FLOWS},
    };
    const struct segment_header *h = &snapshot->header;
    bool sound = h->total_size == size;
    for (unsigned i = 0; i < SEGMENT_SECTIONS; i++)
        sound = sound && section_fits(snapshot, i, tables[i].record, tables[i].most);
    return sound && h->sections[SEGMENT_RULE_TABLE].capacity > 0 &&
           h->strings_used <= h->sections[SEGMENT_STRING_TABLE].capacity && h->base_mask_words <= SEGMENT_MASK_WORDS;
}

static void *copy_section(const struct snapshot *snapshot, const struct file_bytes *file, enum segment_section_id id,
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

static int by_index(const void *a, const void *b)
{
    const struct segment_thread *one = a, *other = b;
    return one->index < other->index ? -1 : one->index > other->index;
}

/* A record whose number is odd was being written when it was copied. */
static int copy_threads(struct snapshot *snapshot, const struct file_bytes *file)
{
    uint32_t capacity = snapshot->header.sections[SEGMENT_THREAD_TABLE].capacity;
    snapshot->threads = copy_section(snapshot, file, SEGMENT_THREAD_TABLE, capacity);
    if (!snapshot->threads)
        return -ENOMEM;
    for (uint32_t i = 0; i < capacity; i++) {
        struct segment_thread *thread = &snapshot->threads[i];
        if (thread->state == THREAD_FREE || thread->state > THREAD_ENDED)
            continue;
        if (thread->seq % 2) {
            snapshot->changing++;
            continue;
        }
        thread->name[sizeof(thread->name) - 1] = '\0';
        snapshot->threads[snapshot->thread_count++] = *thread;
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
static int copy_events(struct snapshot *snapshot, const struct file_bytes *file)
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
static int copy_arenas(struct snapshot *snapshot, const struct file_bytes *file)
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

/* Records are used from the first one on. */
static int copy_pools(struct snapshot *snapshot, const struct file_bytes *file)
{
    const struct segment_section *pools = &snapshot->header.sections[SEGMENT_POOL_TABLE];
    const struct segment_section *workers = &snapshot->header.sections[SEGMENT_WORKER_TABLE];
    const struct segment_named *pool = (const void *)(file->data + pools->offset);
    const struct segment_worker *worker = (const void *)(file->data + workers->offset);
    while (snapshot->pool_count < pools->capacity && pool[snapshot->pool_count].name[0])
        snapshot->pool_count++;
    while (snapshot->worker_count < workers->capacity && worker[snapshot->worker_count].pool)
        snapshot->worker_count++;
    snapshot->pools = copy_section(snapshot, file, SEGMENT_POOL_TABLE, snapshot->pool_count);
    snapshot->workers = copy_section(snapshot, file, SEGMENT_WORKER_TABLE, snapshot->worker_count);
    if (!snapshot->pools || !snapshot->workers)
        return -ENOMEM;
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->pool_count; i++)
        snapshot->pools[i].name[sizeof(snapshot->pools[i].name) - 1] = '\0';
    for (size_t i = 0; i < snapshot->worker_count; i++)
        if (snapshot->workers[i].pool && snapshot->workers[i].pool <= snapshot->pool_count)
            snapshot->workers[kept++] = snapshot->workers[i];
    snapshot->worker_count = kept;
    return 0;
}

static void keep_peers(struct snapshot *snapshot)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->peer_count; i++)
        if (snapshot->peers[i].exchange <= snapshot->exchange_count)
            snapshot->peers[kept++] = snapshot->peers[i];
    snapshot->peer_count = kept;
}

static void keep_flows(struct snapshot *snapshot)
{
    size_t kept = 0;
    for (size_t i = 0; i < snapshot->flow_count; i++)
        if (snapshot->flows[i].exchange <= snapshot->exchange_count)
            snapshot->flows[kept++] = snapshot->flows[i];
    snapshot->flow_count = kept;
}

/* As pools: counted in the copies, which hold still. */
static int copy_exchanges(struct snapshot *snapshot, const struct file_bytes *file)
{
    const struct segment_section *sections = snapshot->header.sections;
    uint32_t exchanges = sections[SEGMENT_EXCHANGE_TABLE].capacity, peers = sections[SEGMENT_PEER_TABLE].capacity,
             flows = sections[SEGMENT_FLOW_TABLE].capacity;
    snapshot->exchanges = copy_section(snapshot, file, SEGMENT_EXCHANGE_TABLE, exchanges);
    snapshot->peers = copy_section(snapshot, file, SEGMENT_PEER_TABLE, peers);
    snapshot->flows = copy_section(snapshot, file, SEGMENT_FLOW_TABLE, flows);
    if (!snapshot->exchanges || !snapshot->peers || !snapshot->flows)
        return -ENOMEM;
    while (snapshot->exchange_count < exchanges && snapshot->exchanges[snapshot->exchange_count].name[0])
        snapshot->exchange_count++;
    while (snapshot->peer_count < peers && snapshot->peers[snapshot->peer_count].exchange)
        snapshot->peer_count++;
    while (snapshot->flow_count < flows && snapshot->flows[snapshot->flow_count].exchange)
        snapshot->flow_count++;
    for (size_t i = 0; i < snapshot->exchange_count; i++)
        snapshot->exchanges[i].name[sizeof(snapshot->exchanges[i].name) - 1] = '\0';
    keep_peers(snapshot);
    keep_flows(snapshot);
    return 0;
}

static void copy_seen(struct snapshot *snapshot, const struct file_bytes *file)
{
    const struct segment_section *section = &snapshot->header.sections[SEGMENT_SEEN_TABLE];
    if (section->capacity > 0)
        memcpy(&snapshot->seen, file->data + section->offset, sizeof(snapshot->seen));
}

int snapshot_copy(struct snapshot *ret_snapshot, const struct file_bytes *file)
{
    struct snapshot copy = {0}, *snapshot = &copy;
    struct segment_header *h = &copy.header;
    if (file->size < sizeof(*h))
        return -EINVAL;
    memcpy(h, file->data, sizeof(*h));
    if (h->magic != SEGMENT_MAGIC)
        return -EINVAL;
    if (h->version != SEGMENT_VERSION || h->header_size != sizeof(*h))
        return -EPROTONOSUPPORT;
    if (!header_is_sound(snapshot, file->size))
        return -EINVAL;
    h->comm[sizeof(h->comm) - 1] = h->exe[sizeof(h->exe) - 1] = h->plan_path[sizeof(h->plan_path) - 1] = '\0';
    copy_seen(&copy, file);
    copy.rule_count = h->sections[SEGMENT_RULE_TABLE].capacity;
    copy.mapping_count = h->sections[SEGMENT_MAPPING_TABLE].capacity;
    copy.rules = copy_section(snapshot, file, SEGMENT_RULE_TABLE, copy.rule_count);
    copy.strings = copy_section(snapshot, file, SEGMENT_STRING_TABLE, h->strings_used);
    copy.mappings = copy_section(snapshot, file, SEGMENT_MAPPING_TABLE, copy.mapping_count);
    int error = copy.rules && copy.strings && copy.mappings ? copy_threads(snapshot, file) : -ENOMEM;
    if (error == 0)
        error = copy_events(snapshot, file);
    if (error == 0)
        error = copy_arenas(snapshot, file);
    if (error == 0)
        error = copy_pools(snapshot, file);
    if (error == 0)
        error = copy_exchanges(snapshot, file);
    if (error < 0)
        snapshot_free(snapshot);
    else
        *ret_snapshot = copy;
    return error;
}

/* --- reading --- */

static bool is_same(const struct segment_thread *one, const struct segment_thread *other)
{
    return one->seq == other->seq && one->seq % 2 == 0;
}

/*
 * A record counts when its number is even and has not changed since; what is read again was read later. The number is
 * the record's first member, so that of the second copy is read after all of the first. Pairs with segment_thread() of
 * the library. A record that never rests keeps an odd number.
 */
static void settle(const struct segment_file *from, struct segment_thread *thread, const struct segment_thread *again,
                   off_t offset)
{
    struct segment_thread copies[2] = {*thread, *again};
    for (unsigned i = 0; i < SEQ_TRIES && !is_same(&copies[0], &copies[1]); i++) {
        copies[0] = copies[1];
        if (segment_read_at(from, &copies[1], sizeof(copies[1]), offset) < 0)
            break;
    }
    *thread = copies[0];
    if (!is_same(&copies[0], &copies[1]))
        thread->seq |= 1;
}

static int settle_threads(struct file_bytes *file, const struct segment_file *from)
{
    const struct segment_header *header = (const void *)file->data;
    if (file->size < sizeof(*header))
        return -EINVAL;
    const struct segment_section section = header->sections[SEGMENT_THREAD_TABLE];
    uint64_t size = (uint64_t)section.capacity * sizeof(struct segment_thread);
    if (section.offset % 8 != 0 || section.offset + size > file->size)
        return -EINVAL;
    struct segment_thread *threads = (void *)(file->data + section.offset), *again = malloc(size + 1);
    if (!again)
        return -ENOMEM;
    int error = segment_read_at(from, again, size, section.offset);
    for (uint32_t i = 0; error == 0 && i < section.capacity; i++)
        if (!is_same(&threads[i], &again[i]))
            settle(from, &threads[i], &again[i], (off_t)(section.offset + i * sizeof(*threads)));
    free(again);
    return error;
}

/* The file's own words about whose it is count for nothing. */
static int put_right(struct snapshot *snapshot, const struct segment_file *file)
{
    struct segment_header *header = &snapshot->header;
    uint64_t ticks = header->start_ticks;
    if (header->pid != (uint32_t)file->pid)
        return -EINVAL;
    header->uid = file->user;
    snapshot->missing = file->in_memory ? segment_missing(file) : NULL;
    snapshot->from_outside = file->from_outside;
    snapshot->watcher = file->watcher;
    /*
     * A process that goes on as another program by exec keeps its number and start time, but not its mappings. Its start
     * time counts where these cannot be seen: in another time namespace it is another one.
     */
    bool is_same = file->is_mapped || ticks == 0 || ticks == process_start_ticks(file->pid);
    snapshot->alive = header->state != SEGMENT_ENDED && file->is_held && is_same;
    return 0;
}

/* The process itself tells of a thread's end; of this one no one does. */
static void end_threads(struct snapshot *snapshot)
{
    char path[64];
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        snprintf(path, sizeof(path), "/proc/%u/task/%u", snapshot->header.pid, snapshot->threads[i].tid);
        if (access(path, F_OK) != 0)
            snapshot->threads[i].state = THREAD_ENDED;
    }
}

/* What stands before the segment. */
static int read_outside(struct snapshot *snapshot, const struct segment_file *from)
{
    struct file_bytes file;
    if (!from->from_outside)
        return 0;
    int error = read_opened(&file, from->fd, &from->status, SEGMENT_MOST);
    if (error < 0)
        return error;
    error = outside_record_parse(&snapshot->outside, &file);
    free(file.data);
    end_threads(snapshot);
    return error;
}

/* --- the plan --- */

/* Of root, or of whom the process is or was; no other user can write to it. */
static bool may_be_plan(const struct stat *status, const struct segment_file *file)
{
    return (status->st_uid == 0 || status->st_uid == file->owner || status->st_uid == file->user) &&
           (status->st_mode & 022) == 0;
}

/* Where no folder could keep it, it went along in the environment. */
static int read_plan_text(struct snapshot *snapshot, pid_t pid)
{
    char *text = process_variable(pid, "NODEWISE_PLAN");
    size_t size = text ? plan_text_length(text) : 0;
    struct file_bytes file = {size ? malloc(size) : NULL, size};
    bool is_read = file.data && plan_text_read(file.data, text);
    free(text);
    if (is_read)
        return snapshot_take_plan(snapshot, &file);
    free(file.data);
    return -ENOENT;
}

/* A plan that was replaced meanwhile does not fit the numbers in the segment, so its checksum is compared. */
static int read_plan(struct snapshot *snapshot, const struct segment_file *from)
{
    struct file_bytes file = {0};
    struct stat status;
    struct plan_header begin;
    if (!*snapshot->header.plan_path)
        return -ENOENT;
    if (strcmp(snapshot->header.plan_path, PLAN_TEXT_PREFIX) == 0)
        return read_plan_text(snapshot, from->pid);
    int fd = open_regular(AT_FDCWD, snapshot->header.plan_path, O_RDONLY, &status);
    if (fd < 0)
        return fd;
    int error = may_be_plan(&status, from) ? read_at(fd, &begin, sizeof(begin), 0) : -EPERM;
    if (error == 0 && begin.magic == PLAN_MAGIC && begin.checksum != snapshot->header.plan_checksum)
        error = -ESTALE;
    if (error == 0)
        error = read_opened(&file, fd, &status, PLAN_MAX_SIZE);
    close(fd);
    return error < 0 ? error : snapshot_take_plan(snapshot, &file);
}

int snapshot_take_plan(struct snapshot *snapshot, struct file_bytes *file)
{
    snapshot->plan_data = file->data;
    snapshot->plan_size = file->size;
    int error = plan_check(&snapshot->plan, file->data, file->size, NULL);
    if (error == 0 && snapshot->plan.header->checksum != snapshot->header.plan_checksum)
        error = -ESTALE;
    snapshot->has_plan = error == 0;
    return error;
}

int snapshot_read(struct snapshot *ret_snapshot, const struct segment_file *file)
{
    struct file_bytes bytes;
    int error = segment_read(file, &bytes);
    if (error < 0)
        return error;
    error = settle_threads(&bytes, file);
    if (error == 0)
        error = snapshot_copy(ret_snapshot, &bytes);
    free(bytes.data);
    if (error < 0)
        return error;
    error = put_right(ret_snapshot, file);
    if (error == 0)
        error = read_outside(ret_snapshot, file);
    if (error < 0)
        snapshot_free(ret_snapshot);
    else
        ret_snapshot->plan_error = read_plan(ret_snapshot, file);
    return error;
}

int snapshot_take(struct snapshot *ret_snapshot, const struct file_bytes *bytes)
{
    int error = snapshot_copy(ret_snapshot, bytes);
    if (error < 0)
        return error;
    struct segment_header *header = &ret_snapshot->header;
    const struct segment_file own = {.pid = (pid_t)header->pid, .owner = geteuid(), .user = geteuid()};
    header->uid = own.user;
    ret_snapshot->plan_error = read_plan(ret_snapshot, &own);
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
    free(snapshot->pools);
    free(snapshot->workers);
    free(snapshot->exchanges);
    free(snapshot->peers);
    free(snapshot->flows);
    free(snapshot->strings);
    free(snapshot->plan_data);
    outside_record_free(&snapshot->outside);
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

const char *snapshot_policy(const struct snapshot *snapshot)
{
    if (snapshot->from_outside)
        return snapshot->outside.head.policy;
    return snapshot->has_plan ? plan_text(&snapshot->plan, snapshot->plan.header->source) : "";
}

const char *snapshot_string(const struct snapshot *snapshot, uint16_t offset)
{
    return offset < snapshot->header.strings_used ? snapshot->strings + offset : "";
}

/* --- for a view --- */

static void say_why_not(pid_t pid)
{
    int carries = process_maps(pid, "/libnodewise");
    if (!process_exists(pid))
        print_error("there is no process %d", (int)pid);
    else if (carries < 0)
        print_error("process %d cannot be looked at: %s", (int)pid, strerror(-carries));
    else if (carries > 0 && process_has_other_mounts(pid))
        print_error(
            "process %d carries the shim, and has mounts of its own, as in a container: what it tells is where this "
            "command does not see it, or it is dormant. `nodewise show` in there tells which",
            (int)pid);
    else if (carries > 0)
        print_error(
            "process %d carries the shim, but it is dormant: no policy, no matching [target], or a plan that it "
            "refused. `nodewise run --dry-run -- COMMAND` tells which",
            (int)pid);
    else
        print_error("process %d carries no shim: it was not started under nodewise, it is static or setuid, or its "
                    "parent cleared LD_PRELOAD (`nodewise apply` governs it from outside)",
                    (int)pid);
}

int snapshot_of(struct snapshot *ret_snapshot, pid_t pid)
{
    struct segment_file file = {0};
    int error = segment_find(&file, pid);
    if (error == 0) {
        error = snapshot_read(ret_snapshot, &file);
        segment_close(&file);
    }
    if (error < 0 && error != -EPROTONOSUPPORT && file.in_memory) {
        print_error(
            "process %d is governed, no telemetry: %s; what it tells stays in its memory, which cannot be read: %s",
            (int)pid, segment_missing(&file), strerror(-error));
        return EXIT_NO_PROCESS;
    }
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
