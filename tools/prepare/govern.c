#include "tools/prepare/govern.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/common/cli.h"
#include "tools/common/program.h"
#include "tools/prepare/plan_file.h"
#include "tools/prepare/whole_process.h"

/* --- facts --- */

/* A script's arguments are its interpreter's: "python3 -u script a b". */
static char *join(const char *script, char **words)
{
    char interpreter[PATH_MAX] = "", argument[PATH_MAX] = "", *text = NULL;
    size_t size = 0;
    bool is_script = script_line(script, interpreter, argument, sizeof(interpreter)) == 0;
    FILE *to = open_memstream(&text, &size);
    if (to && is_script)
        fprintf(to, "%s %s%s%s", interpreter, argument, *argument ? " " : "", script);
    for (char **word = words + is_script; to && *word; word++)
        fprintf(to, "%s%s", word == words ? "" : " ", *word);
    if (to)
        fclose(to);
    return text;
}

int command_facts(struct command_facts *ret_facts, char **command, uint32_t index)
{
    struct command_facts *facts = ret_facts;
    *facts = (struct command_facts){.link = NULL};
    int error = program_find(&facts->link, command[0]);
    if (error == 0)
        error = program_reach(&facts->reached, facts->link);
    if (error < 0)
        return error;
    facts->argv = join(facts->link, command);
    if (!facts->argv)
        return -ENOMEM;
    const char *slash = strrchr(facts->link, '/');
    snprintf(facts->comm, sizeof(facts->comm), "%s", slash ? slash + 1 : facts->link);
    facts->process = (struct process_facts){.exe = facts->reached.file,
                                            .exe_link = facts->link,
                                            .comm = facts->comm,
                                            .argv = facts->argv,
                                            .index = index,
                                            .uid = geteuid()};
    return 0;
}

void command_facts_free(struct command_facts *facts)
{
    free(facts->link);
    free(facts->argv);
    facts->link = facts->argv = NULL;
}

/* --- the answer --- */

static void say_no_target(const struct plan_view *plan, const struct command_facts *facts, uint32_t key)
{
    print_error("%s is no target of %s: the condition on target.%s does not hold, so it runs as without nodewise; what "
                "it becomes or starts may be one",
                facts->process.exe, plan_text(plan, plan->header->source), plan_target_word(key));
}

/* Who gains rights does not let others place it. */
static enum governed say_out_of_reach(const struct plan_view *plan, const struct command_facts *facts, bool strict,
                                      bool may_watch)
{
    char why[PATH_MAX + 256], now[1024];
    bool watched = may_watch && !strict && facts->reached.reach != REACH_SECURE;
    reach_text(&facts->reached, why, sizeof(why));
    if (plan->header->features & PLAN_IS_PRETENDED) {
        print_error("%s; nothing is recorded of it", why);
        return GOVERNED_AS_A_WHOLE;
    }
    if (!strict)
        whole_process_apply(plan, now, sizeof(now));
    if (strict)
        print_error("%s", why);
    else
        print_error("%s; its threads are %s, the process as a whole has %s", why,
                    watched ? "placed from outside, as by `nodewise apply --watch`"
                            : "not placed (`nodewise apply` does it)",
                    now);
    return watched ? GOVERNED_FROM_OUTSIDE : GOVERNED_AS_A_WHOLE;
}

static enum governed look(const struct plan_view *plan, const struct command_facts *facts, bool strict, bool may_watch)
{
    uint32_t key = PLAN_KEY_COUNT;
    if (!match_target(plan, &facts->process, &key)) {
        say_no_target(plan, facts, key);
        return GOVERNED_NO_TARGET;
    }
    if (facts->reached.reach == REACHED)
        return GOVERNED;
    return say_out_of_reach(plan, facts, strict, may_watch);
}

enum governed govern_look(const char *plan_path, char **command, uint32_t index, bool strict, bool may_watch)
{
    struct command_facts facts;
    struct file_bytes file = {0};
    struct plan_view plan;
    enum governed governed = GOVERNED;
    if (command_facts(&facts, command, index) == 0 && plan_file_load(&file, plan_path) == 0 &&
        plan_check(&plan, file.data, file.size, NULL) == 0)
        governed = look(&plan, &facts, strict, may_watch);
    free(file.data);
    command_facts_free(&facts);
    return governed;
}
