/* spin: a step of looking on without sleeping. Any thread, signal-safe. */
#ifndef NODEWISE_SHIM_SYS_SPIN_H
#define NODEWISE_SHIM_SYS_SPIN_H

/* Where yield does nothing (most arm64 processors), isb is the pause. */
static inline void spin_once(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
