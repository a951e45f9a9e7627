/* A user's program, as the install test builds it: against installed headers and libraries alone. */
#include <cairn/base.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    printf("cairn %s, %s, %d threads\n", cairn_version(), cairn_isa(), cairn_threads());
    return strcmp(cairn_dtype_name(CAIRN_F32), "f32") != 0;
}
