/* team: a team of OpenMP threads that is there at once; each says on which CPUs it may run, in the order of its number. */
#include <omp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
#pragma omp parallel for ordered schedule(static, 1)
    for (int number = 0; number < omp_get_num_threads(); number++) {
        cpu_set_t mask;
        CPU_ZERO(&mask);
        syscall(SYS_sched_getaffinity, 0, sizeof(mask),
                &mask); /* libc's tells a pinned thread the process's ([cpu_count]) */
#pragma omp ordered
        {
            printf("team");
            for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
                if (CPU_ISSET(cpu, &mask))
                    printf(" %d", cpu);
            printf("\n");
        }
    }
    return 0;
}
