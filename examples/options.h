/* What the examples share: --steps N, a file name, and the end of a program. */
#ifndef EXAMPLES_OPTIONS_H
#define EXAMPLES_OPTIONS_H
#include <cairn/cairn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number after --steps, or `otherwise`. */
static inline int steps_wanted(int argc, char **argv, int otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (!strcmp(argv[i], "--steps"))
            return atoi(argv[i + 1]);
    return otherwise;
}

/* The first argument that is no option, or NULL. */
static inline const char *file_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--steps"))
            i++;
        else
            return argv[i];
    return NULL;
}

/* Whether to say how it goes: some twenty times in all. */
static inline bool worth_a_line(int step, int steps)
{
    int every = steps > 20 ? steps / 20 : 1;
    return step % every == 0 || step + 1 == steps;
}

#endif
