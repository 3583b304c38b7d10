#include "shim/arena/assert.h"

#ifdef NODEWISE_ASSERTIONS

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "shim/sys/raw.h"

void assert_failed(const char *line, size_t length)
{
    ssize_t unused = raw_write(STDERR_FILENO, line, length);
    (void)unused;
    __builtin_trap();
}

bool assert_may_be_handler(void)
{
    uint64_t blocked = 0;
    int saved = errno;
    bool answered = raw_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &blocked, sizeof(blocked)) == 0;
    errno = saved;
    return !answered || blocked;
}

#endif
