/*
 * quote: a text as what reads it takes it back, whatever characters it has but control characters. Each returns malloc'd
 * memory, or NULL when memory is short. Any thread.
 */
#ifndef NODEWISE_TOOLS_COMMON_QUOTE_H
#define NODEWISE_TOOLS_COMMON_QUOTE_H

/* A word of sh(1); as it is where that means the same. */
char *quote_shell(const char *text);

/* What stands between the double quotes of Environment="…" in a unit (systemd.exec(5)): specifiers are doubled. */
char *quote_systemd(const char *text);

/* What stands between double quotes in YAML, which is what JSON has there. */
char *quote_yaml(const char *text);

#endif
