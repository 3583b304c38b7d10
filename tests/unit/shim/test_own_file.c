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

#include "shim/base/own_file.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/nodewise-own-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static const char *at(const char *name)
{
    static char paths[4][512];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
    return path;
}

static void make_file(const char *name, const char *text)
{
    int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static off_t size_of(const char *name)
{
    struct stat info;
    return lstat(at(name), &info) == 0 ? info.st_size : -1;
}

/* 0 when the file was opened, and then it has one byte more. */
static int appended(const char *path)
{
    int fd = own_file_open(path, O_APPEND, 0600, geteuid());
    if (fd < 0)
        return fd;
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    return 0;
}

static void a_file_is_made_or_used(void **state)
{
    struct stat info;
    (void)state;
    assert_int_equal(appended(at("new")), 0);
    assert_int_equal(appended(at("new")), 0);
    assert_int_equal(size_of("new"), 2);
    assert_int_equal(stat(at("new"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(appended(at("missing/new")), -ENOENT);
}

static void paths_of_every_form(void **state)
{
    char here[512];
    (void)state;
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(mkdir(at("sub"), 0700), 0);
    assert_int_equal(appended(at("sub//../sub/./a")), 0);
    assert_int_equal(size_of("sub/a"), 1);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(appended("b"), 0);
    assert_int_equal(appended("./sub/b"), 0);
    assert_int_equal(size_of("sub/b"), 1);
    assert_int_equal(chdir(here), 0);
    static const char *const none[] = {"", "/", "sub/", "sub", ".", ".."};
    for (size_t i = 0; i < sizeof(none) / sizeof(*none); i++)
        assert_int_equal(appended(*none[i] == '/' ? "/" : *none[i] ? at(none[i]) : ""), -EINVAL);
    char longest[300];
    memset(longest, 'n', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(appended(at(longest)), -EINVAL);
    longest[255] = '\0';
    assert_int_equal(appended(at(longest)), 0);
}

static void what_is_no_regular_file_is_refused(void **state)
{
    (void)state;
    make_file("victim", "abc");
    assert_int_equal(mkfifo(at("fifo"), 0600), 0);
    assert_int_equal(symlink("victim", at("link")), 0);
    assert_int_equal(symlink("nothing", at("dangling")), 0);
    assert_int_equal(appended(at("fifo")), -EINVAL);
    int reader = open(at("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_int_equal(appended(at("fifo")), -EINVAL);
    close(reader);
    assert_int_equal(appended(at("link")), -ELOOP);
    assert_int_equal(appended(at("dangling")), -ELOOP);
    assert_int_equal(size_of("nothing"), -1);
    assert_int_equal(appended("/dev/null"), -EINVAL);
    assert_int_equal(appended("/dev/full"), -EINVAL);
    assert_int_equal(appended("/dev/tty"), -EINVAL);
    assert_int_equal(size_of("victim"), 3);
}

static void a_file_with_another_name_is_refused(void **state)
{
    (void)state;
    make_file("victim", "abc");
    assert_int_equal(link(at("victim"), at("other")), 0);
    assert_int_equal(appended(at("other")), -EPERM);
    assert_int_equal(size_of("victim"), 3);
    assert_int_equal(unlink(at("victim")), 0);
    assert_int_equal(appended(at("other")), 0);
}

/* Who is not root cannot give a file away, and asks in another user's name. */
static void in_other_hands(const char *path, int expected)
{
    uint32_t uid = geteuid();
    if (uid == 0)
        assert_int_equal(lchown(path, 12345, (gid_t)-1), 0);
    int fd = own_file_open(path, O_APPEND, 0600, uid == 0 ? 0 : uid + 1);
    assert_int_equal(fd, expected);
}

static void a_file_of_another_user_is_refused(void **state)
{
    (void)state;
    make_file("theirs", "abc");
    in_other_hands(at("theirs"), -EPERM);
    assert_int_equal(size_of("theirs"), 3);
}

static void a_link_to_a_folder_is_followed_where_it_is_the_users(void **state)
{
    (void)state;
    assert_int_equal(mkdir(at("real"), 0700), 0);
    assert_int_equal(symlink("real", at("alias")), 0);
    assert_int_equal(appended(at("alias/a")), 0);
    assert_int_equal(size_of("real/a"), 1);
    uint32_t uid = geteuid();
    if (uid == 0)
        assert_int_equal(lchown(at("alias"), 12345, (gid_t)-1), 0);
    assert_int_equal(own_file_open(at("alias/b"), 0, 0600, uid == 0 ? 0 : uid + 1), -EPERM);
    assert_int_equal(size_of("real/b"), -1);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_file_is_made_or_used),
        FILE_TEST(paths_of_every_form),
        FILE_TEST(what_is_no_regular_file_is_refused),
        FILE_TEST(a_file_with_another_name_is_refused),
        FILE_TEST(a_file_of_another_user_is_refused),
        FILE_TEST(a_link_to_a_folder_is_followed_where_it_is_the_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
