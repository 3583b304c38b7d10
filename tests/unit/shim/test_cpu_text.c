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

#include "shim/base/mask.h"
#include "shim/place/cpu_text.h"

typedef int filter_text(int from, int to, const struct mask *cpus);

/* What becomes of the text with these CPUs. The caller frees it. */
static char *filtered(filter_text *filter, const char *text, size_t size, uint64_t cpus)
{
    uint64_t bits[] = {cpus};
    const struct mask mask = {.bits = bits, .words = 1};
    int from = memfd_create("from", 0), to = memfd_create("to", 0);
    assert_int_equal(write(from, text, size), size);
    assert_int_equal(lseek(from, 0, SEEK_SET), 0);
    assert_int_equal(filter(from, to, &mask), 0);
    off_t length = lseek(to, 0, SEEK_CUR);
    char *got = calloc((size_t)length + 1, 1);
    assert_int_equal(pread(to, got, (size_t)length, 0), length);
    close(from);
    close(to);
    return got;
}

static const struct {
    const char *what;
    filter_text *filter;
    uint64_t cpus;
    const char *text, *becomes;
} cases[] = {
    {"x86", cpu_text_info, 0x5,
     "processor\t: 0\nflags\t\t: fpu\n\nprocessor\t: 1\nflags\t\t: vme\n\nprocessor\t: 2\nflags\t\t: de\n\n",
     "processor\t: 0\nflags\t\t: fpu\n\nprocessor\t: 2\nflags\t\t: de\n\n"},
    {"arm64 and power: the machine's own lines follow", cpu_text_info, 0x2,
     "processor\t: 0\nBogoMIPS\t: 50\n\nprocessor\t: 1\nBogoMIPS\t: 50\n\nHardware\t: a machine\n",
     "processor\t: 1\nBogoMIPS\t: 50\n\nHardware\t: a machine\n"},
    {"s390: two lists, the machine's lines in front", cpu_text_info, 0x2,
     "vendor_id : IBM/S390\n# processors : 2\nprocessor 0: version = FF\nprocessor 1: version = FF\n\n"
     "cpu number      : 0\ncpu MHz : 1\n\ncpu number      : 1\ncpu MHz : 1\n",
     "vendor_id : IBM/S390\n# processors : 2\nprocessor 1: version = FF\n\ncpu number      : 1\ncpu MHz : 1\n"},
    {"no end of a line", cpu_text_info, 0x1, "processor\t: 0\nflags", "processor\t: 0\nflags"},
    {"nothing", cpu_text_info, 0x1, "", ""},
    {"beyond the mask", cpu_text_info, ~0ull, "processor\t: 64\na\n\nprocessor\t: 63\nb\n\n", "processor\t: 63\nb\n\n"},
    {"the first line is the others' sum", cpu_text_stat, 0x6,
     "cpu  6 60 600\ncpu0 1 10 100\ncpu1 2 20 200\ncpu2 3 30 300\nintr 5 0 0\nctxt 9\n",
     "cpu  5 50 500\ncpu1 2 20 200\ncpu2 3 30 300\nintr 5 0 0\nctxt 9\n"},
    {"an old kernel's four columns, then ten", cpu_text_stat, 0x1, "cpu  1 2 3 4\ncpu0 1 2 3 4\nbtime 5\n",
     "cpu  1 2 3 4\ncpu0 1 2 3 4\nbtime 5\n"},
};

static void only_the_cpus_of_the_mask_are_left(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *got = filtered(cases[i].filter, cases[i].text, strlen(cases[i].text), cases[i].cpus);
        if (strcmp(got, cases[i].becomes) != 0)
            fail_msg("%s: %s", cases[i].what, got);
        free(got);
    }
}

/* Lines end anywhere in what is read at a time. */
static void long_texts_and_lines_are_whole(void **state)
{
    (void)state;
    enum { CPUS = 64, FLAGS = 4099, INTERRUPTS = 200000 };
    size_t room = CPUS * (FLAGS + 64) + 2 * INTERRUPTS + 64, length = 0, kept = 0;
    char *text = malloc(room), *wanted = malloc(room);
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        size_t start = length;
        length += (size_t)sprintf(text + length, "processor\t: %u\nflags: ", cpu);
        memset(text + length, 'a' + (int)(cpu % 26), FLAGS + cpu);
        length += FLAGS + cpu;
        length += (size_t)sprintf(text + length, "\n\n");
        if (cpu % 3 == 0) {
            memcpy(wanted + kept, text + start, length - start);
            kept += length - start;
        }
    }
    wanted[kept] = '\0';
    uint64_t third = 0;
    for (unsigned cpu = 0; cpu < CPUS; cpu += 3)
        third |= UINT64_C(1) << cpu;
    char *got = filtered(cpu_text_info, text, length, third);
    assert_true(strcmp(got, wanted) == 0);
    free(got);

    length = (size_t)sprintf(text, "cpu  7\ncpu0 7\nintr");
    for (unsigned i = 0; i < INTERRUPTS; i++)
        length += (size_t)sprintf(text + length, " 0");
    length += (size_t)sprintf(text + length, "\nctxt 1\n");
    got = filtered(cpu_text_stat, text, length, 1);
    assert_true(strcmp(got, text) == 0);
    free(got);
    free(text);
    free(wanted);
}

static void what_cannot_be_read_or_written_is_an_error(void **state)
{
    (void)state;
    uint64_t bits[] = {1};
    const struct mask mask = {.bits = bits, .words = 1};
    int full = memfd_create("full", 0);
    assert_int_equal(cpu_text_info(-1, full, &mask), -EBADF);
    assert_int_equal(write(full, "cpu  1\ncpu0 1\n", 14), 14);
    lseek(full, 0, SEEK_SET);
    assert_int_equal(cpu_text_stat(full, -1, &mask), -EBADF);
    lseek(full, 0, SEEK_SET);
    assert_int_equal(cpu_text_info(full, -1, &mask), -EBADF);
    close(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_cpus_of_the_mask_are_left),
        cmocka_unit_test(long_texts_and_lines_are_whole),
        cmocka_unit_test(what_cannot_be_read_or_written_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
