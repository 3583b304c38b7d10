/*
 * nodewise-metrics: the series over HTTP. `nodewise metrics` starts it. It is a program of its own, because the HTTP
 * server's libraries, ten of them, cost each start of the command as much as all else.
 */
#include "tools/common/cli.h"
#include "tools/metrics/serve.h"

int main(int argc, char **argv)
{
    if (argc != 2)
        return usage_error("metrics", "nodewise-metrics takes one word: where to listen");
    return serve(argv[1]);
}
