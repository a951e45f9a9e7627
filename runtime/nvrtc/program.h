/* A program that is compiled at run time, and the command line of its compiler. */
#ifndef RUNTIME_NVRTC_PROGRAM_H
#define RUNTIME_NVRTC_PROGRAM_H
#include <cuda/cairn_nvrtc.h>
#include <stdbool.h>

typedef struct text_pair {
    char *name, *text;     /* a header: its include name and its text; a name expression: itself and its lowered name or NULL */
} text_pair;

struct _nvrtcProgram {
    char *source, *name;
    text_pair *headers, *expressions;
    int header_count, expression_count;
    bool compiled;         /* at least once, whether it succeeded or not */
    char *ptx;             /* of the last compilation; NULL where it failed */
    char *log;             /* never NULL once it was compiled */
};

/* Words of a command, NULL behind the last. After an allocation that failed it stays as it is, with `failed` set. */
typedef struct arguments {
    char **item;
    int count;
    bool failed;
} arguments;
void arguments_add(arguments *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
void arguments_free(arguments *a);

/* What NVRTC's options ask for. */
typedef struct request {
    arguments clang;
    arguments macros, includes; /* lines before the source: behind cuda_runtime.h, which -DN=32 must not break */
    bool device_default;   /* functions without __host__ or __device__ are the device's too */
} request;
void request_free(request *r);
/* INVALID_OPTION with a sentence in *log, which is the caller's to free. */
nvrtcResult options_read(request *r, int count, const char *const *options, char **log);

/* Sets the program's texts. */
nvrtcResult program_compile(struct _nvrtcProgram *p, const request *r);

#endif
