/* Which folder segments and plans get (shim/base/runtime_folder.h, prepare/plan_place.h), and why not a better one. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shim/base/runtime_folder.h"
#include "tools/doctor/doctor.h"
#include "tools/prepare/plan_place.h"

/* bytes: more than one takes */
#define SEGMENT_ROOM ((off_t)512 << 10)
#define PLAN_ROOM    ((off_t)16 << 10)

/* Is there so much room: tried with a file that has no name. 0 or negative errno. */
static int try_room(const char *folder, off_t room)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < (rlim_t)room)
        return -EFBIG; /* the kernel would end this process */
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno == EOPNOTSUPP ? 0 : -errno;
    int error = -posix_fallocate(fd, 0, room);
    close(fd);
    return error;
}

/* Appends what is wrong with it to the text. */
static void add_trouble(FILE *to, const char *path, int error)
{
    if (ftell(to) > 0)
        fputs("; ", to);
    fprintf(to, "%s: %s", path,
            error == -EFBIG ? "the limit on the size of files is below it" : plan_place_trouble(error));
}

/*
 * The first place that can be used, malloc'd; NULL: none. *ret_number is its number, and what is wrong with those
 * before it goes to `to`.
 */
static char *find_place(FILE *to, unsigned *ret_number)
{
    for (unsigned number = 0; number < PLAN_PLACES; number++) {
        char *path, *plans = NULL;
        if (plan_place_path(&path, number) < 0)
            continue;
        int error = plan_place_open(&plans, number, true);
        if (error == 0)
            error = try_room(plans, number < RUNTIME_FOLDERS ? SEGMENT_ROOM : PLAN_ROOM);
        free(plans);
        *ret_number = number;
        if (error == 0)
            return path;
        add_trouble(to, path, error);
        free(path);
    }
    return NULL;
}

void diagnose_folders(struct diagnosis *diagnosis)
{
    char *trouble = NULL;
    size_t size = 0;
    unsigned number = PLAN_PLACES;
    FILE *to = open_memstream(&trouble, &size);
    if (!to)
        return;
    char *path = find_place(to, &number);
    fclose(to);
    const char *before = size ? " (" : "", *behind = size ? ")" : "";
    if (path && number < RUNTIME_FOLDERS)
        diagnose(diagnosis, "folder", HEALTH_FINE, NULL, "%s keeps plans and what processes tell%s%s%s", path, before,
                 trouble, behind);
    else if (path)
        diagnose(diagnosis, "folder", HEALTH_LESS, "mount a tmpfs at /dev/shm, or make room there",
                 "%s keeps plans; what processes tell stays in their memory, where root can read it%s%s%s", path,
                 before, trouble, behind);
    else
        diagnose(diagnosis, "folder", HEALTH_LESS, "mount a tmpfs at /dev/shm, or make room there",
                 "none keeps anything: each start makes its plan anew, and what processes tell stays in their memory, "
                 "where root can read it%s%s%s",
                 before, trouble, behind);
    free(path);
    free(trouble);
}
