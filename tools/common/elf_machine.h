/* elf_machine: the e_machine of programs that the library can be preloaded into; EM_NONE where it is not known. */
#ifndef NODEWISE_TOOLS_COMMON_ELF_MACHINE_H
#define NODEWISE_TOOLS_COMMON_ELF_MACHINE_H

#include <elf.h>

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

#endif
