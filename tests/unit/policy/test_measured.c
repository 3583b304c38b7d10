#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/measured.h"
#include "policy/measured_file.h"
#include "tests/unit/policy/fixture.h"

#define WHEN "2026-11-28T05:10:00Z"
#define FOUR "pack:2 numa:2 l3:1 core:2"

static const uint32_t table[16] = {10, 14, 21, 28, 14, 10, 28, 21, 21, 28, 10, 14, 28, 21, 14, 10};

/* --- the text --- */

static void a_text_reads_as_it_was_written(void **state)
{
    (void)state;
    struct topology *topology = load_topology(FOUR);
    uint32_t read[16] = {0};
    char when[TOPOLOGY_TIME] = "";
    char *text = measured_text(topology, table, WHEN);
    assert_non_null(text);
    assert_int_equal(measured_read(read, when, topology, text), 0);
    assert_memory_equal(read, table, sizeof(table));
    assert_string_equal(when, WHEN);
    free(text);
    topology_free(topology);
}

static void a_text_of_another_machine_is_stale(void **state)
{
    static const char *const others[] = {"pack:2 numa:2 l3:1 core:4", "pack:2 numa:1 l3:1 core:2",
                                         "pack:2 numa:3 l3:1 core:2"};
    (void)state;
    struct topology *topology = load_topology(FOUR);
    char *text = measured_text(topology, table, WHEN), when[TOPOLOGY_TIME] = "";
    uint32_t read[36];
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct topology *other = load_topology(others[i]);
        assert_int_equal(measured_read(read, when, other, text), -ESTALE);
        topology_free(other);
    }
    char *model = topology->cpu_model;
    topology->cpu_model = strdup("another model");
    free(model);
    assert_int_equal(measured_read(read, when, topology, text), -ESTALE);
    assert_string_equal(when, "");
    free(text);
    topology_free(topology);
}

/* The same text with one part exchanged. */
static char *exchanged(const char *text, const char *part, const char *with)
{
    const char *at = strstr(text, part);
    char *other;
    assert_non_null(at);
    assert_true(asprintf(&other, "%.*s%s%s", (int)(at - text), text, with, at + strlen(part)) > 0);
    return other;
}

static void hostile_texts_change_nothing(void **state)
{
    static const struct {
        const char *part, *with;
    } exchanges[] = {
        {"10 14", "10 300"},
        {"10 14", "10 255"},
        {"10 14", "10 10"},
        {"10 14", "10 9"},
        {"10 14", "10 -4"},
        {"10 14", "10  14"},
        {"10 14", "10"},
        {"10 14", "11 14"},
        {"10 14", "0 14"},
        {"10 14", "10 0014"},
        {"10 14", "10 99999999999"},
        {"14 10\n", "14 10"},
        {"14 10\n", "14 10\n10\n"},
        {"14 10\n", "14 10 10\n"},
        {"measured 2026", "measured \033[1m"},
        {WHEN, "2026-11-28"},
        {WHEN, WHEN " "},
        {"measured", "meant"},
        {"distances 1", "distances 2"},
        {"nodewise", ""},
    };
    (void)state;
    struct topology *topology = load_topology(FOUR);
    char *text = measured_text(topology, table, WHEN);
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(*exchanges); i++) {
        uint32_t read[16] = {0}, nothing[16] = {0};
        char when[TOPOLOGY_TIME] = "";
        char *other = exchanged(text, exchanges[i].part, exchanges[i].with);
        assert_int_equal(measured_read(read, when, topology, other), -EPROTO);
        assert_memory_equal(read, nothing, sizeof(read));
        free(other);
    }
    free(text);
    topology_free(topology);
}

static void no_beginning_of_a_text_is_taken(void **state)
{
    (void)state;
    struct topology *topology = load_topology(FOUR);
    char *text = measured_text(topology, table, WHEN), when[TOPOLOGY_TIME];
    uint32_t read[16];
    for (size_t length = strlen(text); length-- > 0;) {
        char *cut = strndup(text, length); /* of its own: a sanitizer sees what is read behind it */
        assert_true(measured_read(read, when, topology, cut) < 0);
        free(cut);
    }
    free(text);
    topology_free(topology);
}

static void a_table_is_flat_when_remote_nodes_are_alike(void **state)
{
    (void)state;
    struct topology *four = load_topology(FOUR), *two = load_topology("numa:2 core:1"),
                    *one = load_topology("numa:1 core:1");
    assert_false(distances_are_flat(four)); /* 12 and 32 */
    for (size_t i = 0; i < 16; i++)
        four->distances[i] = i % 5 ? 20 : 10;
    assert_true(distances_are_flat(four));
    four->distances[14] = 21;
    assert_false(distances_are_flat(four));
    assert_true(distances_are_flat(two));
    assert_true(distances_are_flat(one));
    topology_free(four);
    topology_free(two);
    topology_free(one);
}

/* --- the file --- */

static char folder[] = "/tmp/nodewise-measured.XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) && setenv("XDG_STATE_HOME", folder, 1) == 0 ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[sizeof(folder) + 16];
    (void)state;
    snprintf(path, sizeof(path), "%s/nodewise", folder);
    rmdir(path);
    return rmdir(folder);
}

static char *write_file(const char *text)
{
    char *path = NULL;
    assert_int_equal(measured_file_write(&path, text), 0);
    return path;
}

static void a_file_reads_as_it_was_written_last(void **state)
{
    char *text;
    (void)state;
    free(write_file("longer than the next one\n"));
    char *path = write_file("one\n");
    assert_int_equal(measured_file_read(&text, path), 0);
    assert_string_equal(text, "one\n");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(measured_file_read(&text, path), -ENOENT);
    free(text);
    free(path);
}

static void a_file_that_others_can_write_is_not_read(void **state)
{
    char *text, *path = write_file("one\n");
    (void)state;
    assert_int_equal(chmod(path, 0664), 0);
    assert_int_equal(measured_file_read(&text, path), -EPERM);
    assert_int_equal(chmod(path, 0646), 0);
    assert_int_equal(measured_file_read(&text, path), -EPERM);
    unlink(path);
    free(path);
}

/* The tests that need another user run as root (CONTRIBUTING.md). */
static void a_file_of_another_user_is_not_read(void **state)
{
    char *text, *path = write_file("one\n");
    (void)state;
    assert_int_equal(chown(path, 12345, 12345), 0);
    assert_int_equal(measured_file_read(&text, path), -EPERM);
    unlink(path);
    free(path);
}

static void links_fifos_and_folders_are_not_read(void **state)
{
    char *text, *path = write_file("one\n");
    (void)state;
    unlink(path);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(measured_file_read(&text, path), -ELOOP);
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(measured_file_read(&text, path), -EINVAL);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(measured_file_read(&text, path), -EINVAL);
    rmdir(path);
    free(path);
}

static void a_file_with_a_nul_or_of_no_size_is_not_read(void **state)
{
    char *text, *path = write_file("one\n");
    (void)state;
    assert_int_equal(truncate(path, 9), 0);
    assert_int_equal(measured_file_read(&text, path), -EPROTO);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(measured_file_read(&text, path), -EINVAL);
    assert_int_equal(truncate(path, 1 << 30), 0);
    assert_int_equal(measured_file_read(&text, path), -EINVAL);
    unlink(path);
    free(path);
}

static void nothing_is_written_where_others_can_write(void **state)
{
    char *path = write_file("one\n"), *none, nodewise[sizeof(folder) + 16];
    (void)state;
    snprintf(nodewise, sizeof(nodewise), "%s/nodewise", folder);
    assert_int_equal(chmod(nodewise, 0777), 0);
    assert_int_equal(measured_file_write(&none, "two\n"), -EPERM);
    assert_int_equal(chmod(nodewise, 0755), 0);
    unlink(path);
    free(path);
}

static void where_nothing_can_be_written_is_known_before(void **state)
{
    char *path, nodewise[sizeof(folder) + 16];
    (void)state;
    snprintf(nodewise, sizeof(nodewise), "%s/nodewise", folder);
    assert_int_equal(measured_file_check(&path), 0);
    assert_memory_equal(path, nodewise, strlen(nodewise));
    assert_int_equal(access(path, F_OK), -1);
    free(path);
    assert_int_equal(chmod(nodewise, 0777), 0);
    assert_int_equal(measured_file_check(&path), -EPERM);
    free(path);
    assert_int_equal(rmdir(nodewise), 0);
    int file = creat(nodewise, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(measured_file_check(&path), -ENOTDIR);
    free(path);
    unlink(nodewise);
    assert_int_equal(measured_file_check(&path), 0);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_reads_as_it_was_written),
        cmocka_unit_test(a_text_of_another_machine_is_stale),
        cmocka_unit_test(hostile_texts_change_nothing),
        cmocka_unit_test(no_beginning_of_a_text_is_taken),
        cmocka_unit_test(a_table_is_flat_when_remote_nodes_are_alike),
        cmocka_unit_test(a_file_reads_as_it_was_written_last),
        cmocka_unit_test(a_file_that_others_can_write_is_not_read),
        cmocka_unit_test(a_file_of_another_user_is_not_read),
        cmocka_unit_test(links_fifos_and_folders_are_not_read),
        cmocka_unit_test(a_file_with_a_nul_or_of_no_size_is_not_read),
        cmocka_unit_test(nothing_is_written_where_others_can_write),
        cmocka_unit_test(where_nothing_can_be_written_is_known_before),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
