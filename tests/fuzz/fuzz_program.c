/* Bytes as a program file, looked at by `doctor`: ELF of any kind, scripts, anything. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tools/doctor/doctor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct diagnosis diagnosis = {.findings = json_array()};
    char path[64];
    snprintf(path, sizeof(path), "/dev/shm/nodewise-fuzz.%d", (int)getpid());
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
    diagnose_program(&diagnosis, path);
    unlink(path);
    if (json_array_size(diagnosis.findings) == 0)
        abort(); /* every file is something */
    json_decref(diagnosis.findings);
    return 0;
}
