/*
 * rendezvous: where the processes of a shared exchange find each other: a socket of that name, which the first of them
 * listens on.
 *
 * A name with a slash is a path. Any other stands in $XDG_RUNTIME_DIR, or, without that, in a folder of the user's own in
 * /dev/shm. The socket may be used by its owner alone, and each side makes sure that the other is the same user.
 *
 * Negative errno.
 */
#ifndef NODEWISE_SHIM_API_EXCHANGE_RENDEZVOUS_H
#define NODEWISE_SHIM_API_EXCHANGE_RENDEZVOUS_H

#include <stdbool.h>

struct rendezvous {
    char path[108]; /* as struct sockaddr_un has it */
    int fd;
    bool
        listens; /* this process is the first: the fd is the socket that it listens on; else a connection to the first */
};

/* -ENAMETOOLONG; -EPERM: another user has the name or the folder. */
int rendezvous_meet(struct rendezvous *ret_rendezvous, const char *name);
/* Whom a connection comes from. -EPERM: another user. */
int rendezvous_check(int fd);
/* Removes the socket's name, if nobody listens there any more. */
void rendezvous_clean(const char *path);

#endif
