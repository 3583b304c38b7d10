/* The plug-in is asked for once. */
#include <pthread.h>

#include "shim/api/io/io.h"
#include "shim/api/plugin.h"

static const struct io_engine *plugin;
static pthread_once_t opened = PTHREAD_ONCE_INIT;

static void open_plugin(void)
{
    const struct io_engine *engine = plugin_open("libnodewise-uring.so", IO_ENGINE_SYMBOL);
    if (engine && engine->version == IO_ENGINE_VERSION)
        plugin = engine;
}

const struct io_engine *io_plugin(void)
{
    pthread_once(&opened, open_plugin);
    return plugin;
}
