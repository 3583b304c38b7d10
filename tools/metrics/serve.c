#include "tools/metrics/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "shim/sys/again.h"
#include "tools/common/cli.h"
#include "tools/metrics/connections.h"
#include "tools/metrics/privileges.h"
#include "tools/metrics/series.h"

#define QUEUE        128
#define HEADERS_MOST (8u << 10) /* bytes of a request */
#define FRESH_MS     200u       /* an answer is given again for that long: many clients cost what one costs */
#define LOOK_MS      500        /* at least so often clients are looked at */

struct server {
    bool on_loopback;
};

/* --- listening --- */

/* A socket file of a server that is gone is in the way; one that answers is not ours to take. */
static bool is_free(const struct sockaddr_un *address)
{
    struct stat status;
    if (lstat(address->sun_path, &status) != 0)
        return errno == ENOENT;
    int fd = S_ISSOCK(status.st_mode) ? socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
    bool stale =
        fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return stale && unlink(address->sun_path) == 0;
}

static int listen_on_path(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (!*path || strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    if (!is_free(&address))
        return -EADDRINUSE;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0117); /* the owner and the group */
    bool good = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, QUEUE) == 0;
    int error = errno;
    umask(mask);
    if (!good && fd >= 0)
        close(fd);
    return good ? fd : -error;
}

/* Splits "[HOST]:PORT"; an empty host is loopback. false: not of this form. */
static bool split(const char *where, char *ret_host, size_t size, const char **ret_port)
{
    const char *colon = strrchr(where, ':');
    if (!colon || !colon[1] || (size_t)(colon - where) >= size)
        return false;
    size_t length = (size_t)(colon - where);
    if (length >= 2 && where[0] == '[' && where[length - 1] == ']') {
        where++;
        length -= 2;
    }
    snprintf(ret_host, size, "%.*s", (int)length, where);
    if (!length || strcmp(ret_host, "localhost") == 0)
        snprintf(ret_host, size, "127.0.0.1");
    *ret_port = colon + 1;
    return true;
}

/* getaddrinfo(3) takes any number, and keeps its lowest 16 bits. */
static bool is_port(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && number <= UINT16_MAX;
}

static int listen_on_address(const char *where)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[128];
    const char *port;
    int on = 1;
    if (!split(where, host, sizeof(host), &port) || !is_port(port) || getaddrinfo(host, port, &hints, &found) != 0)
        return -EINVAL;
    int fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, QUEUE) == 0;
    int error = errno;
    freeaddrinfo(found);
    if (!good && fd >= 0)
        close(fd);
    return good ? fd : -error;
}

/* --- answering --- */

/* Takes the text. */
static struct MHD_Response *response_of(char *text, size_t size, const char *type)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (response)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    else
        free(text);
    return response;
}

static enum MHD_Result send_words(struct MHD_Connection *connection, unsigned status, const char *words)
{
    char *text = strdup(words);
    struct MHD_Response *response = text ? response_of(text, strlen(text), "text/plain; charset=utf-8") : NULL;
    if (!response)
        return MHD_NO;
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *make_series(bool openmetrics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int error = to ? series_write(to, openmetrics) : -ENOMEM;
    if (to && fclose(to) != 0)
        error = -ENOMEM;
    if (error == 0)
        return response_of(text, size, openmetrics ? series_type_openmetrics : series_type_prometheus);
    free(text);
    return NULL;
}

/* Of each format the last one; clients that take it slowly share it. NULL: no memory. */
static struct MHD_Response *fresh_series(bool openmetrics)
{
    static struct {
        struct MHD_Response *response;
        uint64_t at;
    } last[2];
    struct timespec clock;
    clock_gettime(CLOCK_MONOTONIC, &clock);
    uint64_t now = (uint64_t)clock.tv_sec * 1000 + (uint64_t)clock.tv_nsec / 1000000;
    if (last[openmetrics].response && now - last[openmetrics].at < FRESH_MS)
        return last[openmetrics].response;
    if (last[openmetrics].response)
        MHD_destroy_response(last[openmetrics].response); /* its clients keep it */
    last[openmetrics].response = make_series(openmetrics);
    last[openmetrics].at = now;
    return last[openmetrics].response;
}

static enum MHD_Result send_series(struct MHD_Connection *connection)
{
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    struct MHD_Response *response = fresh_series(accept && strstr(accept, "application/openmetrics-text"));
    if (response)
        return MHD_queue_response(connection, MHD_HTTP_OK, response);
    return send_words(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
}

/*
 * A page of any site can make its visitor's browser ask a loopback address under the site's name (DNS rebinding). Who
 * means this machine says so by a number, by localhost, or by the machine's own name.
 */
static bool is_for_us(struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    char name[256], own[256] = "";
    struct in_addr address;
    if (!host || *host == '[')
        return true;
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(host, ":"), host);
    gethostname(own, sizeof(own) - 1);
    return !*name || inet_pton(AF_INET, name, &address) == 1 || strcasecmp(name, "localhost") == 0 ||
           strcasecmp(name, own) == 0;
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
    const struct server *server = context;
    (void)version;
    (void)data;
    (void)size;
    (void)state;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return send_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
    if (server->on_loopback && !is_for_us(connection))
        return send_words(connection, MHD_HTTP_FORBIDDEN, "not this host\n");
    if (strcmp(url, "/metrics") == 0)
        return send_series(connection);
    if (strcmp(url, "/") == 0)
        return send_words(connection, MHD_HTTP_OK, "nodewise: the numbers are at /metrics\n");
    return send_words(connection, MHD_HTTP_NOT_FOUND, "not found; the numbers are at /metrics\n");
}

/* --- its life --- */

static bool is_loopback(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        return false;
    if (address.ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)&address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    return address.ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&address)->sin6_addr);
}

/* So many clients need so many descriptors. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= 2 * CONNECTIONS_MOST)
        return;
    limit.rlim_cur = limit.rlim_max < 2 * CONNECTIONS_MOST ? limit.rlim_max : 2 * CONNECTIONS_MOST;
    setrlimit(RLIMIT_NOFILE, &limit);
}

/* This thread alone runs the daemon, so a client is never ended while another is given its descriptor. */
static struct MHD_Daemon *start_daemon(struct server *server, int fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, server, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST, MHD_OPTION_CONNECTION_TIMEOUT,
                            CONNECTIONS_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MOST,
                            MHD_OPTION_NOTIFY_CONNECTION, connections_note, NULL, MHD_OPTION_NOTIFY_COMPLETED,
                            connections_completed, NULL, MHD_OPTION_END);
}

static void run(struct MHD_Daemon *daemon, const sigset_t *ends)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    struct pollfd waits[2] = {{signalfd(-1, ends, SFD_CLOEXEC), POLLIN, 0}, {info ? info->epoll_fd : -1, POLLIN, 0}};
    unsigned interruptions = 0;
    while (!waits[0].revents) {
        MHD_UNSIGNED_LONG_LONG due = LOOK_MS;
        if (MHD_get_timeout(daemon, &due) != MHD_YES || due > LOOK_MS)
            due = LOOK_MS;
        if (poll(waits, 2, (int)due) >= 0)
            interruptions = 0;
        else if (!call_again(&interruptions))
            break;
        MHD_run(daemon);
        connections_sweep();
    }
    close(waits[0].fd);
}

int serve(const char *where)
{
    bool on_path = strncmp(where, "unix:", 5) == 0;
    int fd = on_path ? listen_on_path(where + 5) : listen_on_address(where);
    struct server server = {.on_loopback = !on_path && fd >= 0 && is_loopback(fd)};
    sigset_t ends;
    if (fd == -EINVAL)
        return usage_error("metrics", "\"%s\" is neither ADDRESS:PORT, in numbers and up to 65535, nor unix:PATH",
                           where);
    if (fd < 0) {
        print_error("cannot listen on %s: %s", where, strerror(-fd));
        return EXIT_MACHINE;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    allow_descriptors();
    struct MHD_Daemon *daemon = start_daemon(&server, fd);
    if (!daemon) {
        print_error("the HTTP server cannot be started");
        close(fd);
        return EXIT_MACHINE;
    }
    int error = privileges_drop();
    if (error < 0)
        print_error("the server keeps privileges that it does not need: %s", strerror(-error));
    print_error("metrics on %s", where);
    run(daemon, &ends);
    MHD_stop_daemon(daemon);
    if (on_path)
        unlink(where + 5); /* root's stays until the next start: it may remove nothing by now */
    return EXIT_OK;
}
