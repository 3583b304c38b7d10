#include "tools/top/lines.h"

#include <stdio.h>
#include <string.h>

#include "config/printable.h"

#define GIB (1024.0 * 1024.0 * 1024.0)
#define GAP 2u

const char *const top_keys[] = {"1-6, Tab  threads, rules, memory, pools, exchanges, events",
                                "n         one node after the other, then all",
                                "/         a part of a rule's name; Esc: all rules",
                                "s         sort by the next column",
                                "p, Space  pause",
                                "arrows, Page Up, Page Down, Home  scroll",
                                "?         this help; any key ends it",
                                "q         quit",
                                "A narrow screen leaves columns out, the note last.",
                                "`nodewise explain WORD` knows each word here.",
                                NULL};

/* --- nodes --- */

static void share_text(double share, char *ret_text, size_t size)
{
    if (share >= 0)
        snprintf(ret_text, size, "%.0f %%", share * 100);
    else
        snprintf(ret_text, size, "-");
}

void line_of_node(const struct top_node *node, double accesses, char ret_line[LINE_BYTES])
{
    char cpu[16], local[16], served[16];
    double allocations = (double)node->served + (double)node->overflows;
    share_text(node->cpu, cpu, sizeof(cpu));
    share_text(allocations > 0 ? (double)node->served / allocations : -1, local, sizeof(local));
    share_text(accesses > 0 ? node->accesses / accesses : -1, served, sizeof(served));
    int digits = node->memory < 100 * GIB ? 1 : 0;
    snprintf(ret_line, LINE_BYTES, "node %-2u %3u CPUs %5s busy %.*f/%.*f GiB %4zu threads alloc %s serves %s",
             node->id, node->cpus, cpu, digits, (double)node->memory_used / GIB, digits, (double)node->memory / GIB,
             node->threads, local, served);
}

/* --- columns --- */

static const char *const hidden_first[TAB_COUNT] = {
    [TAB_THREADS] = "WHY NODE PID STEP RULE TID %CPU CPUS",
    [TAB_RULES] = "PARTS PREFERRED PROCESS PID PLACED FULL NONE",
    [TAB_MEMORY] = "REMOTE-FREES PROCESS OVERFLOWS PID IN-USE ALLOCATIONS",
    [TAB_POOLS] = "SLEPT OF-REMOTE OF-SOCKET PROCESS PID OF-NODE WORKERS",
    [TAB_EXCHANGES] = "CHANNELS PROCESS PID WORKERS QUEUED MESSAGES",
    [TAB_EVENTS] = "PID OUTCOME TID SECONDS RULE TEXT",
};

static size_t total_of(const struct fitting *fitting)
{
    size_t total = 0;
    for (size_t i = 0; i < fitting->count; i++)
        total += fitting->widths[i] + (i ? GAP : 0);
    return total;
}

static void hide(struct fitting *fitting, const struct top_table *table, const char *name, size_t length)
{
    for (size_t i = 0; i < fitting->count; i++) {
        const char *heading = table->headings[fitting->shown[i]];
        if (strncmp(heading, name, length) != 0 || heading[length])
            continue;
        fitting->count--;
        memmove(&fitting->shown[i], &fitting->shown[i + 1], (fitting->count - i) * sizeof(*fitting->shown));
        memmove(&fitting->widths[i], &fitting->widths[i + 1], (fitting->count - i) * sizeof(*fitting->widths));
        return;
    }
}

void fit_columns(struct fitting *ret_fitting, enum top_tab tab, const struct top_table *table, size_t first,
                 size_t count, size_t screen)
{
    struct fitting fitting = {.count = table->columns};
    for (size_t k = 0; k < table->columns; k++) {
        fitting.shown[k] = k;
        fitting.widths[k] = strlen(table->headings[k]);
        for (size_t i = first; i < first + count && i < table->count; i++) {
            size_t width = printable_width(table->rows[i].cells[k]);
            if (width > fitting.widths[k])
                fitting.widths[k] = width;
        }
    }
    for (const char *name = hidden_first[tab]; *name && total_of(&fitting) > screen;) {
        size_t length = strcspn(name, " ");
        hide(&fitting, table, name, length);
        name += length + (name[length] == ' ');
    }
    *ret_fitting = fitting;
}

void line_of_cells(const struct fitting *fitting, char *const *cells, char ret_line[LINE_BYTES])
{
    size_t at = 0;
    for (size_t i = 0; i < fitting->count && at < LINE_BYTES; i++) {
        const char *cell = cells[fitting->shown[i]];
        size_t width = printable_width(cell);
        size_t blanks =
            i + 1 == fitting->count ? 0 : GAP + (fitting->widths[i] > width ? fitting->widths[i] - width : 0);
        at += (size_t)snprintf(ret_line + at, LINE_BYTES - at, "%s%*s", cell, (int)blanks, "");
    }
}
