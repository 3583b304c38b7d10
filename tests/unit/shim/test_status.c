/* What /proc/PID/status says, and what it does not. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/sys/raw.h"
#include "shim/sys/status.h"

static char path[] = "/tmp/nodewise-status-XXXXXX";

static struct status status_of(const char *text)
{
    struct status status = {0, 0, 0};
    int fd = open(path, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    errno = EXDEV;
    assert_true(status_read(path, &status));
    assert_int_equal(errno, EXDEV);
    return status;
}

static void numbers_are_the_last_of_their_line(void **state)
{
    (void)state;
    struct status status = status_of("Name:\tx\nPid:\t9\nNSpid:\t9\t4\t1\nSeccomp:\t2\nSeccomp_filters:\t13\n");
    assert_int_equal(status.number, 1);
    assert_int_equal(status.seccomp, 2);
    assert_int_equal(status.filters, 13);
}

static void what_an_older_kernel_lacks_is_unknown(void **state)
{
    (void)state;
    struct status status = status_of("Name:\tSeccomp: 7\nPid:\t9\nSeccomp:\t0\n");
    assert_int_equal(status.number, STATUS_UNKNOWN);
    assert_int_equal(status.seccomp, 0);
    assert_int_equal(status.filters, STATUS_UNKNOWN);
}

static void a_long_line_hides_nothing(void **state)
{
    (void)state;
    size_t size = 200000;
    char *text = calloc(1, size + 64), *at = text;
    at += sprintf(at, "Groups:\t");
    while (at < text + size)
        at += sprintf(at, "4294967294 ");
    sprintf(at, "\nSeccomp:\t1\nSeccomp_filters:\t2\n");
    struct status status = status_of(text);
    free(text);
    assert_int_equal(status.seccomp, 1);
    assert_int_equal(status.filters, 2);
}

static void a_missing_file_is_no_answer(void **state)
{
    (void)state;
    struct status status = {5, 6, 7};
    assert_false(status_read("/nowhere/status", &status));
    assert_int_equal(status.seccomp, 6);
    assert_int_equal(raw_own_number("/nowhere/status"), 0);
}

static void own_numbers_are_the_kernels(void **state)
{
    (void)state;
    assert_int_equal(raw_own_number("/proc/self/status"), getpid());
    assert_int_equal(raw_own_number("/proc/thread-self/status"), gettid());
}

static void the_limit_of_files_is_the_kernels(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(status_file_limit() == limit.rlim_cur);
    struct rlimit lower = {123456, limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &lower), 0);
    assert_true(status_file_limit() == 123456);
    setrlimit(RLIMIT_FSIZE, &limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_the_last_of_their_line), cmocka_unit_test(what_an_older_kernel_lacks_is_unknown),
        cmocka_unit_test(a_long_line_hides_nothing),          cmocka_unit_test(a_missing_file_is_no_answer),
        cmocka_unit_test(own_numbers_are_the_kernels),        cmocka_unit_test(the_limit_of_files_is_the_kernels),
    };
    close(mkstemp(path));
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
