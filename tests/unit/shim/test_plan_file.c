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

#include "shim/base/state.h"
#include "shim/start/plan_file.h"

/*
 * No test has a sound plan: what may be read is REASON_PLAN_DAMAGED, what must not be looked into REASON_PLAN_UNSAFE.
 */
static char folder[64], path[96];

static int make_file(void **state)
{
    (void)state;
    shim.uid = geteuid();
    snprintf(folder, sizeof(folder), "/tmp/nodewise-plan-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/x.plan", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    char zeros[65536] = {0};
    ssize_t written = fd < 0 ? -1 : write(fd, zeros, sizeof(zeros));
    close(fd);
    return written == (ssize_t)sizeof(zeros) ? 0 : -1;
}

static int remove_file(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static enum reason looked_at(const char *at)
{
    struct plan_view plan;
    enum reason reason = plan_file_read(&plan, at);
    assert_int_equal(plan_file_read_apart(&plan, at), reason);
    return reason;
}

static void an_own_file_in_an_own_folder_is_read(void **state)
{
    (void)state;
    assert_int_equal(looked_at(path), REASON_PLAN_DAMAGED);
}

static void sizes_that_no_plan_has_are_refused(void **state)
{
    static const off_t sizes[] = {0, 1, 8, sizeof(struct plan_header) - 1, (off_t)PLAN_MAX_SIZE + 1};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_int_equal(looked_at(path), REASON_PLAN_DAMAGED);
    }
}

static void a_file_that_others_can_write_is_unsafe(void **state)
{
    static const struct {
        mode_t mode;
        enum reason reason;
    } cases[] = {{0644, REASON_PLAN_DAMAGED},
                 {0620, REASON_PLAN_UNSAFE},
                 {0602, REASON_PLAN_UNSAFE},
                 {0666, REASON_PLAN_UNSAFE},
                 {0400, REASON_PLAN_DAMAGED}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(chmod(path, cases[i].mode), 0);
        assert_int_equal(looked_at(path), cases[i].reason);
    }
}

static void a_folder_that_others_can_write_is_unsafe_unless_sticky(void **state)
{
    static const struct {
        mode_t mode;
        enum reason reason;
    } cases[] = {{0755, REASON_PLAN_DAMAGED},
                 {0775, REASON_PLAN_UNSAFE},
                 {0757, REASON_PLAN_UNSAFE},
                 {01777, REASON_PLAN_DAMAGED}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        assert_int_equal(chmod(folder, cases[i].mode), 0);
        assert_int_equal(looked_at(path), cases[i].reason);
    }
}

/* Who is not root cannot give a file away, and asks in another user's name. */
static void give_away(const char *what)
{
    if (geteuid() == 0)
        assert_int_equal(chown(what, 12345, (gid_t)-1), 0);
    else
        shim.uid = geteuid() + 1;
}

static void another_users_file_is_unsafe(void **state)
{
    (void)state;
    give_away(path);
    assert_int_equal(looked_at(path), REASON_PLAN_UNSAFE);
}

static void a_file_in_another_users_folder_is_unsafe(void **state)
{
    (void)state;
    give_away(folder);
    assert_int_equal(looked_at(path), REASON_PLAN_UNSAFE);
}

static void what_is_no_plain_file_is_refused(void **state)
{
    char link[128], fifo[128];
    (void)state;
    snprintf(link, sizeof(link), "%s.link", path);
    snprintf(fifo, sizeof(fifo), "%s.fifo", path);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(looked_at(link), REASON_PLAN_MISSING);
    assert_int_equal(looked_at(fifo), REASON_PLAN_UNSAFE);
    unlink(link);
    unlink(fifo);
    assert_int_equal(looked_at(folder), REASON_PLAN_UNSAFE);
}

/* It would be another file after a chdir. */
static void a_relative_path_is_refused(void **state)
{
    int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)state;
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(looked_at("x.plan"), REASON_PLAN_UNSAFE);
    assert_int_equal(looked_at("./x.plan"), REASON_PLAN_UNSAFE);
    assert_int_equal(looked_at("no.plan"), REASON_PLAN_MISSING);
    assert_int_equal(fchdir(here), 0);
    close(here);
}

static void a_file_that_is_not_there_is_missing(void **state)
{
    char other[128];
    (void)state;
    snprintf(other, sizeof(other), "%s.other", path);
    assert_int_equal(looked_at(other), REASON_PLAN_MISSING);
    assert_int_equal(looked_at("/nowhere/x.plan"), REASON_PLAN_MISSING);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(an_own_file_in_an_own_folder_is_read),
        FILE_TEST(sizes_that_no_plan_has_are_refused),
        FILE_TEST(a_file_that_others_can_write_is_unsafe),
        FILE_TEST(a_folder_that_others_can_write_is_unsafe_unless_sticky),
        FILE_TEST(another_users_file_is_unsafe),
        FILE_TEST(a_file_in_another_users_folder_is_unsafe),
        FILE_TEST(what_is_no_plain_file_is_refused),
        FILE_TEST(a_relative_path_is_refused),
        FILE_TEST(a_file_that_is_not_there_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
