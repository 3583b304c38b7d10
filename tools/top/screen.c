#include "tools/top/screen.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ncurses.h>

#include "config/printable.h"
#include "tools/common/cli.h"
#include "tools/common/process.h"
#include "tools/top/lines.h"

struct screen {
    struct top *top;
    struct top_filter *filter;
    enum top_tab tab;
    bool paused, asking; /* asking: the rule filter is being typed */
    bool helping;        /* the keys are shown instead */
    size_t first;        /* row at the top of the table */
    char rule[32];
    int looked; /* what the last look said */
};

/* --- lines that both ways share --- */

static double all_accesses(const struct top *top)
{
    size_t count;
    const struct top_node *nodes = top_nodes(top, &count);
    double all = 0;
    for (size_t i = 0; i < count; i++)
        all += nodes[i].accesses;
    return all;
}

/* "" where none were sampled. */
static void accesses_text(const struct top *top, char *ret_text, size_t size)
{
    double share = top_access_locality(top);
    *ret_text = '\0';
    if (share >= 0)
        snprintf(ret_text, size, ", access_locality %.1f %%", share * 100);
}

/* "" while all watched processes run. */
static void ended_text(const struct top *top, const struct top_filter *filter, char *ret_text, size_t size)
{
    size_t at = 0;
    *ret_text = '\0';
    for (size_t i = 0; i < filter->pid_count && at < size; i++)
        if (!top_has_process(top, filter->pids[i]))
            at += (size_t)snprintf(ret_text + at, size - at, "%sprocess %d %s", at ? ", " : "", (int)filter->pids[i],
                                   process_exists(filter->pids[i]) ? "runs without a policy" : "has ended");
}

static void pause_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
    nanosleep(&time, NULL);
}

/* --- batch --- */

static int print_table(struct top *top, enum top_tab tab, const struct top_filter *filter)
{
    struct top_table found;
    if (top_table(top, tab, filter, &found) < 0) {
        print_error("out of memory");
        return EXIT_MACHINE;
    }
    struct table *table = table_new(found.headings, found.columns);
    for (size_t i = 0; i < found.count; i++)
        table_row(table, (const char *const *)found.rows[i].cells);
    printf("\n%s\n", top_tab_word(tab));
    table_print(stdout, table);
    top_table_free(&found);
    return EXIT_OK;
}

static int print_look(struct top *top, const struct top_filter *filter, int tab)
{
    size_t count;
    const struct top_node *nodes = top_nodes(top, &count);
    int status = EXIT_OK;
    char accesses[48], ended[LINE_BYTES];
    accesses_text(top, accesses, sizeof(accesses));
    printf("%zu processes, %zu threads%s\n", top_process_count(top), top_thread_count(top), accesses);
    ended_text(top, filter, ended, sizeof(ended));
    if (*ended)
        puts(ended);
    for (size_t i = 0; i < count; i++) {
        char line[LINE_BYTES];
        line_of_node(&nodes[i], all_accesses(top), line);
        puts(line);
    }
    for (int i = 0; i < TAB_COUNT && status == EXIT_OK; i++)
        if (tab == i ||
            (tab < 0 && (i != TAB_POOLS || top_has_pools(top)) && (i != TAB_EXCHANGES || top_has_exchanges(top))))
            status = print_table(top, (enum top_tab)i, filter);
    return status;
}

int screen_batch(struct top *top, const struct top_filter *filter, double seconds, unsigned looks, int tab)
{
    int status = EXIT_OK, error = top_look(top, filter);
    for (unsigned i = 0; i < looks && status == EXIT_OK && error == 0; i++) {
        pause_for(seconds);
        error = top_look(top, filter);
        if (error == 0 && i)
            putchar('\n');
        if (error == 0)
            status = print_look(top, filter, tab);
        fflush(stdout);
    }
    char ended[LINE_BYTES];
    ended_text(top, filter, ended, sizeof(ended));
    if (error == -ENOENT)
        print_error("%s", *ended ? ended : "no process runs under a policy");
    return error == -ENOENT ? EXIT_NO_PROCESS : error < 0 ? EXIT_MACHINE : finish_output(status);
}

/* --- the screen --- */

#define LOW 10 /* lines of a screen that has the table alone */

/* What so many columns have no room for is left out, not wrapped. */
static int bytes_that_fit(const char *text, int room)
{
    size_t columns;
    return room > 0 ? (int)printable_fit(text, strlen(text), (size_t)room, &columns) : 0;
}

static void put(int line, const char *text)
{
    if (line < LINES)
        mvaddnstr(line, 0, text, bytes_that_fit(text, COLS - 1));
}

/* Behind what stands in the line. */
static void put_more(const char *text)
{
    addnstr(text, bytes_that_fit(text, COLS - 1 - getcurx(stdscr)));
}

static int draw_nodes(const struct screen *screen, int line)
{
    size_t count;
    const struct top_node *nodes = top_nodes(screen->top, &count);
    size_t room = LINES >= LOW ? (size_t)LINES / 2 - 2 : 0;
    char text[LINE_BYTES];
    for (size_t i = 0; i < count && i < room; i++) {
        line_of_node(&nodes[i], all_accesses(screen->top), text);
        put(line++, text);
    }
    if (room && count > room) {
        snprintf(text, sizeof(text), "… %zu more nodes", count - room);
        put(line++, text);
    }
    return line;
}

static int draw_head(const struct screen *screen)
{
    int line = 0;
    char accesses[48], text[LINE_BYTES];
    accesses_text(screen->top, accesses, sizeof(accesses));
    snprintf(text, sizeof(text), "nodewise top: %zu processes, %zu threads%s%s", top_process_count(screen->top),
             top_thread_count(screen->top), accesses, screen->paused ? "  (paused)" : "");
    attron(A_BOLD);
    put(line++, text);
    attroff(A_BOLD);
    ended_text(screen->top, screen->filter, text, sizeof(text));
    if (*text)
        put(line++, text);
    else if (screen->looked == -ENOENT)
        put(line++, "no process runs under a policy; waiting for one");
    return draw_nodes(screen, line);
}

static void draw_tabs(const struct screen *screen, int line)
{
    char text[64];
    move(line, 0);
    for (int i = 0; i < TAB_COUNT; i++) {
        if (i == (int)screen->tab)
            attron(A_REVERSE);
        snprintf(text, sizeof(text), " %d %s ", i + 1, top_tab_word((enum top_tab)i));
        put_more(text);
        attroff(A_REVERSE);
    }
    snprintf(text, sizeof(text), "  node %lld", (long long)screen->filter->node);
    if (screen->filter->node >= 0)
        put_more(text);
    snprintf(text, sizeof(text), "  rule %s%s", screen->rule, screen->asking ? "_" : "");
    if (*screen->rule || screen->asking)
        put_more(text);
}

static void draw_rows(struct screen *screen, const struct top_table *table, int line)
{
    int below = LINES >= LOW ? 2 : 1; /* the heading, and the keys */
    size_t room = LINES - line - below > 0 ? (size_t)(LINES - line - below) : 0;
    struct fitting fitting;
    char text[LINE_BYTES];
    if (screen->first >= table->count)
        screen->first = table->count ? table->count - 1 : 0;
    fit_columns(&fitting, screen->tab, table, screen->first, room, (size_t)COLS - 1);
    line_of_cells(&fitting, (char *const *)table->headings, text);
    attron(A_UNDERLINE);
    put(line++, text);
    attroff(A_UNDERLINE);
    for (size_t i = screen->first; i < table->count && i < screen->first + room; i++) {
        line_of_cells(&fitting, table->rows[i].cells, text);
        put(line++, text);
    }
}

static void draw_help(void)
{
    erase();
    for (int i = 0; top_keys[i]; i++)
        put(i, top_keys[i]);
    refresh();
}

static void draw(struct screen *screen)
{
    struct top_table table;
    erase();
    int line = draw_head(screen);
    draw_tabs(screen, line++);
    if (top_table(screen->top, screen->tab, screen->filter, &table) == 0) {
        draw_rows(screen, &table, line);
        top_table_free(&table);
    }
    if (LINES >= LOW)
        put(LINES - 1, "? help  1-6 tab  n node  / rule  s sort  p pause  arrows scroll  q quit");
    refresh();
}

static void next_node(struct screen *screen)
{
    size_t count, i = 0;
    const struct top_node *nodes = top_nodes(screen->top, &count);
    if (screen->filter->node >= 0)
        while (i < count && (int64_t)nodes[i++].id != screen->filter->node)
            ;
    screen->filter->node = i < count ? (int64_t)nodes[i].id : -1;
}

static void type_rule(struct screen *screen, int key)
{
    size_t length = strlen(screen->rule);
    if (key == '\n' || key == KEY_ENTER || key == 27)
        screen->asking = false;
    else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && length)
        screen->rule[length - 1] = '\0';
    else if (key > 0x20 && key < 0x7f && length + 1 < sizeof(screen->rule))
        snprintf(screen->rule + length, sizeof(screen->rule) - length, "%c", key);
    if (key == 27)
        *screen->rule = '\0';
    screen->filter->rule = screen->rule;
}

/* false: the end. */
static bool handle(struct screen *screen, int key)
{
    size_t page = LINES > 12 ? (size_t)LINES - 12 : 1;
    if (screen->helping) {
        screen->helping = false;
        return true;
    }
    if (screen->asking) {
        type_rule(screen, key);
        return true;
    }
    switch (key) {
    case 'q':
        return false;
    case '1' ... '6':
        screen->tab = (enum top_tab)(key - '1');
        screen->first = 0;
        screen->filter->sort = TOP_COLUMNS;
        break;
    case '\t':
        screen->tab = (screen->tab + 1) % TAB_COUNT;
        screen->first = 0;
        screen->filter->sort = TOP_COLUMNS;
        break;
    case 'n':
        next_node(screen);
        break;
    case '?':
    case 'h':
        screen->helping = true;
        break;
    case '/':
        screen->asking = true;
        break;
    case 's':
        screen->filter->sort = (screen->filter->sort + 1) % (TOP_COLUMNS + 1);
        break;
    case 'p':
    case ' ':
        screen->paused = !screen->paused;
        break;
    case KEY_DOWN:
        screen->first++;
        break;
    case KEY_UP:
        screen->first -= screen->first > 0;
        break;
    case KEY_NPAGE:
        screen->first += page;
        break;
    case KEY_PPAGE:
        screen->first -= screen->first < page ? screen->first : page;
        break;
    case KEY_HOME:
        screen->first = 0;
        break;
    default:
        break;
    }
    return true;
}

int screen_run(struct top *top, struct top_filter *filter, double seconds, enum top_tab tab)
{
    struct screen screen = {.top = top, .filter = filter, .tab = tab};
    SCREEN *terminal;
    bool goes_on = true;
    setlocale(LC_ALL, "");
    if (filter->rule)
        snprintf(screen.rule, sizeof(screen.rule), "%s", filter->rule);
    terminal = newterm(NULL, stdout, stdin); /* initscr() would end the process itself */
    if (!terminal) {
        print_error("this terminal (TERM=%s) cannot show it; `nodewise top --batch` prints text",
                    getenv("TERM") ? getenv("TERM") : "");
        return EXIT_MACHINE;
    }
    cbreak();
    noecho();
    keypad(stdscr, TRUE);
    curs_set(0);
    screen.looked = top_look(top, filter);
    timeout(300); /* the first shares come soon */
    for (bool first = true; goes_on; first = false) {
        if (screen.helping)
            draw_help();
        else
            draw(&screen);
        int key = getch();
        if (key != ERR)
            goes_on = handle(&screen, key);
        else if (!screen.paused)
            screen.looked = top_look(top, filter);
        if (!first || key != ERR)
            timeout((int)(seconds * 1000));
    }
    endwin();
    delscreen(terminal);
    return EXIT_OK;
}
