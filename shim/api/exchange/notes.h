/*
 * notes: what processes of a shared exchange tell each other over their connections, a descriptor with each.
 *
 * Negative errno. What comes in is from a process of the same user, and is checked all the same.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_NOTES_H
#define NODEWISE_SHIM_API_EXCHANGE_NOTES_H

#include <stdint.h>

#define NOTES_VERSION 1u

enum note_kind {
    NOTE_WELCOME, /* to a new process: its number, how many others there are, the number of peers; the peers' memory */
    NOTE_PROCESS, /* to both: the other's number; a connection to it */
    NOTE_LANE,    /* a ring in the receiver's channel `id`; its memory */
    NOTE_FD,      /* the peer `to` is woken by that eventfd */
};

struct note {
    uint32_t version, kind;
    uint32_t process, others, peers;
    uint32_t id, message_size, room, from, to;
};

/* Does not wait. -ENOBUFS: too much is on the way; -EPIPE. fd: -1: none goes along. */
int note_send(int socket, const struct note *note, int fd);
/*
 * *ret_fd is the caller's to close; -1: none came. -EAGAIN: nothing is there, and `waits` is 0; -EPIPE: the other side is
 * gone; -EBADMSG.
 */
int note_receive(int socket, int waits, struct note *ret_note, int *ret_fd);

#endif
