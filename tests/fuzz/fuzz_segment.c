/*
 * Bytes as what a process tells, and as its plan: through every view, as the command runs them. The target is the
 * process that is looked at: it holds the file that the bytes are written to, in a folder that no other process looks at.
 * Input: a byte of flags, seven spare ones, then the segment of that many bytes as the last four of them say, then the
 * plan.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/base/segment_layout.h"
#include "tests/fuzz/segment_input.h"
#include "tools/metrics/series.h"
#include "tools/top/rows.h"
#include "tools/verbs/verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char session[] = "/dev/shm/fuzz-session-XXXXXX", folder[64], plan_path[96], segment_path[96];
static int segment_fd, plan_fd;
static pid_t maker;
unsigned long segments_shown;

static void clean_up(void)
{
    if (getpid() != maker)
        return;
    unlink(segment_path);
    unlink(plan_path);
    rmdir(folder);
    rmdir(session);
}

static int make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0)
        abort();
    return fd;
}

/* What the views print goes nowhere; what a sanitizer says goes to the descriptor itself. */
static void begin(void)
{
    maker = getpid();
    if (!mkdtemp(session) || setenv("XDG_RUNTIME_DIR", session, 1) != 0 || atexit(clean_up) != 0)
        abort();
    snprintf(folder, sizeof(folder), "%s/nodewise", session);
    if (mkdir(folder, 0700) != 0)
        abort();
    snprintf(segment_path, sizeof(segment_path), "%s/%d" SEGMENT_SUFFIX, folder, (int)maker);
    snprintf(plan_path, sizeof(plan_path), "%s/plan", folder);
    segment_fd = make_file(segment_path);
    plan_fd = make_file(plan_path);
    void *held = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, segment_fd, 0);
    stdout = fopen("/dev/null", "we");
    stderr = fopen("/dev/null", "we");
    if (held == MAP_FAILED || !stdout || !stderr)
        abort();
}

static void put(int fd, const void *data, size_t size)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
}

static int view(int (*verb)(int argc, char **argv), const char *const *words)
{
    char *argv[8];
    int argc = 0;
    while (words[argc]) {
        argv[argc] = strdup(words[argc]);
        if (!argv[argc++])
            abort();
    }
    argv[argc] = NULL;
    optind = 0; /* getopt_long() begins anew */
    int status = verb(argc, argv);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return status;
}

static void view_top(void)
{
    const struct top_filter filter = {.node = -1, .sort = TOP_COLUMNS};
    struct top *top = top_new();
    if (top && top_look(top, &filter) == 0)
        for (unsigned tab = 0; tab < TAB_COUNT; tab++) {
            struct top_table table;
            if (top_table(top, tab, &filter, &table) == 0)
                top_table_free(&table);
        }
    top_free(top);
}

static void view_all(uint32_t tid)
{
    char pid[16], thread[32];
    snprintf(pid, sizeof(pid), "%d", (int)maker);
    snprintf(thread, sizeof(thread), "%d/%u", (int)maker, tid & INT32_MAX);
    view(cmd_ps, (const char *const[]){"ps", NULL});
    view(cmd_ps, (const char *const[]){"ps", "--json", NULL});
    segments_shown += view(cmd_show, (const char *const[]){"show", pid, NULL}) == 0;
    view(cmd_why, (const char *const[]){"why", pid, NULL});
    view(cmd_why, (const char *const[]){"why", thread, "--json", NULL});
    view(cmd_verify, (const char *const[]){"verify", pid, NULL});
    view(cmd_report, (const char *const[]){"report", pid, NULL});
    view(cmd_report, (const char *const[]){"report", pid, "-f", "json", NULL});
    view(cmd_report, (const char *const[]){"report", pid, "-f", "html", NULL});
    view(cmd_report, (const char *const[]){"report", pid, "-f", "svg", NULL});
    view(cmd_diff, (const char *const[]){"diff", pid, pid, NULL});
    series_write(stdout, false);
    series_write(stdout, true);
    view_top();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct segment_input input;
    if (!maker)
        begin();
    if (size > INPUT_MOST || !segment_input_read(&input, data, size))
        return 0;
    segment_input_put_right(&input, (uint32_t)maker, plan_path);
    put(segment_fd, input.segment, input.segment_size);
    put(plan_fd, input.plan, input.plan_size);
    view_all(input.tid);
    segment_input_free(&input);
    return 0;
}
