/* A libcuda that does what FAKE_CUDA says: "ok", "hang", "crash", "exit", "lie", "wrong" (computes
 * wrongly), "nodevice", or the number of an error of cuInit. FAKE_CUDA_VERSION is its version. */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *mode(void)
{
    const char *m = getenv("FAKE_CUDA");
    return m ? m : "ok";
}

static int is(const char *name)
{
    return !strcmp(mode(), name);
}

int cuDriverGetVersion(int *version)
{
    const char *v = getenv("FAKE_CUDA_VERSION");
    *version = is("lie") ? -2147483647 : v ? atoi(v) : 12040;
    return 0;
}

int cuInit(unsigned flags)
{
    (void)flags;
    if (is("hang"))
        for (;;)
            pause();
    if (is("crash"))
        raise(SIGSEGV);
    if (is("exit"))
        _exit(0);
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (visible && !*visible)
        return 100;
    return atoi(mode());
}

int cuDeviceGetCount(int *count)
{
    *count = is("lie") ? 2147483647 : is("nodevice") ? 0 : 1;
    return 0;
}

int cuDeviceGet(int *device, int index)
{
    *device = index;
    return 0;
}

int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    *value = is("lie") ? -77777 : attribute == 75 ? 8 : 9;
    return 0;
}

int cuDeviceGetName(char *name, int bytes, int device)
{
    (void)device;
    if (is("lie"))
        memset(name, '\x1b', (size_t)bytes); /* no end, and control characters */
    else
        strncpy(name, "NVIDIA Fake 4090", (size_t)bytes);
    return 0;
}

int cuDeviceGetPCIBusId(char *slot, int bytes, int device)
{
    (void)device;
    strncpy(slot, is("lie") ? "%s%s%n" : "0000:01:00.0", (size_t)bytes);
    return 0;
}

int cuCtxCreate_v2(void **context, unsigned flags, int device)
{
    (void)flags, (void)device;
    *context = malloc(1);
    return 0;
}

int cuCtxDestroy_v2(void *context)
{
    free(context);
    return 0;
}

int cuModuleLoadData(void **module, const void *image)
{
    *module = (void *)image;
    return strstr(image, ".entry doctor") ? 0 : 200;
}

int cuModuleGetFunction(void **function, void *module, const char *name)
{
    *function = module;
    return strcmp(name, "doctor") ? 500 : 0;
}

static uint32_t memory[1024];

int cuMemAlloc_v2(uint64_t *address, size_t bytes)
{
    *address = (uint64_t)(uintptr_t)memory;
    return bytes > sizeof memory ? 2 : 0;
}

int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void *stream, void **arguments, void **extra)
{
    (void)function, (void)gx, (void)gy, (void)gz, (void)by, (void)bz, (void)shared, (void)stream, (void)extra;
    uint32_t *out = (uint32_t *)(uintptr_t)*(uint64_t *)arguments[0];
    for (uint32_t i = 0; i < bx; i++)
        out[i] = 3 * i + (is("wrong") ? 8 : 7);
    return 0;
}

int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes)
{
    memcpy(to, (void *)(uintptr_t)from, bytes);
    return 0;
}
