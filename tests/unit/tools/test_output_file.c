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

#include "tools/common/output_file.h"

static char folder[] = "/tmp/nodewise-output-XXXXXX";
static char target[64], path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(target, sizeof(target), "%s/target", folder);
    snprintf(path, sizeof(path), "%s/out", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int write_word(const char *word)
{
    FILE *to;
    int error = output_file_open(&to, path, 0600);
    if (error < 0)
        return error;
    fputs(word, to);
    return fclose(to);
}

static void assert_target_is(const char *expected)
{
    char text[32] = "";
    int fd = open(target, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, text, sizeof(text) - 1) >= 0);
    close(fd);
    assert_string_equal(text, expected);
}

static void make_target(void)
{
    int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "before", 6), 6);
    close(fd);
}

static void a_file_is_made_and_emptied(void **state)
{
    (void)state;
    assert_int_equal(write_word("a long text"), 0);
    assert_int_equal(write_word("short"), 0);
    assert_int_equal(rename(path, target), 0);
    assert_target_is("short");
    assert_int_equal(unlink(target), 0);
}

static void a_link_counts_where_nobody_else_can_leave_one(void **state)
{
    (void)state;
    make_target();
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(write_word("through"), 0);
    assert_target_is("through");
    make_target();
    assert_int_equal(chmod(folder, 01777), 0);
    assert_true(write_word("through") < 0);
    assert_target_is("before");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(target, path), 0);
    assert_true(write_word("through") < 0); /* a second name of what is perhaps not meant */
    assert_target_is("before");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_true(write_word("never read") < 0); /* and at once */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(chmod(folder, 0700), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_made_and_emptied),
        cmocka_unit_test(a_link_counts_where_nobody_else_can_leave_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
