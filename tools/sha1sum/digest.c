#include "tools/sha1sum/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "tools/sha1sum/reader.h"

static EVP_MD *sha1;

int digest_open(void)
{
    sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
    return sha1 ? 0 : -ENOTSUP;
}

static int hash_parts(EVP_MD_CTX *context, struct reader *reader)
{
    const void *part;
    ssize_t bytes;
    while ((bytes = reader_next(reader, &part)) > 0)
        if (EVP_DigestUpdate(context, part, (size_t)bytes) != 1)
            return -EIO;
    return (int)bytes;
}

static int hash(EVP_MD_CTX *context, int fd, struct digest *ret)
{
    struct reader reader;
    if (EVP_DigestInit_ex(context, sha1, NULL) != 1 || reader_begin(&reader, fd) < 0)
        return -ENOMEM;
    int error = hash_parts(context, &reader);
    reader_end(&reader);
    if (error < 0)
        return error;
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
