/*
 * connections: the clients of the server, so that slow ones keep none out. Each has a time by which its request must
 * be complete, and its answer taken: bytes in between do not extend it. When there are many, a new one ends the one
 * that has made no progress for the longest time. For the one thread that runs the daemon.
 */
#ifndef NODEWISE_TOOLS_METRICS_CONNECTIONS_H
#define NODEWISE_TOOLS_METRICS_CONNECTIONS_H

#include <microhttpd.h>

#define CONNECTIONS_MOST    256u /* of the daemon: those that are being ended are among them */
#define CONNECTIONS_KEPT    192u
#define CONNECTIONS_SECONDS 10u /* from the connection, or the answer before, until the next answer is taken */

/* Callbacks of the daemon: MHD_OPTION_NOTIFY_CONNECTION and MHD_OPTION_NOTIFY_COMPLETED. */
void connections_note(void *context, struct MHD_Connection *connection, void **socket_context,
                      enum MHD_ConnectionNotificationCode code);
void connections_completed(void *context, struct MHD_Connection *connection, void **request,
                           enum MHD_RequestTerminationCode code);
/* Ends those whose time is over; at least once a second. */
void connections_sweep(void);

#endif
