#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "shim/base/runtime_folder.h"

static char session[64], inside[96];

static int make_session(void **state)
{
    (void)state;
    snprintf(session, sizeof(session), "/dev/shm/session-XXXXXX");
    snprintf(inside, sizeof(inside), "%s/nodewise", mkdtemp(session) ? session : "");
    return *inside == '/' ? 0 : -1;
}

static int remove_session(void **state)
{
    (void)state;
    unlink(inside);
    rmdir(inside);
    return rmdir(session);
}

static int open_in(const char *path, bool make)
{
    const struct runtime_user user = {geteuid(), path};
    int fd = runtime_folder_open(RUNTIME_OF_SESSION, &user, make);
    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

static void folder_is_made_in_the_users_session(void **state)
{
    struct stat info;
    (void)state;
    mode_t before = umask(0777);
    assert_int_equal(open_in(session, true), 0);
    umask(before);
    assert_int_equal(stat(inside, &info), 0);
    assert_int_equal(info.st_mode & 07777, geteuid() == 0 ? 0711 : 0700);
    assert_int_equal(open_in(session, false), 0);
}

static void missing_folder_is_made_only_when_asked(void **state)
{
    (void)state;
    assert_int_equal(open_in(session, false), -ENOENT);
    assert_int_equal(access(inside, F_OK), -1);
}

static void session_that_others_write_is_refused(void **state)
{
    (void)state;
    chmod(session, 01777);
    assert_int_equal(open_in(session, true), -EPERM);
    chmod(session, 0700);
    mkdir(inside, 0700);
    chmod(inside, 0770);
    assert_int_equal(open_in(session, true), -EPERM);
}

static void taken_name_is_refused(void **state)
{
    (void)state;
    assert_int_equal(symlink("/tmp", inside), 0);
    assert_int_equal(open_in(session, true), -ENOTDIR);
    unlink(inside);
    assert_int_equal(mkfifo(inside, 0600), 0);
    assert_int_equal(open_in(session, true), -ENOTDIR);
    unlink(inside);
    close(open(inside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    assert_int_equal(open_in(session, true), -ENOTDIR);
}

static void odd_values_are_no_session(void **state)
{
    char longest[RUNTIME_PATH_SIZE + 1] = "/";
    (void)state;
    for (size_t i = 1; i < RUNTIME_PATH_SIZE; i++)
        longest[i] = 'x';
    const char *const values[] = {NULL, "", "relative", "./here", "/no/such/folder", "/dev/null", longest};
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
        assert_true(open_in(values[i], true) < 0);
    assert_int_equal(open_in("/sys", true), geteuid() == 0 ? -EOPNOTSUPP : -EPERM);
}

static void root_alone_has_a_folder_in_run(void **state)
{
    const struct runtime_user root = {0, NULL}, user = {65534, NULL};
    char path[RUNTIME_PATH_SIZE];
    (void)state;
    assert_true(runtime_folder_path(path, sizeof(path), RUNTIME_OF_ROOT, &root));
    assert_string_equal(path, "/run/nodewise");
    assert_false(runtime_folder_path(path, sizeof(path), RUNTIME_OF_ROOT, &user));
    assert_true(runtime_folder_path(path, sizeof(path), RUNTIME_SHARED, &user));
    assert_string_equal(path, "/dev/shm/nodewise.65534");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(folder_is_made_in_the_users_session, make_session, remove_session),
        cmocka_unit_test_setup_teardown(missing_folder_is_made_only_when_asked, make_session, remove_session),
        cmocka_unit_test_setup_teardown(session_that_others_write_is_refused, make_session, remove_session),
        cmocka_unit_test_setup_teardown(taken_name_is_refused, make_session, remove_session),
        cmocka_unit_test(odd_values_are_no_session),
        cmocka_unit_test(root_alone_has_a_folder_in_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
