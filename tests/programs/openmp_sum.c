/* Sums up in parallel, then waits for a line with its team of threads still there. */
#include <stdio.h>

int main(void)
{
    long sum = 0;
#pragma omp parallel for reduction(+ : sum)
    for (long i = 0; i < 1000000; i++)
        sum += i;
    getchar();
    printf("%ld\n", sum);
    return 0;
}
