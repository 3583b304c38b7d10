/*
 * privileges: what a server that answers others keeps of root. It reads segments and what /proc says of processes, and
 * writes nothing.
 */
#ifndef NODEWISE_TOOLS_METRICS_PRIVILEGES_H
#define NODEWISE_TOOLS_METRICS_PRIVILEGES_H

/*
 * For good, for this process: no_new_privs, and of all capabilities those alone that reading takes (CAP_DAC_READ_SEARCH,
 * CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE), where it had them. Root becomes the user "nodewise" where there is one; and a filter refuses it to
 * open anything for writing, to change or remove files, to start programs, to look into processes by other ways than
 * /proc, and to make sockets. 0, or negative errno: something is left; nothing is undone.
 */
int privileges_drop(void);

#endif
