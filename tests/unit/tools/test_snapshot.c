#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

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
        .strings = "\0/lib/a.so",
    };
    file.header.sections[SEGMENT_RULE_TABLE] = SECTION(rules, 2);
    file.header.sections[SEGMENT_THREAD_TABLE] = SECTION(threads, 4);
    file.header.sections[SEGMENT_EVENT_TABLE] = SECTION(events, 4);
    file.header.sections[SEGMENT_REGION_TABLE] = SECTION(regions, 2);
    file.header.sections[SEGMENT_ARENA_TABLE] = SECTION(arenas, 2);
    file.header.sections[SEGMENT_STRING_TABLE] = SECTION(strings, 16);
    file.header.sections[SEGMENT_MAPPING_TABLE] =
        (struct segment_section){offsetof(struct file, strings), sizeof(struct segment_mapping), 0, 0};
    return file;
}

static int read_back(struct snapshot *ret_snapshot, const struct file *file, size_t size)
{
    char path[] = "/tmp/nodewise-snapshot-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, file, size), (ssize_t)size);
    close(fd);
    int error = snapshot_read(ret_snapshot, path);
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
    assert_int_equal(snapshot_read(&snapshot, "/no/such/file"), -ENOENT);
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

static void a_request_lies_beside_the_segment(void **state)
{
    (void)state;
    char *path = request_path("/dev/shm/nodewise.0/4711" SEGMENT_SUFFIX, ".reload");
    assert_string_equal(path, "/dev/shm/nodewise.0/4711.reload");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_use_is_copied_in_order),
        cmocka_unit_test(a_record_that_does_not_hold_still_is_left_out),
        cmocka_unit_test(texts_end_where_their_room_ends),
        cmocka_unit_test(a_damaged_segment_is_refused),
        cmocka_unit_test(another_version_is_told_apart_from_damage),
        cmocka_unit_test(a_request_lies_beside_the_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
