#include "shim/api/exchange/notes.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union room_for_fd {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int note_send(int socket, const struct note *note, int fd)
{
    struct iovec data = {(void *)note, sizeof(*note)};
    union room_for_fd room = {0};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = room.bytes;
        message.msg_controllen = sizeof(room.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(fd));
        memcpy(CMSG_DATA(header), &fd, sizeof(fd));
    }
    while (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        if (errno != EINTR)
            return errno == EAGAIN ? -ENOBUFS : errno == ECONNRESET ? -EPIPE : -errno;
    return 0;
}

/* One is expected; more are closed. */
static int take_fd(struct msghdr *message)
{
    int kept = -1;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; CMSG_LEN(at + sizeof(int)) <= header->cmsg_len; at += sizeof(int)) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + at, sizeof(fd));
            if (kept < 0)
                kept = fd;
            else
                close(fd);
        }
    }
    return kept;
}

int note_receive(int socket, int waits, struct note *ret_note, int *ret_fd)
{
    struct iovec data = {ret_note, sizeof(*ret_note)};
    union room_for_fd room;
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room.bytes};
    ssize_t size;
    do {
        message.msg_controllen = sizeof(room.bytes);
        size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | (waits ? 0 : MSG_DONTWAIT));
    } while (size < 0 && errno == EINTR);
    if (size <= 0)
        return size < 0 && errno == EAGAIN ? -EAGAIN : -EPIPE;
    *ret_fd = take_fd(&message);
    if (size == sizeof(*ret_note) && ret_note->version == NOTES_VERSION)
        return 0;
    if (*ret_fd >= 0)
        close(*ret_fd);
    return -EBADMSG;
}
