/*
 * Loops of reads, writes and tasks, with io_uring or a pool's workers: what has to be the same for both. The arguments say
 * which is expected: "uring", or the number of the reason why not.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <nodewise.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "counted.h"

static struct nw_pool *pool;   /* reads and writes where there is no io_uring */
static struct nw_pool *narrow; /* has one worker */

static struct nw_io *open_io(unsigned entries)
{
    struct nw_io *io = NULL;
    CHECK(nw_io_open(entries, pool, &io) == 0);
    return io;
}

/* Written before it is unlinked: a file of its own. */
static int make_file(const void *content, size_t size)
{
    char name[] = "/tmp/nodewise-io-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    CHECK(write(fd, content, size) == (ssize_t)size);
    return fd;
}

/* --- results --- */

struct ends {
    int count, last;
};

static void note(struct nw_io *io, int result, void *context)
{
    struct ends *ends = (struct ends *)context;
    (void)io;
    ends->count++;
    ends->last = result;
}

static int run_all(struct nw_io *io)
{
    int count, all = 0;
    while ((count = nw_io_run(io, -1)) > 0)
        all += count;
    CHECK(count == 0);
    return all;
}

static int read_now(struct nw_io *io, int fd, void *data, uint32_t length, uint64_t offset)
{
    struct ends ends = {0, 0};
    errno = 77;
    CHECK(nw_io_read(io, fd, data, length, offset, note, &ends) == 0);
    CHECK(run_all(io) == 1 && ends.count == 1 && errno == 77);
    return ends.last;
}

static int write_now(struct nw_io *io, int fd, const void *data, uint32_t length, uint64_t offset)
{
    struct ends ends = {0, 0};
    CHECK(nw_io_write(io, fd, data, length, offset, note, &ends) == 0);
    CHECK(run_all(io) == 1 && ends.count == 1);
    return ends.last;
}

static void reads_are_short_at_the_end_of_a_file(void)
{
    struct nw_io *io = open_io(4);
    char data[16];
    int fd = make_file("0123456789", 10);
    CHECK(read_now(io, fd, data, 4, 0) == 4 && !memcmp(data, "0123", 4));
    CHECK(read_now(io, fd, data, 16, 7) == 3 && !memcmp(data, "789", 3));
    CHECK(read_now(io, fd, data, 16, 10) == 0);
    CHECK(read_now(io, fd, data, 0, 0) == 0);
    CHECK(lseek(fd, 0, SEEK_CUR) == 10); /* an offset leaves the position alone */
    CHECK(lseek(fd, 2, SEEK_SET) == 2);
    CHECK(read_now(io, fd, data, 3, NW_IO_POSITION) == 3 && !memcmp(data, "234", 3));
    CHECK(read_now(io, fd, data, 3, NW_IO_POSITION) == 3 && !memcmp(data, "567", 3));
    CHECK(lseek(fd, 0, SEEK_CUR) == 8);
    close(fd);
    CHECK(nw_io_close(io) == 0);
}

static void writes_are_read_back(void)
{
    struct nw_io *io = open_io(4);
    char data[16];
    int fd = make_file("0123456789", 10);
    CHECK(write_now(io, fd, "ab", 2, 4) == 2);
    CHECK(write_now(io, fd, "cd", 2, NW_IO_POSITION) == 2); /* the position is behind the file's 10 bytes */
    CHECK(pread(fd, data, sizeof(data), 0) == 12 && !memcmp(data, "0123ab6789cd", 12));
    close(fd);
    CHECK(nw_io_close(io) == 0);
}

static void errors_are_the_calls(void)
{
    struct nw_io *io = open_io(4);
    char data[16] = {0};
    int folder = open("/tmp", O_RDONLY), fd = open("/dev/null", O_RDONLY);
    CHECK(read_now(io, -1, data, 4, 0) == -EBADF);
    CHECK(read_now(io, folder, data, 4, 0) == -EISDIR);
    CHECK(write_now(io, fd, data, 4, 0) == -EBADF);
    close(folder);
    close(fd);
    fd = make_file("0123456789", 10);
    CHECK(read_now(io, fd, (void *)(uintptr_t)8, 4, 0) == -EFAULT);
    close(fd);
    CHECK(nw_io_close(io) == 0);
}

static void pipes_have_no_offset(void)
{
    struct nw_io *io = open_io(4);
    struct ends ends = {0, 0};
    char data[16];
    int fds[2];
    CHECK(pipe(fds) == 0);
    CHECK(write_now(io, fds[1], "hello", 5, 1000) == 5);
    CHECK(read_now(io, fds[0], data, 3, 1000) == 3 && !memcmp(data, "hel", 3));
    CHECK(read_now(io, fds[0], data, 16, NW_IO_POSITION) == 2 && !memcmp(data, "lo", 2));
    /* waits for what comes */
    CHECK(nw_io_read(io, fds[0], data, 16, 0, note, &ends) == 0);
    CHECK(nw_io_run(io, 0) == -ETIMEDOUT && nw_io_run(io, 1000000) == -ETIMEDOUT && ends.count == 0);
    CHECK(write(fds[1], "x", 1) == 1);
    CHECK(run_all(io) == 1 && ends.last == 1 && data[0] == 'x');
    close(fds[1]);
    CHECK(read_now(io, fds[0], data, 16, 0) == 0);
    close(fds[0]);
    CHECK(nw_io_close(io) == 0);
}

/* --- the seed's example: 100 loops of 100 tasks, with reads --- */

enum { LOOPS = 100, TASKS = 100, PIECE = 64 };

struct work {
    struct counted counted; /* the first */
    int done, read_done;
    unsigned char data[PIECE];
};

static void task_ended(struct nw_io *io, int result, void *context)
{
    struct work *work = (struct work *)context;
    (void)io;
    CHECK(result == 0 && work->counted.runs == 1); /* what the task wrote is seen */
    work->done++;
}

static void read_ended(struct nw_io *io, int result, void *context)
{
    struct work *work = (struct work *)context;
    (void)io;
    CHECK(result == PIECE);
    work->read_done++;
}

static void each_of_100_times_100_ends_once(void)
{
    static struct work work[TASKS];
    static unsigned char content[TASKS * PIECE];
    for (unsigned i = 0; i < sizeof(content); i++)
        content[i] = (unsigned char)(i / PIECE + i);
    int fd = make_file(content, sizeof(content));
    struct nw_io *io = open_io(2 * TASKS);
    for (int loop = 0; loop < LOOPS; loop++) {
        memset(work, 0, sizeof(work));
        for (unsigned i = 0; i < TASKS; i++) {
            work[i].counted.task.run = count_run;
            CHECK(nw_io_task(io, pool, &work[i].counted.task, task_ended, &work[i]) == 0);
            CHECK(nw_io_read(io, fd, work[i].data, PIECE, i * PIECE, read_ended, &work[i]) == 0);
        }
        CHECK(run_all(io) == 2 * TASKS);
        for (unsigned i = 0; i < TASKS; i++)
            CHECK(work[i].done == 1 && work[i].read_done == 1 && work[i].counted.runs == 1 &&
                  !memcmp(work[i].data, content + i * PIECE, PIECE));
    }
    CHECK(nw_io_run(io, -1) == 0);
    CHECK(nw_io_close(io) == 0);
    close(fd);
}

/* A chain: the end of each starts the next, in the room that it has left. */
struct chain {
    struct counted counted;
    int fd, left, ended;
    char byte;
};

static void next_link(struct nw_io *io, int result, void *context)
{
    struct chain *chain = (struct chain *)context;
    CHECK(result >= 0);
    chain->ended++;
    if (!chain->left--)
        return;
    if (chain->left % 2)
        CHECK(nw_io_task(io, pool, &chain->counted.task, next_link, chain) == 0);
    else
        CHECK(nw_io_read(io, chain->fd, &chain->byte, 1, 0, next_link, chain) == 0);
}

static void what_has_ended_may_start_more(void)
{
    struct nw_io *io = open_io(1);
    struct chain chain;
    memset(&chain, 0, sizeof(chain));
    chain.fd = make_file("0", 1);
    chain.left = 1000;
    chain.counted.task.run = count_run;
    CHECK(nw_io_task(io, pool, &chain.counted.task, next_link, &chain) == 0);
    CHECK(run_all(io) == 1001 && chain.ended == 1001 && chain.counted.runs == 501);
    close(chain.fd);
    CHECK(nw_io_close(io) == 0);
}

/* --- tasks --- */

struct gate {
    struct nw_task task; /* the first */
    sem_t begun, open;
};

static void wait_at_gate(struct nw_task *task)
{
    struct gate *gate = (struct gate *)task;
    CHECK(sem_post(&gate->begun) == 0);
    while (sem_wait(&gate->open) < 0)
        CHECK(errno == EINTR);
}

static void make_gate(struct gate *gate)
{
    memset(gate, 0, sizeof(*gate));
    gate->task.run = wait_at_gate;
    CHECK(sem_init(&gate->begun, 0, 0) == 0 && sem_init(&gate->open, 0, 0) == 0);
}

/* The narrow pool's worker is in the gate's task afterwards. */
static void begin_gate(struct nw_io *io, struct gate *gate, struct ends *ends)
{
    make_gate(gate);
    CHECK(nw_io_task(io, narrow, &gate->task, note, ends) == 0);
    while (sem_wait(&gate->begun) < 0)
        CHECK(errno == EINTR);
}

static void a_cancelled_task_ends_and_has_not_run(void)
{
    struct nw_io *io = open_io(4);
    struct ends first = {0, 7}, second = {0, 7};
    struct gate gate;
    struct counted late;
    memset(&late, 0, sizeof(late));
    late.task.run = count_run;
    begin_gate(io, &gate, &first);
    CHECK(nw_io_task(io, narrow, &late.task, note, &second) == 0);
    CHECK(nw_io_task(io, narrow, &late.task, note, &second) == -EBUSY);
    CHECK(nw_io_run(io, 0) == -ETIMEDOUT);
    CHECK(nw_task_cancel(&late.task) == 0);
    CHECK(sem_post(&gate.open) == 0);
    CHECK(run_all(io) == 2 && first.count == 1 && first.last == 0 && second.count == 1 && second.last == -ECANCELED);
    CHECK(late.runs == 0);
    /* and the same task again */
    CHECK(nw_io_task(io, narrow, &late.task, note, &second) == 0);
    CHECK(run_all(io) == 1 && second.last == 0 && late.runs == 1);
    /* the watch of a loop ends with its task */
    CHECK(nw_submit(narrow, &late.task) == 0 && nw_task_wait(&late.task) == 0);
    CHECK(nw_io_run(io, 0) == 0 && second.count == 2);
    CHECK(nw_io_close(io) == 0);
}

/* Does that thread of this process sleep? */
static bool sleeps(pid_t tid)
{
    char path[64], state = 0;
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
    FILE *file = fopen(path, "r");
    CHECK(file && fscanf(file, "%*d (%*[^)]) %c", &state) == 1);
    fclose(file);
    return state == 'S';
}

static void *open_when_main_sleeps(void *gate)
{
    while (!sleeps(getpid()))
        sched_yield();
    CHECK(sem_post(&((struct gate *)gate)->open) == 0);
    return NULL;
}

static void a_task_wakes_the_loop(void)
{
    struct nw_io *io = open_io(2);
    for (int i = 0; i < 100; i++) {
        struct ends ends = {0, 7};
        struct gate gate;
        pthread_t thread;
        begin_gate(io, &gate, &ends);
        CHECK(pthread_create(&thread, NULL, open_when_main_sleeps, &gate) == 0);
        CHECK(nw_io_run(io, -1) == 1 && ends.count == 1 && ends.last == 0);
        CHECK(pthread_join(thread, NULL) == 0);
    }
    CHECK(nw_io_close(io) == 0);
}

/* The owner is the only worker of the pool that has its tasks, and its reads where there is no io_uring. */
static void loop_in_a_worker(struct nw_task *task)
{
    struct counted child, *own = (struct counted *)task;
    struct ends of_task = {0, 7}, of_read = {0, 7};
    struct nw_io *io = NULL;
    char byte = 0;
    int fd = make_file("x", 1);
    memset(&child, 0, sizeof(child));
    child.task.run = count_run;
    CHECK(nw_io_open(2, narrow, &io) == 0);
    CHECK(nw_io_task(io, narrow, &child.task, note, &of_task) == 0);
    CHECK(nw_io_read(io, fd, &byte, 1, 0, note, &of_read) == 0);
    CHECK(run_all(io) == 2 && of_task.last == 0 && of_read.last == 1 && child.runs == 1 && byte == 'x');
    CHECK(nw_io_close(io) == 0);
    close(fd);
    count_run(&own->task);
}

static void the_only_worker_may_be_the_owner(void)
{
    struct counted task;
    memset(&task, 0, sizeof(task));
    task.task.run = loop_in_a_worker;
    CHECK(nw_submit(narrow, &task.task) == 0 && nw_task_wait(&task.task) == 0 && task.runs == 1);
}

/* --- bounds, times, ends --- */

static void the_bound_is_the_number_asked_for(void)
{
    char bytes[4];
    int fds[4][2]; /* one each: of two readers of a pipe, one may take what the other has waited for */
    struct nw_io *io = NULL;
    struct ends ends = {0, 7};
    CHECK(nw_io_open(0, pool, &io) == -EINVAL && nw_io_open(16385, pool, &io) == -EINVAL);
    for (int i = 0; i < 4; i++)
        CHECK(pipe(fds[i]) == 0);
    for (unsigned entries = 1; entries <= 3; entries++) {
        ends.count = 0;
        io = open_io(entries);
        CHECK(nw_io_read(io, fds[0][0], bytes, 1, 0, NULL, &ends) == -EINVAL);
        for (unsigned i = 0; i < entries; i++)
            CHECK(nw_io_read(io, fds[i][0], &bytes[i], 1, 0, note, &ends) == 0);
        CHECK(nw_io_read(io, fds[3][0], &bytes[3], 1, 0, note, &ends) == -EAGAIN);
        CHECK(write(fds[0][1], "x", 1) == 1);
        CHECK(nw_io_run(io, -1) == 1 && ends.count == 1 && ends.last == 1);
        CHECK(nw_io_read(io, fds[3][0], &bytes[3], 1, 0, note, &ends) == 0);
        CHECK(nw_io_read(io, fds[3][0], &bytes[3], 1, 0, note, &ends) == -EAGAIN);
        CHECK(nw_io_close(io) == 0);
        CHECK(ends.count == (int)entries + 1 && ends.last == -ECANCELED);
    }
    for (int i = 0; i < 4; i++) {
        close(fds[i][0]);
        close(fds[i][1]);
    }
}

/* Where pipes can be read without waiting (Linux 6.4) it is no matter which of two readers is woken first. */
static void of_two_readers_of_a_pipe_one_goes_on_waiting(const char *expected)
{
    struct nw_io *io = open_io(2);
    struct ends ends = {0, 7};
    char bytes[2];
    struct iovec first = {bytes, 1};
    int fds[2];
    CHECK(pipe(fds) == 0);
    if (!strcmp(expected, "uring") || (preadv2(fds[0], &first, 1, -1, RWF_NOWAIT) < 0 && errno == EAGAIN)) {
        for (int i = 0; i < 2; i++)
            CHECK(nw_io_read(io, fds[0], &bytes[i], 1, 0, note, &ends) == 0);
        CHECK(write(fds[1], "x", 1) == 1);
        CHECK(nw_io_run(io, -1) == 1 && ends.last == 1);
    }
    CHECK(nw_io_close(io) == 0 && (ends.count == 0 || (ends.count == 2 && ends.last == -ECANCELED)));
    close(fds[0]);
    close(fds[1]);
}

struct closing {
    struct gate gate;
    int calls;
};

static void refuse_while_closing(struct nw_io *io, int result, void *context)
{
    struct closing *closing = (struct closing *)context;
    char byte;
    CHECK(result == -ECANCELED);
    CHECK(nw_io_read(io, 0, &byte, 1, 0, refuse_while_closing, closing) == -ESHUTDOWN);
    CHECK(nw_io_run(io, -1) == -EDEADLK && nw_io_close(io) == -EDEADLK);
    closing->calls++;
    CHECK(sem_post(&closing->gate.open) == 0);
}

static void a_close_cancels_and_waits(void)
{
    struct nw_io *io = open_io(4);
    struct closing closing;
    struct counted late;
    struct ends first = {0, 7}, second = {0, 7};
    char byte;
    int fds[2];
    CHECK(pipe(fds) == 0);
    memset(&closing, 0, sizeof(closing));
    memset(&late, 0, sizeof(late));
    late.task.run = count_run;
    begin_gate(io, &closing.gate, &first);
    CHECK(nw_io_task(io, narrow, &late.task, note, &second) == 0);
    CHECK(nw_io_read(io, fds[0], &byte, 1, 0, refuse_while_closing, &closing) == 0);
    CHECK(nw_io_close(io) == 0);
    CHECK(closing.calls == 1 && first.count == 1 && first.last == 0);
    CHECK(second.count == 1 && second.last == -ECANCELED && late.runs == 0);
    close(fds[0]);
    close(fds[1]);
    CHECK(nw_io_close(NULL) == 0);
}

static volatile sig_atomic_t interruptions;

static void interrupt(int signal)
{
    (void)signal;
    interruptions = interruptions + 1;
}

static void a_signal_ends_no_wait(void)
{
    struct nw_io *io = open_io(1);
    struct ends ends = {0, 7};
    const struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    struct sigaction action;
    char byte;
    int fds[2];
    CHECK(pipe(fds) == 0);
    memset(&action, 0, sizeof(action));
    action.sa_handler = interrupt;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0 && setitimer(ITIMER_REAL, &every, NULL) == 0);
    CHECK(nw_io_read(io, fds[0], &byte, 1, 0, note, &ends) == 0);
    while (interruptions < 10)
        CHECK(nw_io_run(io, 5000000) == -ETIMEDOUT);
    CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
    CHECK(nw_io_close(io) == 0 && ends.last == -ECANCELED);
    close(fds[0]);
    close(fds[1]);
}

/* --- others --- */

static void *try_anothers(void *context)
{
    struct nw_io *io = (struct nw_io *)context;
    struct ends ends = {0, 7};
    struct counted task;
    char byte;
    memset(&task, 0, sizeof(task));
    task.task.run = count_run;
    CHECK(nw_io_read(io, 0, &byte, 1, 0, note, &ends) == -EPERM && nw_io_write(io, 1, "", 0, 0, note, &ends) == -EPERM);
    CHECK(nw_io_task(io, pool, &task.task, note, &ends) == -EPERM);
    CHECK(nw_io_run(io, -1) == -EPERM && nw_io_close(io) == -EPERM);
    return NULL;
}

static void a_forked_child_is_told(struct nw_io *io)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        struct nw_io *other = NULL;
        struct ends ends = {0, 7};
        struct nw_task task;
        char byte;
        memset(&task, 0, sizeof(task));
        bool refused = nw_io_open(1, pool, &other) == -ECHILD &&
                       nw_io_read(io, 0, &byte, 1, 0, note, &ends) == -ECHILD &&
                       nw_io_write(io, 1, "", 0, 0, note, &ends) == -ECHILD &&
                       nw_io_task(io, pool, &task, note, &ends) == -ECHILD && nw_io_run(io, -1) == -ECHILD &&
                       nw_io_close(io) == -ECHILD;
        _exit(refused ? 0 : 1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static void a_loop_is_its_threads(void)
{
    struct nw_io *io = open_io(2);
    struct ends ends = {0, 7};
    char data[4];
    int fd = make_file("0123", 4);
    CHECK(nw_io_read(io, fd, data, 4, 0, note, &ends) == 0);
    in_thread(try_anothers, io);
    a_forked_child_is_told(io);
    CHECK(run_all(io) == 1 && ends.count == 1 && ends.last == 4);
    close(fd);
    CHECK(nw_io_close(io) == 0);
}

static int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    CHECK(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static void a_close_leaves_no_descriptor(void)
{
    int before = open_descriptors();
    for (int i = 0; i < 100; i++) {
        struct nw_io *io = open_io(8);
        struct counted task;
        struct ends ends = {0, 7};
        memset(&task, 0, sizeof(task));
        task.task.run = count_run;
        CHECK(nw_io_task(io, pool, &task.task, note, &ends) == 0);
        CHECK(nw_io_close(io) == 0 && ends.count == 1);
    }
    CHECK(open_descriptors() == before);
}

/* expected: "uring", or a part of the sentence that tells why not. */
static void it_says_what_it_has(const char *expected)
{
    struct nw_io *io = open_io(1), *without = NULL;
    struct nw_got got = nw_io_got(io);
    bool has = !strcmp(expected, "uring");
    if (got.level != (has ? NW_STRICT : NW_BEST_EFFORT) || (!has && !strstr(nw_reason(got.reason), expected)))
        fprintf(stderr, "expected %s: level %d, %s\n", expected, (int)got.level, nw_reason(got.reason));
    CHECK(!has || got.reason == 0);
    CHECK(nw_io_close(io) == 0);
    int error = nw_io_open(1, NULL, &without);
    CHECK(has ? error == 0 : error < 0 && !without);
    CHECK(nw_io_close(without) == 0);
}

static struct nw_pool *open_pool(const char *name, const char *cpus)
{
    struct nw_pool *opened = NULL;
    struct nw_pool_options options;
    memset(&options, 0, sizeof(options));
    options.size = sizeof(options);
    options.name = name;
    options.cpus = cpus;
    CHECK(nw_pool_open(&options, &opened) == 0);
    return opened;
}

int main(int argc, char **argv)
{
    char cpu[16];
    CHECK(argc > 1);
    snprintf(cpu, sizeof(cpu), "%d", nth_cpu(own_mask(), 0));
    pool = open_pool("io", NULL);
    narrow = open_pool("narrow", cpu);
    it_says_what_it_has(argv[1]);
    reads_are_short_at_the_end_of_a_file();
    writes_are_read_back();
    errors_are_the_calls();
    pipes_have_no_offset();
    each_of_100_times_100_ends_once();
    what_has_ended_may_start_more();
    a_cancelled_task_ends_and_has_not_run();
    a_task_wakes_the_loop();
    the_only_worker_may_be_the_owner();
    the_bound_is_the_number_asked_for();
    for (int i = 0; i < 100; i++)
        of_two_readers_of_a_pipe_one_goes_on_waiting(argv[1]);
    a_close_cancels_and_waits();
    a_signal_ends_no_wait();
    a_loop_is_its_threads();
    a_close_leaves_no_descriptor();
    CHECK(nw_pool_close(narrow, -1) == 0);
    CHECK(nw_pool_close(pool, -1) == 0);
    return 0;
}
