/*
 * stencil malloc|static [THREADS] [PASSES] [SIDE]: an OpenMP program that relaxes a square grid in place, red cells and
 * black cells in turn. Main initialises the grid alone. The field x + y solves the equation, so it stays as it is.
 */
#include <omp.h>
#include <string.h>

#include "tests/loads/team.h"

#define SIDE_MOST 2048u

static double in_the_program[SIDE_MOST * SIDE_MOST];

static uint64_t relax(double *grid, size_t side, size_t parity)
{
    uint64_t updates = 0;
#pragma omp parallel for schedule(static) reduction(+ : updates)
    for (size_t y = 1; y < side - 1; y++)
        for (size_t x = 1 + (y + parity) % 2; x < side - 1; x += 2) {
            double *cell = &grid[y * side + x];
            *cell = (cell[-1] + cell[1] + cell[-(ptrdiff_t)side] + cell[side]) / 4;
            updates++;
        }
    return updates;
}

int main(int argc, char **argv)
{
    unsigned threads = team_word(argc, argv, 2, 8), passes = team_word(argc, argv, 3, 12);
    size_t side = team_word(argc, argv, 4, 1024);
    uint64_t updates = 0, wrong = 0;
    if (argc < 2 || side < 3 || side > SIDE_MOST)
        return 2;
    double *grid = strcmp(argv[1], "static") == 0 ? in_the_program : team_allocate(side * side * sizeof(*grid));
    for (size_t i = 0; i < side * side; i++)
        grid[i] = (double)(i / side + i % side);
    omp_set_num_threads((int)threads);
    for (unsigned pass = 0; pass < passes; pass++)
        updates += relax(grid, side, 0) + relax(grid, side, 1);
#pragma omp parallel for schedule(static) reduction(+ : wrong)
    for (size_t i = 0; i < side * side; i++)
        wrong += grid[i] != (double)(i / side + i % side);
    return team_answer("stencil", updates + wrong, passes * (uint64_t)(side - 2) * (side - 2));
}
