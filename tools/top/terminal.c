#include "tools/top/terminal.h"

#include <stdlib.h>
#include <unistd.h>

#include <ncurses.h>
#include <term.h>

bool terminal_has_screen(void)
{
    int status;
    char name[] = "cup";
    if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
        return false;
    const char *put_cursor = tigetstr(name);
    bool has_screen = put_cursor && put_cursor != (const char *)-1;
    del_curterm(cur_term);
    return has_screen;
}
