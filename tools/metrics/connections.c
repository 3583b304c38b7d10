#include "tools/metrics/connections.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

struct client {
    int fd; /* -1: the place is free */
    bool is_ended;
    uint64_t since; /* ms: its last step */
};

static struct client clients[CONNECTIONS_MOST];
static size_t count; /* places that have ever been used */

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The daemon closes the descriptor itself when it reads the end: until then it is this connection's. */
static void end(struct client *client)
{
    shutdown(client->fd, SHUT_RDWR);
    client->is_ended = true;
}

/* NULL where there are few. */
static struct client *oldest_of_many(void)
{
    struct client *oldest = NULL;
    size_t live = 0;
    for (size_t i = 0; i < count; i++) {
        if (clients[i].fd < 0 || clients[i].is_ended)
            continue;
        live++;
        if (!oldest || clients[i].since < oldest->since)
            oldest = &clients[i];
    }
    return live >= CONNECTIONS_KEPT ? oldest : NULL;
}

static struct client *free_place(void)
{
    for (size_t i = 0; i < count; i++)
        if (clients[i].fd < 0)
            return &clients[i];
    return count < CONNECTIONS_MOST ? &clients[count++] : NULL;
}

static void begin(struct MHD_Connection *connection, void **socket_context)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *oldest = oldest_of_many();
    if (oldest)
        end(oldest);
    struct client *place = free_place();
    if (place && info)
        *place = (struct client){.fd = info->connect_fd, .since = now_ms()};
    else if (info)
        shutdown(info->connect_fd, SHUT_RDWR);
    *socket_context = place;
}

void connections_note(void *context, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code)
{
    struct client *client = *socket_context;
    (void)context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        begin(connection, socket_context);
    else if (client)
        client->fd = -1;
}

void connections_completed(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info ? info->socket_context : NULL;
    (void)context;
    (void)request;
    (void)code;
    if (client)
        client->since = now_ms();
}

void connections_sweep(void)
{
    uint64_t now = now_ms();
    for (size_t i = 0; i < count; i++)
        if (clients[i].fd >= 0 && !clients[i].is_ended && now - clients[i].since > CONNECTIONS_SECONDS * 1000)
            end(&clients[i]);
}
