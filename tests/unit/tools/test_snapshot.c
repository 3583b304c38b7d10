#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/report/report_exchanges.h"
#include "tools/report/report_pools.h"
#include "tools/segment/request.h"
#include "tools/segment/snapshot.h"

/* A segment as the library writes it, with a rule, two threads, three events, a region and an arena. */
struct file {
    struct segment_header header;
    struct segment_rule rules[2];
    struct segment_thread threads[4];
    struct segment_event events[4];
    struct segment_region regions[2];
    struct segment_arena arenas[2];
    struct segment_seen seen[1];
    struct segment_named pools[3];
    struct segment_worker workers[6];
    struct segment_named exchanges[3];
    struct segment_peer peers[5];
    struct segment_flow flows[4];
    char strings[16];
};

#define SECTION(member, entries)                                                                                       \
    (struct segment_section)                                                                                           \
    {                                                                                                                  \
        offsetof(struct file, member), sizeof(((struct file *)NULL)->member[0]), entries, 0                            \
    }

static struct file sound(void)
{
    struct file file = {
        .header = {.magic = SEGMENT_MAGIC,
                   .version = SEGMENT_VERSION,
                   .header_size = sizeof(struct segment_header),
                   .total_size = sizeof(struct file),
                   .state = SEGMENT_ENDED,
                   .pid = 4711,
                   .comm = "program",
                   .strings_used = 10},
        .threads = {{.state = THREAD_LIVE, .seq = 2, .tid = 12, .index = 1, .name = "second", .start_library = 1},
                    {.state = THREAD_FREE, .tid = 99},
                    {.state = THREAD_ENDED, .seq = 4, .tid = 11, .index = 0, .name = "first"}},
        .events = {{.number = 5, .kind = EVENT_PLACED, .tid = 5},
                   {.number = 0, .kind = EVENT_PLACED, .tid = 0}, /* being written */
                   {.number = 3, .kind = EVENT_START, .tid = 3},
                   {.number = 4, .kind = EVENT_KINDS, .tid = 4}}, /* of no kind known here */
        .regions = {{.start = 0}, {.start = 4096, .node = 1}},
        .arenas = {{.used = 2, .region = 1, .allocations = 7}, {.used = 1}},
        .seen = {{.samples = 3, .local = 4}},
        .pools = {{.name = "fifteen-letters!", .open = 1}, {.name = "b"}}, /* without an end */
        .workers = {{.pool = 1, .node = 2, .state = WORKER_LIVES, .counts = {.run = 5, .stolen = {1, 2, 3, 4}}},
                    {.pool = 2, .node = 0, .counts = {.run = 7, .slept = 1}},
                    {.pool = 1, .node = 2, .state = WORKER_LIVES, .guests = 1, .counts = {.run = 10, .woken = 9}},
                    {.pool = 3, .node = 0, .counts = {.run = 99}}, /* of no pool that there is */
                    {.pool = 1, .node = 0, .state = WORKER_GONE, .counts = {.run = 1}}},
        .exchanges = {{.name = "fifteen-letters!", .open = 1}, {.name = "b"}}, /* without an end */
        .peers = {{.exchange = 1, .node = 2, .state = WORKER_LIVES, .channels = 3, .slept = 1, .refused = 8},
                  {.exchange = 2, .node = 2, .state = WORKER_LIVES, .slept = 99},
                  {.exchange = 1, .node = 2, .state = WORKER_GONE, .channels = 5, .slept = 2},
                  {.exchange = 3, .node = 2, .slept = 99}, /* of no exchange that there is */
                  {.exchange = 1, .node = UINT32_MAX, .state = WORKER_LIVES}},
        .flows = {{.exchange = 2, .from = 2, .to = 2, .bytes = 80},
                  {.exchange = 1, .from = 2, .to = 0, .messages = 4, .bytes = 64, .queued = 16},
                  {.exchange = 7},
                  {.exchange = 1, .from = 0, .to = 2, .bytes = 8}},
        .strings = "\0/lib/a.so",
    };
    file.header.sections[SEGMENT_RULE_TABLE] = SECTION(rules, 2);
    file.header.sections[SEGMENT_THREAD_TABLE] = SECTION(threads, 4);
    file.header.sections[SEGMENT_EVENT_TABLE] = SECTION(events, 4);
    file.header.sections[SEGMENT_REGION_TABLE] = SECTION(regions, 2);
    file.header.sections[SEGMENT_ARENA_TABLE] = SECTION(arenas, 2);
    file.header.sections[SEGMENT_SEEN_TABLE] = SECTION(seen, 1);
    file.header.sections[SEGMENT_POOL_TABLE] = SECTION(pools, 3);
    file.header.sections[SEGMENT_WORKER_TABLE] = SECTION(workers, 6);
    file.header.sections[SEGMENT_EXCHANGE_TABLE] = SECTION(exchanges, 3);
    file.header.sections[SEGMENT_PEER_TABLE] = SECTION(peers, 5);
    file.header.sections[SEGMENT_FLOW_TABLE] = SECTION(flows, 4);
    file.header.sections[SEGMENT_STRING_TABLE] = SECTION(strings, 16);
    file.header.sections[SEGMENT_MAPPING_TABLE] =
        (struct segment_section){offsetof(struct file, strings), sizeof(struct segment_mapping), 0, 0};
    return file;
}

static char folder[] = "/tmp/nodewise-snapshot-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

/* Names the file for process 4711, which is that of the header. */
static int write_file(char *ret_path, size_t room, const void *bytes, size_t size, mode_t mode)
{
    snprintf(ret_path, room, "%s/4711" SEGMENT_SUFFIX, folder);
    int fd = open(ret_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    assert_int_equal(fchmod(fd, mode), 0);
    return close(fd);
}

static int read_from(struct snapshot *ret_snapshot, const char *path)
{
    struct segment_file segment;
    int error = segment_open_path(&segment, path);
    if (error < 0)
        return error;
    error = snapshot_read(ret_snapshot, &segment);
    segment_close(&segment);
    return error;
}

static int read_back(struct snapshot *ret_snapshot, const struct file *file, size_t size)
{
    char path[96];
    write_file(path, sizeof(path), file, size, 0600);
    int error = read_from(ret_snapshot, path);
    unlink(path);
    return error;
}

static void what_is_in_use_is_copied_in_order(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct file file = sound();
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_false(snapshot.alive);
    assert_false(snapshot.has_plan);
    assert_int_equal(snapshot.plan_error, -ENOENT);
    assert_int_equal(snapshot.thread_count, 2);
    assert_string_equal(snapshot.threads[0].name, "first");
    assert_string_equal(snapshot.threads[1].name, "second");
    assert_string_equal(snapshot_string(&snapshot, snapshot.threads[1].start_library), "/lib/a.so");
    assert_string_equal(snapshot_string(&snapshot, 0), "");
    assert_string_equal(snapshot_string(&snapshot, 10), "");
    assert_int_equal(snapshot.event_count, 2);
    assert_int_equal(snapshot.events[0].number, 3);
    assert_int_equal(snapshot.events[1].number, 5);
    assert_int_equal(snapshot.arena_count, 1);
    assert_int_equal(snapshot.arenas[0].allocations, 7);
    assert_int_equal(snapshot.seen.samples, 3);
    assert_int_equal(snapshot.seen.local, 4);
    assert_int_equal(snapshot.region_count, 1);
    assert_int_equal(snapshot_region(&snapshot, 1)->node, 1);
    assert_null(snapshot_region(&snapshot, 0));
    assert_int_equal(snapshot.changing, 0);
    snapshot_free(&snapshot);
}

static void a_record_that_does_not_hold_still_is_left_out(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct file file = sound();
    file.threads[0].seq = 3;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(snapshot.changing, 1);
    assert_int_equal(snapshot.thread_count, 1);
    assert_string_equal(snapshot.threads[0].name, "first");
    snapshot_free(&snapshot);
}

static void texts_end_where_their_room_ends(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct file file = sound();
    memset(file.header.comm, 'x', sizeof(file.header.comm));
    memset(file.threads[0].name, 'y', sizeof(file.threads[0].name));
    memset(file.events[0].text, 'z', sizeof(file.events[0].text));
    memset(file.strings, 's', sizeof(file.strings));
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(strlen(snapshot.header.comm), sizeof(file.header.comm) - 1);
    assert_int_equal(strlen(snapshot.threads[1].name), sizeof(file.threads[0].name) - 1);
    assert_int_equal(strlen(snapshot.events[1].text), sizeof(file.events[0].text) - 1);
    assert_int_equal(strlen(snapshot_string(&snapshot, 0)), 10);
    snapshot_free(&snapshot);
}

static void a_damaged_segment_is_refused(void **state)
{
    (void)state;
    struct snapshot snapshot;
    for (unsigned i = 0; i < SEGMENT_SECTIONS; i++) {
        struct file file = sound();
        file.header.sections[i].offset = sizeof(file) - 8 - sizeof(file) % 8;
        file.header.sections[i].capacity = 1000;
        assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
        file = sound();
        file.header.sections[i].record_size += 8;
        assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
        file = sound();
        file.header.sections[i].offset += 1;
        assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
    }
    struct file file = sound();
    assert_int_equal(read_back(&snapshot, &file, sizeof(file) - 1), -EINVAL);
    assert_int_equal(read_back(&snapshot, &file, 16), -EINVAL);
    file.header.strings_used = 17;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
    file = sound();
    file.header.base_mask_words = SEGMENT_MASK_WORDS + 1;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
    file = sound();
    file.header.magic++;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
    file = sound();
    file.header.pid++;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EINVAL);
    assert_int_equal(read_from(&snapshot, "/no/such/1.seg"), -ENOENT);
}

static void another_version_is_told_apart_from_damage(void **state)
{
    (void)state;
    struct snapshot snapshot;
    struct file file = sound();
    file.header.version = SEGMENT_VERSION - 1;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EPROTONOSUPPORT);
    file.header.version = SEGMENT_VERSION;
    file.header.header_size -= 8;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), -EPROTONOSUPPORT);
}

static void no_table_is_longer_than_the_library_makes_it(void **state)
{
    (void)state;
    struct snapshot snapshot;
    size_t size = sizeof(struct file) + (SEGMENT_ARENAS + 1) * sizeof(struct segment_arena);
    struct file *file = calloc(1, size);
    assert_non_null(file);
    *file = sound();
    file->header.total_size = size;
    file->header.sections[SEGMENT_ARENA_TABLE] =
        (struct segment_section){sizeof(*file), sizeof(struct segment_arena), SEGMENT_ARENAS, 0};
    assert_int_equal(snapshot_copy(&snapshot, &(struct file_bytes){(char *)file, size}), 0);
    snapshot_free(&snapshot);
    file->header.sections[SEGMENT_ARENA_TABLE].capacity++;
    assert_int_equal(snapshot_copy(&snapshot, &(struct file_bytes){(char *)file, size}), -EINVAL);
    free(file);
}

/* --- whose file it is --- */

static void only_a_regular_file_of_its_folder_is_opened(void **state)
{
    (void)state;
    struct file file = sound();
    struct snapshot snapshot;
    char path[96], other[96];
    write_file(path, sizeof(path), &file, sizeof(file), 0600);
    snprintf(other, sizeof(other), "%s/other", folder);

    assert_int_equal(link(path, other), 0);
    assert_int_equal(read_from(&snapshot, path), -EPERM); /* a second name */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(read_from(&snapshot, path), -ELOOP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(read_from(&snapshot, path), -EINVAL); /* and at once */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(read_from(&snapshot, path), -EINVAL);
    assert_int_equal(rmdir(path), 0);
    write_file(path, sizeof(path), &file, sizeof(file), 0620);
    assert_int_equal(read_from(&snapshot, path), -EPERM); /* others can write to it */
    assert_int_equal(unlink(path), 0);
    write_file(path, sizeof(path), &file, sizeof(file), 0600);
    assert_int_equal(chmod(folder, 0770), 0);
    assert_int_equal(read_from(&snapshot, path), -EPERM); /* others can exchange it */
    assert_int_equal(chmod(folder, 0700), 0);
    assert_int_equal(truncate(path, (off_t)SEGMENT_MOST + 1), 0);
    assert_int_equal(read_from(&snapshot, path), -EINVAL); /* a sparse giant */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(other), 0);
}

/* A view looks at a plan that the segment names: whatever lies there. */
static void a_plan_is_a_file_of_root_or_of_the_process(void **state)
{
    (void)state;
    struct file file = sound();
    struct snapshot snapshot;
    char fifo[96];
    snprintf(fifo, sizeof(fifo), "%s/plan", folder);
    assert_int_equal(mkfifo(fifo, 0666), 0);
    snprintf(file.header.plan_path, sizeof(file.header.plan_path), "%s", fifo);
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(snapshot.plan_error, -EINVAL);
    snapshot_free(&snapshot);
    assert_int_equal(unlink(fifo), 0);
    snprintf(file.header.plan_path, sizeof(file.header.plan_path), "/dev/zero");
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(snapshot.plan_error, -EINVAL);
    snapshot_free(&snapshot);
}

/* --- requests --- */

static void a_request_lies_beside_the_segment(void **state)
{
    (void)state;
    struct file file = sound();
    struct segment_file segment;
    char path[96], request[96], text[16] = "";
    uint32_t number = 0;
    file.header.request_wanted = 6;
    write_file(path, sizeof(path), &file, sizeof(file), 0600);
    snprintf(request, sizeof(request), "%s/4711.reload", folder);
    assert_int_equal(symlink("/tmp/nodewise-never-made", request), 0); /* it is not followed */
    assert_int_equal(segment_open_path(&segment, path), 0);
    assert_int_equal(request_make(&segment, ".reload", "/a/plan", &number), 0);
    assert_int_equal(number, 7);
    int fd = open(request, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, text, sizeof(text)), 7);
    assert_string_equal(text, "/a/plan");
    close(fd);
    segment_remove_beside(&segment, ".reload");
    assert_int_equal(access(request, F_OK), -1);
    /* another file has taken its place: it is not written to */
    assert_int_equal(unlink(path), 0);
    write_file(path, sizeof(path), &file, sizeof(file), 0600);
    assert_int_equal(request_make(&segment, ".reload", "/a/plan", &number), -ESTALE);
    segment_close(&segment);
    unlink(request);
    assert_int_equal(unlink(path), 0);
}

static void work_is_summed_by_pool_and_node(void **state)
{
    struct file file = sound();
    struct snapshot snapshot;
    struct pool_work work;
    size_t from = 0;
    (void)state;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(snapshot.pool_count, 2);
    assert_string_equal(snapshot.pools[0].name, "fifteen-letters");
    assert_int_equal(snapshot.worker_count, 4);
    assert_true(pool_work_next(&snapshot, 0, &from, &work));
    assert_int_equal(work.node, 2);
    assert_int_equal(work.workers, 1); /* guests are none */
    assert_int_equal(work.counts.run, 15);
    assert_int_equal(work.counts.stolen[SEGMENT_TIER_REMOTE], 4);
    assert_int_equal(work.counts.woken, 9);
    assert_true(pool_work_next(&snapshot, 0, &from, &work));
    assert_int_equal(work.node, 0);
    assert_int_equal(work.workers, 0);
    assert_int_equal(work.counts.run, 1);
    assert_false(pool_work_next(&snapshot, 0, &from, &work));
    from = 0;
    assert_true(pool_work_next(&snapshot, 1, &from, &work));
    assert_int_equal(work.counts.run, 7);
    assert_false(pool_work_next(&snapshot, 1, &from, &work));
    snapshot_free(&snapshot);
}

static void what_went_between_workers_is_told_by_exchange(void **state)
{
    struct file file = sound();
    struct snapshot snapshot;
    struct exchange_work work;
    const struct segment_flow *flow;
    size_t from = 0;
    (void)state;
    assert_int_equal(read_back(&snapshot, &file, sizeof(file)), 0);
    assert_int_equal(snapshot.exchange_count, 2);
    assert_string_equal(snapshot.exchanges[0].name, "fifteen-letters");
    assert_true(exchange_work_next(&snapshot, 0, &from, &work));
    assert_int_equal(work.node, 2);
    assert_int_equal(work.workers, 1); /* those that have left are none */
    assert_int_equal(work.channels, 3);
    assert_int_equal(work.slept, 3); /* but what they counted is */
    assert_int_equal(work.refused, 8);
    assert_true(exchange_work_next(&snapshot, 0, &from, &work));
    assert_int_equal(work.node, UINT32_MAX);
    assert_false(exchange_work_next(&snapshot, 0, &from, &work));
    from = 0;
    flow = exchange_flow_next(&snapshot, 0, &from);
    assert_int_equal(flow->to, 0);
    assert_int_equal(flow->queued, 16);
    flow = exchange_flow_next(&snapshot, 0, &from);
    assert_int_equal(flow->bytes, 8);
    assert_null(exchange_flow_next(&snapshot, 0, &from));
    snapshot_free(&snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_between_workers_is_told_by_exchange),
        cmocka_unit_test(work_is_summed_by_pool_and_node),
        cmocka_unit_test(what_is_in_use_is_copied_in_order),
        cmocka_unit_test(a_record_that_does_not_hold_still_is_left_out),
        cmocka_unit_test(texts_end_where_their_room_ends),
        cmocka_unit_test(a_damaged_segment_is_refused),
        cmocka_unit_test(another_version_is_told_apart_from_damage),
        cmocka_unit_test(no_table_is_longer_than_the_library_makes_it),
        cmocka_unit_test(only_a_regular_file_of_its_folder_is_opened),
        cmocka_unit_test(a_plan_is_a_file_of_root_or_of_the_process),
        cmocka_unit_test(a_request_lies_beside_the_segment),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
