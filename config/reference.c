/* Build step: writes what is made of the key table. reference schema | manual */
#include <stdio.h>
#include <string.h>

#include "config/config.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "schema") == 0)
        return config_schema(stdout) < 0;
    if (argc == 2 && strcmp(argv[1], "manual") == 0) {
        config_manual(stdout);
        return 0;
    }
    fprintf(stderr, "usage: reference schema|manual\n");
    return 2;
}
