/* serve: the series over HTTP (libmicrohttpd), on loopback or a unix socket. */
#ifndef NODEWISE_TOOLS_METRICS_SERVE_H
#define NODEWISE_TOOLS_METRICS_SERVE_H

#define SERVE_DEFAULT "127.0.0.1:9464"

/*
 * Until SIGINT or SIGTERM. where: "ADDRESS:PORT", "[ADDRESS]:PORT", ":PORT" (loopback) or "unix:PATH". The exit code,
 * after having said why it is not EXIT_OK.
 */
int serve(const char *where);

#endif
