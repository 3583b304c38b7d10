#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/topology_file.h"

/* Reads what a file with so many times the word says. */
static int read_of(const char *word, unsigned times)
{
    char path[64], *text;
    size_t size, length = strlen(word);
    int fd = memfd_create("machine", 0);
    FILE *file = fdopen(fd, "w");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (unsigned i = 0; i < times; i++)
        assert_int_equal(fwrite(word, length, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    int error = topology_file_read(path, &text, &size);
    if (!error) {
        assert_int_equal(size, times * length + 1);
        assert_int_equal(strlen(text), size - 1);
        free(text);
    }
    fclose(file);
    return error;
}

static void a_file_is_taken_up_to_its_bounds(void **state)
{
    (void)state;
    assert_int_equal(read_of("", 0), 0);
    assert_int_equal(read_of("<x type=\"PU\"/>", TOPOLOGY_MOST_CPUS), 0);
    assert_int_equal(read_of("<x type=\"PU\"/>", TOPOLOGY_MOST_CPUS + 1), -EFBIG);
    assert_int_equal(read_of("<x type='PU'/>", TOPOLOGY_MOST_CPUS + 1), -EFBIG);
    assert_int_equal(read_of("<x type='PU'/><y type=\"PU\"/>", TOPOLOGY_MOST_CPUS / 2 + 1), -EFBIG);
    assert_int_equal(read_of("<object/>", TOPOLOGY_MOST_OBJECTS), 0);
    assert_int_equal(read_of("<object/>", TOPOLOGY_MOST_OBJECTS + 1), -EFBIG);
}

static void what_does_not_end_is_refused(void **state)
{
    char *text;
    size_t size;
    (void)state;
    assert_int_equal(topology_file_read("/dev/zero", &text, &size), -EFBIG);
    assert_int_equal(topology_file_read("/no/such/file", &text, &size), -ENOENT);
    assert_int_equal(topology_file_read("/", &text, &size), -EISDIR);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    char path[64], *text;
    size_t size;
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "<topology/>", 11), 11);
    close(ends[1]);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
    assert_int_equal(topology_file_read(path, &text, &size), 0);
    assert_string_equal(text, "<topology/>");
    free(text);
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_taken_up_to_its_bounds),
        cmocka_unit_test(what_does_not_end_is_refused),
        cmocka_unit_test(a_pipe_is_read_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
