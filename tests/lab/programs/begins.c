/*
 * begins: where are the pages that a program has when its main begins: its stack, its thread block, and the static data
 * that the loader has relocated? Asks the kernel (move_pages(2)) and compares with the node of its CPU.
 *
 *   begins             looks at once
 *   begins NAME        calls itself NAME first, and looks until its stack is where it is, or 10 s are over
 *
 * Prints {"node", "stack": [PAGES, WRONG], "block": [PAGES, WRONG], "data": [PAGES, WRONG]}.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE       ((size_t)sysconf(_SC_PAGESIZE))
#define PAGES_MOST 64u
#define WORDS      4096u

extern void *__libc_stack_end;

static const char a_word[] = "a word";
static const char *words[WORDS] = {[0 ... WORDS - 1] = a_word};

struct count {
    unsigned pages, wrong;
};

static unsigned node_here(void)
{
    unsigned cpu, node;
    if (syscall(SYS_getcpu, &cpu, &node, NULL) != 0)
        abort();
    return node;
}

static struct count look(uintptr_t start, uintptr_t end)
{
    void *asked[PAGES_MOST];
    int nodes[PAGES_MOST];
    struct count count = {0, 0};
    unsigned long pages = 0;
    for (uintptr_t at = start & ~(uintptr_t)(PAGE - 1); at < end && pages < PAGES_MOST; at += PAGE)
        asked[pages++] = (void *)at;
    if (syscall(SYS_move_pages, 0, pages, asked, NULL, nodes, 0) != 0)
        abort();
    for (unsigned i = 0; i < pages; i++) {
        count.pages += nodes[i] >= 0;
        count.wrong += nodes[i] >= 0 && nodes[i] != (int)node_here();
    }
    return count;
}

static struct count look_at_stack(void)
{
    return look((uintptr_t)__builtin_frame_address(0), (uintptr_t)__libc_stack_end);
}

int main(int argc, char **argv)
{
    uintptr_t block = (uintptr_t)__builtin_thread_pointer();
    if (argc > 1) {
        prctl(PR_SET_NAME, argv[1]);
        for (unsigned i = 0; i < 100 && look_at_stack().wrong; i++)
            usleep(100000);
    }
    struct count stack = look_at_stack();
    struct count of_block = look(block, block + 1);
    struct count data = look((uintptr_t)words, (uintptr_t)(words + WORDS));
    printf("{\"node\": %u, \"stack\": [%u, %u], \"block\": [%u, %u], \"data\": [%u, %u]}\n", node_here(), stack.pages,
           stack.wrong, of_block.pages, of_block.wrong, data.pages, data.wrong);
    return words[argc] != a_word;
}
