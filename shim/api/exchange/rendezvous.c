#include "shim/api/exchange/rendezvous.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING 64 /* connections that are not yet accepted */

/* --- names --- */

/* The user's own, which nobody else can write to. */
static int own_folder(char *ret_folder, size_t size)
{
    struct stat status;
    snprintf(ret_folder, size, "/dev/shm/nodewise-%u", (unsigned)geteuid());
    if (mkdir(ret_folder, 0700) != 0 && errno != EEXIST)
        return -errno;
    if (lstat(ret_folder, &status) != 0)
        return -errno;
    return S_ISDIR(status.st_mode) && status.st_uid == geteuid() && !(status.st_mode & 022) ? 0 : -EPERM;
}

static int find_path(const char *name, char *ret_path, size_t size)
{
    char folder[64];
    const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
    if (strchr(name, '/'))
        return (size_t)snprintf(ret_path, size, "%s", name) < size ? 0 : -ENAMETOOLONG;
    if (runtime && *runtime == '/' && access(runtime, W_OK) == 0)
        return (size_t)snprintf(ret_path, size, "%s/%s.nodewise", runtime, name) < size ? 0 : -ENAMETOOLONG;
    int error = own_folder(folder, sizeof(folder));
    if (error)
        return error;
    return (size_t)snprintf(ret_path, size, "%s/%s", folder, name) < size ? 0 : -ENAMETOOLONG;
}

/* --- one process at a time looks for the name, or gives it away --- */

static int lock_folder_of(const char *path)
{
    char copy[108];
    strcpy(copy, path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) != 0)
        if (errno != EINTR) {
            int error = -errno;
            close(fd);
            return error;
        }
    return fd;
}

/* --- sockets --- */

int rendezvous_check(int fd)
{
    struct ucred other;
    socklen_t size = sizeof(other);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &other, &size) != 0)
        return -errno;
    return other.uid == geteuid() ? 0 : -EPERM;
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, path, strlen(path) + 1);
    return address;
}

static int make_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : fd;
}

/* -ENOENT, -ECONNREFUSED: nobody is there. */
static int connect_to(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    int fd = make_socket();
    if (fd < 0)
        return fd;
    int error = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? rendezvous_check(fd) : -errno;
    if (error)
        close(fd);
    return error ? error : fd;
}

/* The file has the mode that the socket had before. */
static int listen_on(const char *path)
{
    const struct sockaddr_un address = address_of(path);
    int fd = make_socket();
    if (fd < 0)
        return fd;
    if (fchmod(fd, 0600) == 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(fd, WAITING) == 0)
        return fd;
    int error = -errno;
    close(fd);
    return error;
}

static bool is_nobody(int error)
{
    return error == -ENOENT || error == -ECONNREFUSED;
}

/* What a process left behind that was killed. A file that is no socket is somebody's. */
static int remove_socket(const char *path)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(status.st_mode))
        return -EEXIST;
    return unlink(path) == 0 ? 0 : -errno;
}

int rendezvous_meet(struct rendezvous *ret_rendezvous, const char *name)
{
    struct rendezvous meeting = {.fd = -1};
    int error = find_path(name, meeting.path, sizeof(meeting.path));
    int lock = error ? error : lock_folder_of(meeting.path);
    if (lock < 0)
        return lock;
    meeting.fd = connect_to(meeting.path);
    if (is_nobody(meeting.fd)) {
        error = remove_socket(meeting.path);
        meeting.fd = error ? error : listen_on(meeting.path);
        meeting.listens = true;
    }
    close(lock);
    if (meeting.fd < 0)
        return meeting.fd;
    *ret_rendezvous = meeting;
    return 0;
}

void rendezvous_clean(const char *path)
{
    int lock = lock_folder_of(path);
    if (lock < 0)
        return;
    int fd = connect_to(path);
    if (fd >= 0)
        close(fd);
    else if (is_nobody(fd))
        remove_socket(path);
    close(lock);
}
