/* The doctor as a program of its own: `cairn-doctor [plan] ...`. */
#include "doctor/command.h"

#include <string.h>

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "plan"))
        return plan_main(argc - 1, argv + 1);
    if (argc > 1 && !strcmp(argv[1], "doctor"))
        return doctor_main(argc - 1, argv + 1);
    return doctor_main(argc, argv);
}
