/*
 * client: work for a server in the guest: connections that set and get values of several sizes, with some requests under
 * way on each; at the end the server is asked to shut down, where its protocol can say so.
 *
 *   client redis|memcached|postgres PORT REQUESTS
 *
 * Static, and linked where the access counter does not count (counter/marks.h): what is counted is the server's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
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
#define LINE_MOST   128u

static char value[VALUE_MOST];

static void fail(const char *what)
{
    fprintf(stderr, "client: %s\n", what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static void send_all(int fd, const char *data, size_t size)
{
    while (size) {
        ssize_t count = write(fd, data, size);
        if (count <= 0)
            fail("the server takes nothing");
        data += count;
        size -= (size_t)count;
    }
}

static int read_char(int fd, char *buffer, size_t *have, size_t *at)
{
    if (*at == *have) {
        ssize_t count = read(fd, buffer, 65536);
        if (count <= 0)
            fail("the server sends nothing");
        *have = (size_t)count;
        *at = 0;
    }
    return buffer[(*at)++];
}

/* A line without its end. What has no room in `line` is dropped. */
static void read_line(int fd, char *buffer, size_t *have, size_t *at, char line[LINE_MOST])
{
    size_t length = 0;
    int c;
    while ((c = read_char(fd, buffer, have, at)) != '\n')
        if (length < LINE_MOST - 1)
            line[length++] = (char)c;
    line[length] = '\0';
}

static void skip(int fd, char *buffer, size_t *have, size_t *at, long bytes)
{
    for (long i = 0; i < bytes; i++)
        read_char(fd, buffer, have, at);
}

/* One reply: "+OK", "$5" and five bytes, "$-1". https://redis.io/docs/reference/protocol-spec */
static void read_redis(int fd, char *buffer, size_t *have, size_t *at)
{
    char line[LINE_MOST];
    read_line(fd, buffer, have, at, line);
    if (line[0] == '$' && atol(line + 1) >= 0)
        skip(fd, buffer, have, at, atol(line + 1) + 2);
}

/* "STORED", "END", or "VALUE key flags bytes", the bytes and "END". https://docs.memcached.org/protocols/basic */
static void read_memcached(int fd, char *buffer, size_t *have, size_t *at)
{
    char line[LINE_MOST];
    long bytes;
    read_line(fd, buffer, have, at, line);
    if (sscanf(line, "VALUE %*s %*u %ld", &bytes) != 1)
        return;
    skip(fd, buffer, have, at, bytes + 2);
    read_line(fd, buffer, have, at, line);
}

static unsigned next_random(void)
{
    static unsigned long random = 1;
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(random >> 33);
}

/* Messages of a letter, a length and so many bytes; 'Z' ends what belongs to a request.
 * https://www.postgresql.org/docs/current/protocol-message-formats.html */
static bool read_until_ready(int fd, char *buffer, size_t *have, size_t *at)
{
    for (int kind = 0; kind != 'Z';) {
        uint32_t length = 0;
        kind = read_char(fd, buffer, have, at);
        for (unsigned i = 0; i < 4; i++)
            length = length << 8 | (unsigned char)read_char(fd, buffer, have, at);
        if (kind == 'E')
            return false;
        skip(fd, buffer, have, at, (long)length - 4);
    }
    return true;
}

static void read_postgres(int fd, char *buffer, size_t *have, size_t *at)
{
    if (!read_until_ready(fd, buffer, have, at))
        fail("the server refuses");
}

static void put_length(char *to, uint32_t length)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (char)(length >> (24 - 8 * i));
}

static size_t query(char *to, const char *format, ...)
{
    va_list words;
    va_start(words, format);
    int length = vsprintf(to + 5, format, words) + 1;
    va_end(words);
    to[0] = 'Q';
    put_length(to + 1, (uint32_t)length + 4);
    return (size_t)length + 5;
}

/* false: it starts only now, and has closed the connection. */
static bool begin_postgres(int fd, char *buffer, size_t *have, size_t *at)
{
    static const char words[] = "\0\3\0\0user\0postgres\0database\0postgres\0";
    char start[4 + sizeof(words)], table[200];
    put_length(start, sizeof(start));
    memcpy(start + 4, words, sizeof(words));
    send_all(fd, start, sizeof(start));
    if (!read_until_ready(fd, buffer, have, at))
        return false;
    send_all(fd, table, query(table, "create table if not exists entries(key int primary key, value text)"));
    read_postgres(fd, buffer, have, at);
    return true;
}

static size_t get_redis(char *to, unsigned key)
{
    return (size_t)sprintf(to, "*2\r\n$3\r\nGET\r\n$8\r\nkey:%04u\r\n", key);
}

static size_t set_redis(char *to, unsigned key, unsigned size)
{
    return (size_t)sprintf(to, "*3\r\n$3\r\nSET\r\n$8\r\nkey:%04u\r\n$%u\r\n%.*s\r\n", key, size, (int)size, value);
}

static size_t get_memcached(char *to, unsigned key)
{
    return (size_t)sprintf(to, "get key:%04u\r\n", key);
}

static size_t set_memcached(char *to, unsigned key, unsigned size)
{
    return (size_t)sprintf(to, "set key:%04u 0 0 %u\r\n%.*s\r\n", key, size, (int)size, value);
}

static size_t get_postgres(char *to, unsigned key)
{
    return query(to, "select value from entries where key = %u", key);
}

static size_t set_postgres(char *to, unsigned key, unsigned size)
{
    return query(to, "insert into entries values(%u, '%.*s') on conflict (key) do update set value = excluded.value",
                 key, (int)size, value);
}

static const struct protocol {
    const char *name, *shutdown;
    bool (*begin)(int fd, char *buffer, size_t *have, size_t *at); /* or NULL. false: the server is not ready */
    size_t (*get)(char *to, unsigned key);
    size_t (*set)(char *to, unsigned key, unsigned size);
    void (*read_reply)(int fd, char *buffer, size_t *have, size_t *at);
} protocols[] = {
    {"redis", "*2\r\n$8\r\nSHUTDOWN\r\n$6\r\nNOSAVE\r\n", NULL, get_redis, set_redis, read_redis},
    {"memcached", "shutdown\r\n", NULL, get_memcached, set_memcached, read_memcached},
    {"postgres", "", begin_postgres, get_postgres, set_postgres, read_postgres},
};

static int connect_patiently(const struct protocol *protocol, int port, char *buffer)
{
    for (int i = 0; i < 600; i++) {
        size_t have = 0, at = 0;
        int fd = connect_to(port);
        if (fd >= 0 && (!protocol->begin || protocol->begin(fd, buffer, &have, &at)))
            return fd;
        if (fd >= 0)
            close(fd);
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
    fail("no server");
    return -1;
}

static size_t request(const struct protocol *protocol, char *to)
{
    unsigned key = next_random() % KEYS, size = 16 + next_random() % (next_random() % 8 ? 200 : VALUE_MOST - 16);
    return next_random() % 2 ? protocol->get(to, key) : protocol->set(to, key, size);
}

static const struct protocol *protocol_of(const char *name)
{
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
        if (!strcmp(name, protocols[i].name))
            return &protocols[i];
    exit(2);
}

int main(int argc, char **argv)
{
    static char requests[PIPELINE * (VALUE_MOST + 200)], replies[65536];
    int fds[CONNECTIONS];
    if (argc != 4)
        return 2;
    const struct protocol *protocol = protocol_of(argv[1]);
    int port = atoi(argv[2]);
    memset(value, 'v', sizeof(value));
    for (unsigned i = 0; i < CONNECTIONS; i++)
        fds[i] = connect_patiently(protocol, port, replies);
    for (long done = 0; done < atol(argv[3]); done += CONNECTIONS * PIPELINE) {
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            size_t length = 0;
            for (unsigned j = 0; j < PIPELINE; j++)
                length += request(protocol, requests + length);
            send_all(fds[i], requests, length);
        }
        for (unsigned i = 0; i < CONNECTIONS; i++) {
            size_t have = 0, at = 0;
            for (unsigned j = 0; j < PIPELINE; j++)
                protocol->read_reply(fds[i], replies, &have, &at);
        }
    }
    send_all(fds[0], protocol->shutdown, strlen(protocol->shutdown));
    return 0;
}
