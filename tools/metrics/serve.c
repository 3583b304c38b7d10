#include "tools/metrics/serve.h"

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <microhttpd.h>

#include "tools/common/cli.h"
#include "tools/metrics/series.h"

#define QUEUE       16
#define CONNECTIONS 64u
#define SECONDS     10u

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
    if (!length)
        snprintf(ret_host, size, "127.0.0.1");
    *ret_port = colon + 1;
    return true;
}

static int listen_on_address(const char *where)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char host[128];
    const char *port;
    int on = 1;
    if (!split(where, host, sizeof(host), &port) || getaddrinfo(host, port, &hints, &found) != 0)
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

static enum MHD_Result send_text(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
                                 size_t size)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_words(struct MHD_Connection *connection, unsigned status, const char *words)
{
    char *text = strdup(words);
    return text ? send_text(connection, status, "text/plain; charset=utf-8", text, strlen(text)) : MHD_NO;
}

static enum MHD_Result send_series(struct MHD_Connection *connection)
{
    const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
    bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    int error = to ? series_write(to, openmetrics) : -ENOMEM;
    if (to && fclose(to) != 0)
        error = -ENOMEM;
    if (error == 0)
        return send_text(connection, MHD_HTTP_OK, openmetrics ? series_type_openmetrics : series_type_prometheus, text,
                         size);
    free(text);
    return send_words(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *size, void **state)
{
    (void)context;
    (void)version;
    (void)data;
    (void)size;
    (void)state;
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return send_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET or HEAD\n");
    if (strcmp(url, "/metrics") == 0)
        return send_series(connection);
    if (strcmp(url, "/") == 0)
        return send_words(connection, MHD_HTTP_OK, "nodewise: the numbers are at /metrics\n");
    return send_words(connection, MHD_HTTP_NOT_FOUND, "not found; the numbers are at /metrics\n");
}

/* --- its life --- */

static void wait_for_end(const sigset_t *ends)
{
    int signal;
    while (sigwait(ends, &signal) != 0)
        ;
}

int serve(const char *where)
{
    bool on_path = strncmp(where, "unix:", 5) == 0;
    int fd = on_path ? listen_on_path(where + 5) : listen_on_address(where);
    sigset_t ends;
    if (fd == -EINVAL)
        return usage_error("metrics", "\"%s\" is not ADDRESS:PORT or unix:PATH", where);
    if (fd < 0) {
        print_error("cannot listen on %s: %s", where, strerror(-fd));
        return EXIT_MACHINE;
    }
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL); /* the daemon's thread inherits it */
    struct MHD_Daemon *daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO, 0, NULL, NULL, answer,
                                                 NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                                 CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, SECONDS, MHD_OPTION_END);
    if (!daemon) {
        print_error("the HTTP server cannot be started");
        close(fd);
        return EXIT_MACHINE;
    }
    print_error("metrics on %s", where);
    wait_for_end(&ends);
    MHD_stop_daemon(daemon);
    if (on_path)
        unlink(where + 5);
    return EXIT_OK;
}
