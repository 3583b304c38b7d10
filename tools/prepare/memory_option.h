/*
 * memory_option: the value of -m, [POLICY:]NODES. As with numactl(8) nodes alone are those that memory is bound to.
 */
#ifndef NODEWISE_TOOLS_PREPARE_MEMORY_OPTION_H
#define NODEWISE_TOOLS_PREPARE_MEMORY_OPTION_H

#define MEMORY_OPTION_POLICY 32u /* bytes */

/* policy: a word of memory.policy, or what resembles one, of which the key's own finding says that it is wrong. */
struct memory_option {
    char policy[MEMORY_OPTION_POLICY];
    const char *nodes; /* part of the text; NULL: none are given */
};

/*
 * What stands before the first ':', or all of the text, is the policy if it is meant for one: sets have words and colons
 * of their own ("gpu:0", "0-7:2").
 */
struct memory_option memory_option_of(const char *text);

#endif
