/* The probe: asks libcuda and NVML, in a process of its own that may hang or crash.
 *
 * It is a program of its own, carried inside the doctor and run from memory, because the doctor itself
 * may be linked statically and could not load a library into itself. It needs nothing of the C library
 * but dlopen, dlsym and dlinfo in their oldest versions, so it runs with every glibc that a driver runs
 * with; everything else is system calls. It has no start-up code of its own: the loader has set the C
 * library up by the time that _start runs. */
#include "probe.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

void *dlopen(const char *file, int mode);
void *dlsym(void *library, const char *name);
int dlinfo(void *library, int request, void *out);
enum { NOW = 2, LINK_MAP = 2 };

#if defined(__x86_64__)
__asm__(
    ".symver dlopen,dlopen@GLIBC_2.2.5\n.symver dlsym,dlsym@GLIBC_2.2.5\n.symver dlinfo,dlinfo@GLIBC_2.3.3");
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov (%rsp),%rdi\n lea 8(%rsp),%rsi\n and $-16,%rsp\n call "
        "probe_main\n");

static long system_call(long number, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
__asm__(".symver dlopen,dlopen@GLIBC_2.17\n.symver dlsym,dlsym@GLIBC_2.17\n.symver dlinfo,dlinfo@GLIBC_2.17");
__asm__(".globl _start\n_start:\n mov x29,#0\n ldr x0,[sp]\n add x1,sp,#8\n bl probe_main\n");

static long system_call(long number, long a, long b, long c)
{
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
#endif

/* ---- Lines --------------------------------------------------------------------------------------*/

typedef struct line {
    char text[PROBE_LONGEST_LINE];
    size_t used;
} line;

static void put_text(line *l, const char *text)
{
    for (size_t i = 0; text[i] && l->used < sizeof l->text - 2; i++)
        l->text[l->used++] = text[i] < ' ' ? '?' : text[i];
}

static void put_number(line *l, long n)
{
    char digits[24];
    size_t i = sizeof digits;
    unsigned long rest = n < 0 ? -(unsigned long)n : (unsigned long)n;
    digits[--i] = '\0';
    do
        digits[--i] = (char)('0' + rest % 10);
    while (rest /= 10);
    if (n < 0)
        digits[--i] = '-';
    put_text(l, digits + i);
}

static void send(line *l)
{
    l->text[l->used++] = '\n';
    system_call(SYS_write, 1, (long)l->text, (long)l->used);
    l->used = 0;
}

static void say(const char *key, const char *text)
{
    line l;
    l.used = 0;
    put_text(&l, key);
    put_text(&l, " ");
    put_text(&l, text);
    send(&l);
}

static void say_number(const char *key, long n)
{
    line l;
    l.used = 0;
    put_text(&l, key);
    put_text(&l, " ");
    put_number(&l, n);
    send(&l);
}

static void leave(int status)
{
    system_call(SYS_exit_group, status, 0, 0);
    __builtin_unreachable();
}

/* Where the loader found the library: the head of its struct link_map is part of its interface. */
static void say_path(void *library)
{
    struct {
        void *address;
        char *name;
    } *map = NULL;
    if (dlinfo(library, LINK_MAP, &map) == 0 && map && map->name)
        say("path", map->name);
}

/* ---- CUDA ---------------------------------------------------------------------------------------*/

/* out[i] = 3 i + 7, for 64 threads. */
#define KERNEL(version, target)                                                                        \
    ".version " version "\n.target " target "\n.address_size 64\n"                                       \
    ".visible .entry doctor(.param .u64 out)\n{\n"                                                       \
    ".reg .u32 %r<3>;\n.reg .u64 %a<3>;\n"                                                               \
    "ld.param.u64 %a0, [out];\ncvta.to.global.u64 %a0, %a0;\nmov.u32 %r0, %tid.x;\n"                     \
    "mad.lo.u32 %r1, %r0, 3, 7;\nmul.wide.u32 %a1, %r0, 4;\nadd.u64 %a2, %a0, %a1;\n"                     \
    "st.global.u32 [%a2], %r1;\nret;\n}\n"
static const char kernel_maxwell[] = KERNEL("4.2", "sm_50"), kernel_kepler[] = KERNEL("3.2", "sm_30");
enum { THREADS = 64 };

typedef struct cuda {
    void *library;
    int (*get_version)(int *);
    int (*init)(unsigned);
    int (*count)(int *);
    int (*device)(int *, int);
    int (*attribute)(int *, int, int);
    int (*name)(char *, int, int);
    int (*slot)(char *, int, int);
    int (*context_create)(void **, unsigned, int);
    int (*context_destroy)(void *);
    int (*load)(void **, const void *);
    int (*function)(void **, void *, const char *);
    int (*alloc)(uint64_t *, size_t);
    int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *,
                  void **, void **);
    int (*copy)(void *, uint64_t, size_t);
} cuda;

static const struct {
    size_t offset;
    const char *name;
} functions[] = {
    {offsetof(cuda, get_version), "cuDriverGetVersion"},   {offsetof(cuda, init), "cuInit"},
    {offsetof(cuda, count), "cuDeviceGetCount"},           {offsetof(cuda, device), "cuDeviceGet"},
    {offsetof(cuda, attribute), "cuDeviceGetAttribute"},   {offsetof(cuda, name), "cuDeviceGetName"},
    {offsetof(cuda, slot), "cuDeviceGetPCIBusId"},         {offsetof(cuda, context_create), "cuCtxCreate_v2"},
    {offsetof(cuda, context_destroy), "cuCtxDestroy_v2"},  {offsetof(cuda, load), "cuModuleLoadData"},
    {offsetof(cuda, function), "cuModuleGetFunction"},     {offsetof(cuda, alloc), "cuMemAlloc_v2"},
    {offsetof(cuda, launch), "cuLaunchKernel"},            {offsetof(cuda, copy), "cuMemcpyDtoH_v2"},
};

static bool open_cuda(cuda *c)
{
    c->library = dlopen("libcuda.so.1", NOW);
    if (!c->library)
        return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        *(void **)((char *)c + functions[i].offset) = dlsym(c->library, functions[i].name);
    return true;
}

static void prove(const cuda *c, int capability)
{
    void *context = NULL, *module = NULL, *function = NULL;
    uint64_t out = 0;
    uint32_t result[THREADS];
    void *arguments[] = {&out};
    int device, error = 0;
    if (!c->context_create || !c->context_destroy || !c->load || !c->function || !c->alloc || !c->launch ||
        !c->copy)
        return;
    const char *step = "cuCtxCreate";
    if ((error = c->device(&device, 0)) == 0 && (error = c->context_create(&context, 0, device)) == 0) {
        step = "cuModuleLoadData";
        if ((error = c->load(&module, capability >= 50 ? kernel_maxwell : kernel_kepler)) == 0 &&
            (error = c->function(&function, module, "doctor")) == 0) {
            step = "cuLaunchKernel";
            if ((error = c->alloc(&out, sizeof result)) == 0 &&
                (error = c->launch(function, 1, 1, 1, THREADS, 1, 1, 0, NULL, arguments, NULL)) == 0)
                error = c->copy(result, out, sizeof result);
        }
    }
    bool right = error == 0;
    for (uint32_t i = 0; right && i < THREADS; i++)
        right = result[i] == 3 * i + 7;
    line l;
    l.used = 0;
    put_text(&l, right ? "proof ok" : error ? "proof " : "proof wrong result");
    if (error) {
        put_text(&l, step);
        put_text(&l, " error ");
        put_number(&l, error);
    }
    send(&l);
    c->context_destroy(context);
}

static int say_gpu(const cuda *c, int index)
{
    enum { MAJOR = 75, MINOR = 76 };
    int device, major = 0, minor = 0;
    char name[256] = "", slot[64] = "";
    if (!c->device || c->device(&device, index) != 0)
        return 0;
    if (c->attribute) {
        c->attribute(&major, MAJOR, device);
        c->attribute(&minor, MINOR, device);
    }
    if (c->slot)
        c->slot(slot, sizeof slot, device);
    if (c->name)
        c->name(name, sizeof name, device);
    name[sizeof name - 1] = slot[sizeof slot - 1] = '\0';
    line l;
    l.used = 0;
    put_text(&l, "gpu ");
    put_number(&l, index);
    put_text(&l, " ");
    put_number(&l, major);
    put_text(&l, " ");
    put_number(&l, minor);
    put_text(&l, " ");
    put_text(&l, slot[0] ? slot : "-");
    put_text(&l, " ");
    put_text(&l, name);
    send(&l);
    return major * 10 + minor;
}

static void ask_cuda(bool only_init)
{
    cuda c;
    for (size_t i = 0; i < sizeof c / sizeof(void *); i++)
        ((void *volatile *)&c)[i] = NULL;
    if (!open_cuda(&c)) {
        say("absent", "libcuda.so.1");
        return;
    }
    say_path(c.library);
    int version = 0;
    if (c.get_version && c.get_version(&version) == 0)
        say_number("cuda", version);
    if (!c.init)
        return;
    int result = c.init(0);
    say_number("init", result);
    int count = 0, capability = 0;
    if (result != 0 || !c.count || c.count(&count) != 0)
        return;
    say_number("count", count);
    for (int i = 0; i < count && i < PROBE_MOST_GPUS; i++) {
        int one = say_gpu(&c, i);
        capability = i ? capability : one;
    }
    if (count > 0 && c.device && !only_init)
        prove(&c, capability);
}

/* ---- NVML ---------------------------------------------------------------------------------------*/

static void ask_nvml(void)
{
    void *library = dlopen("libnvidia-ml.so.1", NOW);
    if (!library) {
        say("absent", "libnvidia-ml.so.1");
        return;
    }
    say_path(library);
    int (*init)(void) = NULL, (*driver)(char *, unsigned) = NULL;
    *(void **)&init = dlsym(library, "nvmlInit_v2");
    *(void **)&driver = dlsym(library, "nvmlSystemGetDriverVersion");
    if (!init)
        return;
    int result = init();
    say_number("init", result);
    char version[128] = "";
    if (driver && driver(version, sizeof version) == 0) {
        version[sizeof version - 1] = '\0';
        say("driver", version);
    }
}

void probe_main(int argc, char **argv)
{
    char what = argc > 1 ? argv[1][0] : 'c';
    if (what == 'n')
        ask_nvml();
    else
        ask_cuda(what == 'i');
    say("end", "");
    leave(0);
}
