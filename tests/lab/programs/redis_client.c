/*
 * redis_client: work for a redis-server in the guest: connections that set and get values of several sizes, with some
 * requests under way on each; at the end the server is asked to shut down.
 *
 *   redis_client PORT REQUESTS
 *
 * Static, and linked where the access counter does not count (counter/marks.h): what is counted is the server's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 8u
#define PIPELINE    8u
#define KEYS        4000u
#define VALUE_MOST  2000u

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_patiently(int port)
{
    for (int i = 0; i < 600; i++) {
        int fd = connect_to(port);
        if (fd >= 0)
            return fd;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    fputs("redis_client: no server\n", stderr);
    exit(1);
}

static void send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t count = write(fd, data, size);
        if (count <= 0)
            exit(1);
        data += count;
        size -= (size_t)count;
    }
}

static int read_char(int fd, char *buffer, size_t *have, size_t *at)
{
    if (*at == *have) {
        ssize_t count = read(fd, buffer, 65536);
        if (count <= 0)
            exit(1);
        *have = (size_t)count;
        *at = 0;
    }
    return buffer[(*at)++];
}

/* One reply of the protocol: "+OK", "$5" and five bytes, "$-1". https://redis.io/docs/reference/protocol-spec */
static void read_reply(int fd, char *buffer, size_t *have, size_t *at)
{
    char line[64];
    size_t length = 0;
    int c;
    while ((c = read_char(fd, buffer, have, at)) != '\n')
        if (length < sizeof(line) - 1)
            line[length++] = (char)c;
    line[length] = '\0';
    if (line[0] != '$')
        return;
    long bytes = atol(line + 1);
    for (long i = 0; bytes >= 0 && i < bytes + 2; i++)
        read_char(fd, buffer, have, at);
}

static unsigned next_random(void)
{
    static unsigned long random = 1;
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random >> 33);
}

static size_t request(char *to)
{
    static char value[VALUE_MOST];
    unsigned key = next_random() % KEYS, size = 16 + next_random() % (next_random() % 8 ? 200 : VALUE_MOST - 16);
    if (next_random() % 2)
        return (size_t)sprintf(to, "*2\r\n$3\r\nGET\r\n$8\r\nkey:%04u\r\n", key);
    memset(value, 'v', size);
    size_t length = (size_t)sprintf(to, "*3\r\n$3\r\nSET\r\n$8\r\nkey:%04u\r\n$%u\r\n", key, size);
    memcpy(to + length, value, size);
    memcpy(to + length + size, "\r\n", 2);
    return length + size + 2;
}

int main(int argc, char **argv)
{
    static const char shutdown_now[] = "*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n";
    static char requests[PIPELINE * (VALUE_MOST + 100)], replies[65536];
    int fds[CONNECTIONS];
    if (argc != 3)
        return 2;
    int port = atoi(argv[1]);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        fds[i] = connect_patiently(port);
    for (long done = 0; done < atol(argv[2]); done += CONNECTIONS * PIPELINE) {
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            size_t length = 0;
            for (unsigned j = 0; j < PIPELINE; j++)
                length += request(requests + length);
            send_all(fds[i], requests, length);
        }
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            size_t have = 0, at = 0;
            for (unsigned j = 0; j < PIPELINE; j++)
                read_reply(fds[i], replies, &have, &at);
        }
    }
    send_all(fds[0], shutdown_now, sizeof(shutdown_now) - 1);
    return 0;
}
