/* An NVML that does what FAKE_NVML says: "ok", "hang", "crash", or the number of an error. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int nvmlInit_v2(void)
{
    const char *mode = getenv("FAKE_NVML");
    if (mode && !strcmp(mode, "hang"))
        for (;;)
            pause();
    if (mode && !strcmp(mode, "crash"))
        abort();
    return mode ? atoi(mode) : 0;
}

int nvmlSystemGetDriverVersion(char *version, unsigned bytes)
{
    const char *text = getenv("FAKE_NVML_VERSION");
    strncpy(version, text ? text : "550.144.03", bytes);
    return 0;
}
