/* digest: the SHA-1 of a file, by libcrypto. */
#ifndef NODEWISE_TOOLS_SHA1SUM_DIGEST_H
#define NODEWISE_TOOLS_SHA1SUM_DIGEST_H

#define DIGEST_SIZE 20u

struct digest {
    unsigned char bytes[DIGEST_SIZE];
};

/* To be called first. 0; -ENOTSUP: libcrypto is set up without SHA-1. */
int digest_open(void);

/*
 * name: of a file; "-" is standard input. While one part is hashed the kernel reads the next. Any thread. 0 or a negative
 * errno.
 */
int digest_file(struct digest *ret, const char *name);

#endif
