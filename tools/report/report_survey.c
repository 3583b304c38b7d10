#include "tools/report/report_survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/json_text.h"
#include "shim/telemetry/survey_layout.h"
#include "tools/common/cli.h"
#include "tools/common/json_fields.h"
#include "tools/report/report_values.h"
#include "tools/segment/memory.h"
#include "tools/segment/request.h"

#define WAIT_SECONDS 1.0
#define SIZE_MOST    ((size_t)16 << 20) /* rows of 100,000 threads */
#define USES_MOST    4096u              /* the library counts fewer pairs */
#define TEXT_MOST    12                 /* threads in the text, the least local first */

static const char *const kind_words[SURVEY_KINDS] = {"blocks", "objects", "mappings", "stack"};

/* Of a thread, a rule, a kind: parts added up. */
struct sum {
    double bytes, resident; /* estimated */
    double pages, local;    /* resident, where it is known where they should be, and are there */
    double left;            /* bytes of threads that have ended */
};

/* --- the answer --- */

static void forget_answer(const struct segment_file *segment)
{
    if (segment->in_memory)
        memory_forget_survey(segment->pid);
    else
        segment_remove_beside(segment, SURVEY_SUFFIX);
}

int survey_ask(const struct segment_file *segment, uint32_t *ret_number)
{
    forget_answer(segment); /* of an earlier request */
    return request_make(segment, SURVEY_WANTED_SUFFIX, "", ret_number);
}

void survey_wait(pid_t pid, uint32_t number)
{
    request_wait(pid, number, WAIT_SECONDS);
}

static uint64_t size_of(const struct survey_header *header)
{
    return sizeof(*header) + (uint64_t)header->rows * sizeof(struct survey_row) +
           (uint64_t)header->uses * sizeof(struct survey_use);
}

/* What is mapped ends with a page, so the size is that which the header says. */
static int read_memory(struct file_bytes *ret_answer, pid_t pid)
{
    struct survey_header header;
    off_t begin = 0;
    size_t mapped = 0;
    int fd = memory_open_survey(pid, &begin, &mapped);
    if (fd < 0)
        return fd;
    int error = read_at(fd, &header, sizeof(header), begin);
    if (error == 0 && (header.uses > USES_MOST || size_of(&header) > mapped || mapped > SIZE_MOST))
        error = -EINVAL;
    struct file_bytes answer = {.size = error == 0 ? (size_t)size_of(&header) : 0};
    answer.data = error == 0 ? malloc(answer.size) : NULL;
    if (error == 0)
        error = answer.data ? read_at(fd, answer.data, answer.size, begin) : -ENOMEM;
    close(fd);
    if (error == 0)
        *ret_answer = answer;
    else
        free(answer.data);
    return error;
}

/* 0; -ENOENT: there is no answer; -EPERM, -EINVAL: it is not the process's file, or too large; or negative errno. */
static int read_answer(struct file_bytes *ret_answer, const struct segment_file *segment)
{
    struct stat status;
    if (segment->in_memory)
        return read_memory(ret_answer, segment->pid);
    int fd = segment_open_beside(segment, SURVEY_SUFFIX, &status);
    if (fd < 0)
        return fd;
    int error = read_opened(ret_answer, fd, &status, SIZE_MOST);
    close(fd);
    return error;
}

static bool is_sound(const struct survey_header *header, size_t size, const struct snapshot *snapshot)
{
    return size >= sizeof(*header) && header->magic == SURVEY_MAGIC && header->version == SURVEY_VERSION &&
           header->pid == snapshot->header.pid && header->uses <= USES_MOST && size == size_of(header);
}

/* --- adding up --- */

/* Parts of a sample of few pages say little each, so sizes are kept beside them. */
static void add_part(struct sum *sum, const struct survey_part *part, const struct survey_row *row)
{
    double share = part->asked ? (double)part->bytes / part->asked : 0; /* bytes that a page of the sample stands for */
    sum->bytes += (double)part->bytes;
    sum->resident += share * part->resident;
    sum->left += row->tid ? 0 : (double)part->bytes;
    sum->pages += share * part->judged;
    sum->local += share * part->local;
}

static void add_row(struct sum *sum, const struct survey_row *row)
{
    for (unsigned i = 0; i < SURVEY_KINDS; i++)
        add_part(sum, &row->parts[i], row);
}

static json_t *locality(const struct sum *sum)
{
    return sum->pages > 0 ? json_real(sum->local < sum->pages ? sum->local / sum->pages : 1.0) : json_null();
}

/* --- the document --- */

static json_t *kinds_json(const struct survey_row *row)
{
    json_t *kinds = json_array();
    for (unsigned i = 0; i < SURVEY_KINDS; i++) {
        struct sum sum = {0};
        if (!row->parts[i].asked)
            continue;
        add_part(&sum, &row->parts[i], row);
        json_array_append_new(kinds,
                              json_pack("{s:s, s:I, s:I, s:o}", "kind", kind_words[i], "bytes", (json_int_t)sum.bytes,
                                        "resident", (json_int_t)sum.resident, "home_locality", locality(&sum)));
    }
    return kinds;
}

/* The names of threads as last seen: a list of numbers in order, made once. */
struct name {
    uint32_t tid;
    const char *name;
};

static int compare_names(const void *a, const void *b)
{
    const struct name *one = a, *other = b;
    return (one->tid > other->tid) - (one->tid < other->tid);
}

static struct name *list_names(const struct snapshot *snapshot)
{
    struct name *names = calloc(snapshot->thread_count + 1, sizeof(*names));
    for (size_t i = 0; names && i < snapshot->thread_count; i++)
        names[i] = (struct name){snapshot->threads[i].tid, snapshot->threads[i].name};
    if (names)
        qsort(names, snapshot->thread_count, sizeof(*names), compare_names);
    return names;
}

static json_t *name_of(const struct snapshot *snapshot, const struct name *names, uint32_t tid)
{
    const struct name *name =
        names ? bsearch(&(struct name){.tid = tid}, names, snapshot->thread_count, sizeof(*names), compare_names)
              : NULL;
    return json_any_text(name ? name->name : ""); /* not listed */
}

static json_t *row_json(const struct snapshot *snapshot, const struct name *names, const struct survey_row *row)
{
    struct sum sum = {0};
    add_row(&sum, row);
    return json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "tid", (json_int_t)row->tid, "name",
                     name_of(snapshot, names, row->tid), "rule",
                     report_rule_name(snapshot, row->rule < 0xffff ? (uint16_t)row->rule : 0xffff), "home_node",
                     row->home_node == UINT32_MAX ? json_null() : json_integer(row->home_node), "bytes",
                     (json_int_t)sum.bytes, "resident", (json_int_t)sum.resident, "home_locality", locality(&sum),
                     "kinds", kinds_json(row));
}

static json_t *rule_json(const struct snapshot *snapshot, uint32_t rule, const struct sum *sum)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:o}", "rule",
                     report_rule_name(snapshot, rule < 0xffff ? (uint16_t)rule : 0xffff), "bytes",
                     (json_int_t)sum->bytes, "resident", (json_int_t)sum->resident, "left", (json_int_t)sum->left,
                     "home_locality", locality(sum));
}

/* The rules of the plan, and last what has none. */
static json_t *rules_json(const struct snapshot *snapshot, const struct survey_row *rows, uint32_t count,
                          struct sum *ret_all)
{
    size_t rules = snapshot->rule_count;
    struct sum *sums = calloc(rules + 1, sizeof(*sums));
    json_t *list = json_array();
    for (uint32_t i = 0; sums && i < count; i++) {
        size_t rule = rows[i].rule < rules ? rows[i].rule : rules;
        add_row(&sums[rule], &rows[i]);
        add_row(ret_all, &rows[i]);
    }
    for (size_t i = 0; sums && i <= rules; i++)
        if (sums[i].bytes > 0)
            json_array_append_new(list, rule_json(snapshot, i == rules ? UINT32_MAX : (uint32_t)i, &sums[i]));
    free(sums);
    return list;
}

/* Those of a kind. names: of the two threads, and of what was counted. */
static json_t *uses_json(const struct survey_use *uses, uint32_t count, uint32_t kind, const char *const names[3])
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++)
        if (uses[i].kind == kind)
            json_array_append_new(list, json_pack("{s:I, s:I, s:I}", names[0], (json_int_t)uses[i].maker, names[1],
                                                  (json_int_t)uses[i].user, names[2], (json_int_t)uses[i].looks));
    return list;
}

static void add_none(json_t *pages, const char *reason)
{
    json_object_set_new(pages, "threads", json_null());
    json_object_set_new(pages, "rules", json_null());
    json_object_set_new(pages, "threads_reason", json_string(reason));
}

static void add_rows(json_t *pages, const struct snapshot *snapshot, const struct survey_row *rows, uint32_t count)
{
    struct name *names = list_names(snapshot);
    struct sum all = {0};
    json_t *threads = json_array(), *rules = rules_json(snapshot, rows, count, &all);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].tid)
            json_array_append_new(threads, row_json(snapshot, names, &rows[i]));
    free(names);
    json_object_set_new(pages, "threads", threads);
    json_object_set_new(pages, "rules", rules);
    if (all.pages > 0)
        json_object_set_new(pages, "home_locality", locality(&all));
}

void survey_add_answer(json_t *pages, const struct snapshot *snapshot, const void *answer, size_t size)
{
    const struct survey_header *header = answer;
    if (!is_sound(header, size, snapshot)) {
        add_none(pages, "the process's answer is of another version, or damaged");
        return;
    }
    if (header->error) {
        char reason[96];
        snprintf(reason, sizeof(reason), "the kernel refused move_pages(2) to the process: %s",
                 header->error > -4096 && header->error < 0 ? strerror(-header->error) : "?");
        add_none(pages, reason);
        return;
    }
    const struct survey_row *rows = (const struct survey_row *)(header + 1);
    add_rows(pages, snapshot, rows, header->rows);
    const struct survey_use *uses = (const struct survey_use *)(rows + header->rows);
    static const char *const works_on[] = {"maker", "user", "looks"}, *const shares[] = {"first", "second", "changes"};
    json_object_set_new(pages, "uses", uses_json(uses, header->uses, SURVEY_WORKS_ON, works_on));
    json_object_set_new(pages, "shared", uses_json(uses, header->uses, SURVEY_SHARES, shares));
}

void survey_add_error(json_t *pages, int error)
{
    char reason[128];
    snprintf(reason, sizeof(reason), "the process cannot be asked: %s", strerror(-error));
    add_none(pages, reason);
}

void survey_add(json_t *pages, const struct snapshot *snapshot, const struct segment_file *segment)
{
    struct file_bytes answer = {0};
    char reason[128];
    int error = read_answer(&answer, segment);
    snprintf(reason, sizeof(reason), "the answer of the process cannot be read: %s", strerror(-error));
    if (error == 0)
        survey_add_answer(pages, snapshot, answer.data, answer.size);
    else
        add_none(pages, error == -ENOENT ? "the process has not answered: it does when it passes a hook" : reason);
    forget_answer(segment);
    free(answer.data);
}

/* --- text --- */

static void share_text(char *ret_text, size_t size, const json_t *object)
{
    const json_t *share = json_object_get(object, "home_locality");
    if (json_is_real(share))
        snprintf(ret_text, size, "%.1f %%", json_real_value(share) * 100);
    else
        snprintf(ret_text, size, "-");
}

static void mib_text(char *ret_text, size_t size, const json_t *object, const char *key)
{
    snprintf(ret_text, size, "%.1f", (double)number_of(object, key) / (1 << 20));
}

static void print_rules(FILE *to, const json_t *rules)
{
    static const char *const headings[] = {"RULE", "THREADS-MIB", "RESIDENT-MIB", "ENDED-MIB", "HOME_LOCALITY"};
    struct table *table = table_new(headings, 5);
    size_t index;
    json_t *rule;
    json_array_foreach(rules, index, rule) {
        char bytes[32], resident[32], left[32], share[32];
        mib_text(bytes, sizeof(bytes), rule, "bytes");
        mib_text(resident, sizeof(resident), rule, "resident");
        mib_text(left, sizeof(left), rule, "left");
        share_text(share, sizeof(share), rule);
        const char *const row[] = {text_of(rule, "rule"), bytes, resident, left, share};
        table_row(table, row);
    }
    table_print(to, table);
}

/* How much of a thread's is elsewhere, to sort by. */
static double elsewhere(const json_t *thread)
{
    const json_t *share = json_object_get(thread, "home_locality");
    return json_is_real(share) ? (1 - json_real_value(share)) * (double)number_of(thread, "resident") : -1;
}

static int compare_threads(const void *a, const void *b)
{
    double one = elsewhere(*(json_t *const *)a), other = elsewhere(*(json_t *const *)b);
    return (other > one) - (other < one);
}

static void print_threads(FILE *to, const json_t *threads)
{
    static const char *const headings[] = {"TID", "THREAD", "RULE", "HOME", "RESIDENT-MIB", "HOME_LOCALITY", "LEAST"};
    size_t count = json_array_size(threads);
    json_t **sorted = calloc(count + 1, sizeof(*sorted));
    struct table *table = table_new(headings, 7);
    for (size_t i = 0; sorted && i < count; i++)
        sorted[i] = json_array_get(threads, i);
    if (sorted)
        qsort(sorted, count, sizeof(*sorted), compare_threads);
    for (size_t i = 0; sorted && i < count && i < TEXT_MOST; i++) {
        char tid[24], home[24] = "-", resident[32], share[32], least[64] = "-";
        double lowest = 2;
        size_t index;
        json_t *kind;
        json_array_foreach(json_object_get(sorted[i], "kinds"), index, kind) {
            const json_t *value = json_object_get(kind, "home_locality");
            if (!json_is_real(value) || json_real_value(value) >= lowest)
                continue;
            lowest = json_real_value(value);
            snprintf(least, sizeof(least), "%.20s %.1f %%", text_of(kind, "kind"), lowest * 100);
        }
        snprintf(tid, sizeof(tid), "%lld", number_of(sorted[i], "tid"));
        if (json_is_integer(json_object_get(sorted[i], "home_node")))
            snprintf(home, sizeof(home), "%lld", number_of(sorted[i], "home_node"));
        mib_text(resident, sizeof(resident), sorted[i], "resident");
        share_text(share, sizeof(share), sorted[i]);
        const char *const row[] = {tid,  text_of(sorted[i], "name"), text_of(sorted[i], "rule"), home, resident, share,
                                   least};
        table_row(table, row);
    }
    table_print(to, table);
    if (count > TEXT_MOST)
        fprintf(to, "and %zu threads more, with less elsewhere: --json has them\n", count - TEXT_MOST);
    free(sorted);
}

void survey_text(FILE *to, const json_t *pages)
{
    const json_t *threads = json_object_get(pages, "threads"), *rules = json_object_get(pages, "rules");
    if (json_array_size(rules)) {
        fputs("\nwhat the threads of each rule have, and how much of it is on their homes:\n", to);
        print_rules(to, rules);
    }
    if (json_array_size(threads)) {
        fputs("\nby thread, those with the most elsewhere first:\n", to);
        print_threads(to, threads);
    } else if (*text_of(pages, "threads_reason")) {
        fprintf(to, "by thread and rule: not known: %s\n", text_of(pages, "threads_reason"));
    }
}
