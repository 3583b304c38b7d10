/*
 * refuse: runs a program under a seccomp filter that was there before it, as a service manager or a container does.
 *
 *   refuse CALLS ANSWER [NAME=VALUE…] COMMAND…
 *
 * CALLS: numbers of system calls, separated by commas; with ^ in front: all calls but these. NUMBER/ARGUMENT=VALUE
 * means the call with that argument (0 to 5) alone; - no filter.
 * ANSWER: kill, kill-thread, trap, trace, log, or the number of an errno.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define MOST_CODE 4000u

static struct sock_filter code[MOST_CODE];
static unsigned short length;

static void add(uint16_t operation, uint32_t value, uint8_t yes, uint8_t no)
{
    if (length == MOST_CODE)
        exit(2);
    code[length++] = (struct sock_filter)BPF_JUMP(operation, value, yes, no);
}

static void load(size_t offset)
{
    add(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

static uint32_t answer_of(const char *word)
{
    static const struct {
        const char *word;
        uint32_t answer;
    } known[] = {
        {"kill", SECCOMP_RET_KILL_PROCESS}, {"kill-thread", SECCOMP_RET_KILL_THREAD},
        {"trap", SECCOMP_RET_TRAP},         {"trace", SECCOMP_RET_TRACE},
        {"log", SECCOMP_RET_LOG},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(word, known[i].word))
            return known[i].answer;
    return SECCOMP_RET_ERRNO | (uint32_t)atoi(word);
}

/* Answers `answer` to one word of CALLS, or goes on with the next. */
static void add_call(const char *word, uint32_t answer)
{
    char *end;
    uint32_t number = (uint32_t)strtoul(word, &end, 10);
    bool by_argument = *end == '/';
    load(offsetof(struct seccomp_data, nr));
    add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, by_argument ? 3 : 1);
    if (by_argument) {
        uint32_t argument = (uint32_t)strtoul(end + 1, &end, 10);
        load(offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t));
        add(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)strtoul(end + 1, &end, 10), 0, 1);
    }
    add(BPF_RET | BPF_K, answer, 0, 0);
}

static bool refuse(char *calls, const char *answer_word)
{
    bool all_but = *calls == '^';
    uint32_t answer = answer_of(answer_word);
    for (char *word = strtok(calls + all_but, ","); word; word = strtok(NULL, ","))
        add_call(word, all_but ? SECCOMP_RET_ALLOW : answer);
    add(BPF_RET | BPF_K, all_but ? answer : SECCOMP_RET_ALLOW, 0, 0);
    struct sock_fprog program = {length, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int main(int argc, char **argv)
{
    char **command = argv + 3;
    if (argc < 4)
        return 2;
    while (*command && strchr(*command, '=') && putenv(*command) == 0) /* as env(1), which makes calls of its own */
        command++;
    if (!*command || (strcmp(argv[1], "-") != 0 && !refuse(argv[1], argv[2])))
        return 2;
    execv(command[0], command);
    return 2;
}
