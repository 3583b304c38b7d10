#include "tools/sha1sum/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim/sys/again.h"

/* Fits into a core's own cache, with what the kernel touches to fill it. */
#define PART  (256u << 10)
#define AHEAD (8 * PART)

static EVP_MD *sha1;

int digest_open(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    return sha1 ? 0 : -ENOTSUP;
}

/* A worker's own, which is on its node because it is the first to touch it. NULL: no memory. */
static void *own_part(void)
{
    static _Thread_local void *part;
    if (!part)
        part = malloc(PART);
    return part;
}

/* -1: see errno. */
static ssize_t read_part(int fd, void *part)
{
    unsigned interruptions = 0;
    ssize_t bytes;
    do
        bytes = read(fd, part, PART);
    while (bytes < 0 && call_again(&interruptions));
    return bytes;
}

/* Of a file's next bytes, from `at` on: hints, which the kernel may refuse. */
static void ask_for(int fd, off_t at)
{
    if (at % AHEAD == 0)
        posix_fadvise(fd, at + AHEAD, AHEAD, POSIX_FADV_WILLNEED);
}

static int hash(EVP_MD_CTX *context, int fd, struct digest *ret)
{
    void *part = own_part();
    off_t at = 0;
    ssize_t bytes;
    if (!part || EVP_DigestInit_ex(context, sha1, NULL) != 1)
        return -ENOMEM;
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    while (ask_for(fd, at), (bytes = read_part(fd, part)) > 0) {
        if (EVP_DigestUpdate(context, part, (size_t)bytes) != 1)
            return -EIO;
        at += bytes;
    }
    if (bytes < 0)
        return -errno;
    return EVP_DigestFinal_ex(context, ret->bytes, NULL) == 1 ? 0 : -EIO;
}

int digest_file(struct digest *ret, const char *name)
{
    bool is_input = strcmp(name, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int error = context ? hash(context, fd, ret) : -ENOMEM;
    EVP_MD_CTX_free(context);
    if (!is_input)
        close(fd);
    return error;
}
