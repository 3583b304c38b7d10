#include "tools/top/screen.h"

#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <ncurses.h>

#include "tools/common/cli.h"

#define MIB (1024.0 * 1024.0)

struct screen {
    struct top *top;
    struct top_filter *filter;
    enum top_tab tab;
    bool paused, asking; /* asking: the rule filter is being typed */
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

/* accesses: of all nodes. */
static void node_line(const struct top_node *node, double accesses, char *ret_line, size_t size)
{
    char cpu[16] = "-", local[16] = "-", served[16] = "-";
    if (accesses > 0)
        snprintf(served, sizeof(served), "%.1f %%", 100.0 * node->accesses / accesses);
    if (node->cpu >= 0)
        snprintf(cpu, sizeof(cpu), "%.0f %%", node->cpu * 100);
    if (node->served + node->overflows)
        snprintf(local, sizeof(local), "%.1f %%",
                 100.0 * (double)node->served / (double)(node->served + node->overflows));
    snprintf(ret_line, size, "node %-3u %4u CPUs %6s busy %7.0f/%.0f MiB %5zu threads  alloc %-7s  serves %s", node->id,
             node->cpus, cpu, (double)node->memory_used / MIB, (double)node->memory / MIB, node->threads, local,
             served);
}

static void measure(const struct top_table *table, size_t first, size_t count, size_t *ret_widths)
{
    for (size_t k = 0; k < table->columns; k++) {
        ret_widths[k] = strlen(table->headings[k]);
        for (size_t i = first; i < first + count && i < table->count; i++)
            if (strlen(table->rows[i].cells[k]) > ret_widths[k])
                ret_widths[k] = strlen(table->rows[i].cells[k]);
    }
}

static void row_line(char *const *cells, size_t columns, const size_t *widths, char *ret_line, size_t size)
{
    size_t at = 0;
    for (size_t k = 0; k < columns && at < size; k++)
        at +=
            (size_t)snprintf(ret_line + at, size - at, "%-*s%s", (int)widths[k], cells[k], k + 1 < columns ? "  " : "");
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
    char accesses[48];
    accesses_text(top, accesses, sizeof(accesses));
    printf("%zu processes, %zu threads%s\n", top_process_count(top), top_thread_count(top), accesses);
    for (size_t i = 0; i < count; i++) {
        char line[160];
        node_line(&nodes[i], all_accesses(top), line, sizeof(line));
        puts(line);
    }
    for (int i = 0; i < TAB_COUNT && status == EXIT_OK; i++)
        if (tab == i || (tab < 0 && (i != TAB_POOLS || top_has_pools(top))))
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
    if (error == -ENOENT)
        print_error("no process runs under a policy%s", filter->pid_count ? " with these numbers" : "");
    return error == -ENOENT ? EXIT_NO_PROCESS : error < 0 ? EXIT_MACHINE : finish_output(status);
}

/* --- the screen --- */

static int draw_head(const struct screen *screen)
{
    size_t count;
    const struct top_node *nodes = top_nodes(screen->top, &count);
    int line = 0, room = LINES / 2 - 2;
    char accesses[48];
    accesses_text(screen->top, accesses, sizeof(accesses));
    attron(A_BOLD);
    mvprintw(line++, 0, "nodewise top: %zu processes, %zu threads%s%s", top_process_count(screen->top),
             top_thread_count(screen->top), accesses, screen->paused ? "  (paused)" : "");
    attroff(A_BOLD);
    if (screen->looked == -ENOENT)
        mvprintw(line++, 0, "no process runs under a policy; waiting for one");
    for (size_t i = 0; i < count && (int)i < room; i++) {
        char text[160];
        node_line(&nodes[i], all_accesses(screen->top), text, sizeof(text));
        mvaddnstr(line++, 0, text, COLS - 1);
    }
    if ((int)count > room)
        mvprintw(line++, 0, "… %zu more nodes", count - (size_t)room);
    return line;
}

static void draw_tabs(const struct screen *screen, int line)
{
    move(line, 0);
    for (int i = 0; i < TAB_COUNT; i++) {
        if (i == (int)screen->tab)
            attron(A_REVERSE);
        printw(" %d %s ", i + 1, top_tab_word((enum top_tab)i));
        attroff(A_REVERSE);
    }
    if (screen->filter->node >= 0)
        printw("  node %lld", (long long)screen->filter->node);
    if (*screen->rule || screen->asking)
        printw("  rule %s%s", screen->rule, screen->asking ? "_" : "");
}

static void draw_rows(struct screen *screen, const struct top_table *table, int line)
{
    size_t widths[TOP_COLUMNS], room = LINES - line - 2 > 0 ? (size_t)(LINES - line - 2) : 0;
    char text[600];
    if (screen->first >= table->count)
        screen->first = table->count ? table->count - 1 : 0;
    measure(table, screen->first, room, widths);
    row_line((char *const *)table->headings, table->columns, widths, text, sizeof(text));
    attron(A_UNDERLINE);
    mvaddnstr(line++, 0, text, COLS - 1);
    attroff(A_UNDERLINE);
    for (size_t i = screen->first; i < table->count && i < screen->first + room; i++) {
        row_line(table->rows[i].cells, table->columns, widths, text, sizeof(text));
        mvaddnstr(line++, 0, text, COLS - 1);
    }
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
    mvaddnstr(LINES - 1, 0,
              "1-5 tab  n node  / rule  s sort  p pause  arrows scroll  q quit   no hardware counters are read",
              COLS - 1);
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
    if (screen->asking) {
        type_rule(screen, key);
        return true;
    }
    switch (key) {
    case 'q':
        return false;
    case '1' ... '5':
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
