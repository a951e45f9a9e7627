/* The doctor: why PyTorch, CUDA, cuDNN, driver and GPU do not fit on a machine, and what mends it.
 *
 * It works in three steps, each a function on plain structs, so that an installer can use any of them:
 *
 *     cairn_doctor_data *data = cairn_doctor_data_load(NULL);         the known versions
 *     cairn_facts *facts = cairn_doctor_collect(NULL);                 look at the machine
 *     cairn_verdict *verdict = cairn_doctor_judge(facts, data, 0);     say what is wrong
 *     for (int i = 0; i < verdict->findings.count; i++)
 *         puts(verdict->findings.items[i].why);
 *
 * Facts may as well be read from a file that another machine wrote, or be filled in by hand.
 * A zeroed fact means "not known"; the judge draws no conclusion from it.
 *
 * Functions that return a pointer return NULL on failure, with a message in cairn_error_message().
 * Whatever a struct points to belongs to that struct and goes with it. No function keeps state between
 * calls, so any of them may be called from any thread. */
#ifndef CAIRN_DOCTOR_H
#define CAIRN_DOCTOR_H

#include <cairn/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- How much is known ---------------------------------------------------------------------------
 * UNKNOWN: nobody looked, or looking failed. NO: looked for, and not there. A text is NULL when it is
 * not known and "" when it was looked for and is not there. */
typedef enum cairn_answer { CAIRN_UNKNOWN, CAIRN_NO, CAIRN_YES } cairn_answer;

/* A number that may be unknown, such as the result of cuInit. */
typedef struct cairn_number {
    cairn_answer known;
    int value;
} cairn_number;

typedef struct cairn_pair {
    const char *key, *value; /* value NULL: looked for, not set (an empty value is a value here) */
} cairn_pair;

/* A list is UNKNOWN, or known (NO when empty). */
#define CAIRN_LIST(type)    \
    struct {                \
        cairn_answer known; \
        int count;          \
        type *items;        \
    }
typedef CAIRN_LIST(const char *) cairn_texts;
typedef CAIRN_LIST(cairn_pair) cairn_pairs;

/* ---- Facts ---------------------------------------------------------------------------------------
 * The members are those of the document that `cairn doctor --save` writes; docs/doctor.md has it key
 * by key. Versions are texts ("550.144.03"). */
typedef struct cairn_gpu {
    const char *pci;    /* "10de:2684" */
    const char *slot;   /* "0000:01:00.0" */
    const char *pci_class;
    const char *name;
    const char *cc;     /* "8.9" */
    const char *driver; /* the kernel driver that is bound, "" when none is */
} cairn_gpu;

typedef struct cairn_module {
    cairn_answer known;
    const char *version;
    const char *flavour; /* "open", "closed" */
} cairn_module;

typedef struct cairn_forward_compat {
    cairn_answer known;
    cairn_texts drivers; /* branches of the host's driver that it was made for */
} cairn_forward_compat;

typedef struct cairn_libcuda {
    cairn_answer known;
    const char *path, *version;
    const char *cuda;           /* cuDriverGetVersion as "12.4" */
    cairn_number init;          /* cuInit */
    cairn_number init_unhidden; /* cuInit without CUDA_VISIBLE_DEVICES */
    const char *died;           /* how asking it ended, when it did not answer: "hung", "crashed" */
    const char *proof;          /* a small kernel run on the GPU: "ok", or what went wrong */
    cairn_texts others;
    cairn_forward_compat forward_compat;
} cairn_libcuda;

typedef struct cairn_nvml {
    cairn_answer known;
    const char *version;
    cairn_number init;
    const char *died;
} cairn_nvml;

typedef struct cairn_node {
    const char *path;
    cairn_answer present, readable, writable;
    const char *mode, *group;
} cairn_node;

typedef struct cairn_container {
    cairn_answer known;
    const char *kind, *cgroup;
} cairn_container;

typedef struct cairn_torch {
    cairn_answer known;
    const char *version; /* "2.5.1+cu124" */
    const char *cuda;    /* "12.4"; "" for a build without CUDA */
    cairn_texts archs;   /* "sm_80", "compute_90" */
    const char *cudnn;
} cairn_torch;

typedef struct cairn_python {
    const char *version, *prefix;
    cairn_pairs packages;
    cairn_torch torch;
} cairn_python;

typedef struct cairn_library {
    const char *soname, *path, *version;
    const char *from; /* "wheel", "system", "LD_LIBRARY_PATH", "conda" */
} cairn_library;

typedef struct cairn_toolkit {
    const char *version, *path;
    cairn_answer nvcc_on_path;
} cairn_toolkit;

typedef struct cairn_compiler {
    const char *name, *version;
} cairn_compiler;

typedef struct cairn_want {
    cairn_answer known;
    const char *torch, *cuda, *python;
    cairn_answer build; /* extensions are to be built */
} cairn_want;

typedef struct cairn_facts {
    const char *platform; /* "linux", "windows", "wsl2", "jetson" */
    const char *machine;  /* "x86_64", "aarch64" */
    const char *kernel, *distribution, *board;
    CAIRN_LIST(cairn_gpu) gpus;
    cairn_number nvswitch;
    cairn_module module;
    cairn_texts module_files, dkms, other_modules;
    cairn_answer secure_boot;
    cairn_libcuda libcuda;
    cairn_nvml nvml;
    CAIRN_LIST(cairn_node) nodes;
    const char *driver; /* Windows, WSL2 */
    cairn_container container;
    const char *fabric_manager; /* "running", "stopped" */
    cairn_pairs environment;
    CAIRN_LIST(cairn_python) pythons;
    CAIRN_LIST(cairn_library) libraries;
    CAIRN_LIST(cairn_toolkit) toolkits;
    CAIRN_LIST(cairn_compiler) compilers;
    cairn_pairs packages;
    cairn_texts messages;
    cairn_want want;
    cairn_texts notes; /* what the reader or the collector had to leave out, for people */
    void *memory;      /* holds everything above */
} cairn_facts;

/* Empty facts. NULL when out of memory. */
CAIRN_API cairn_facts *cairn_facts_new(void);
CAIRN_API void cairn_facts_free(cairn_facts *facts);
/* Copies a text so that it lives as long as the facts; NULL when out of memory. */
CAIRN_API const char *cairn_facts_text(cairn_facts *facts, const char *text);

/* Reads the JSON document of `bytes` bytes. `name` names it in messages ("facts.json:12: ...").
 * Unknown keys go to `notes`. NULL with E_FORMAT when it is not valid. */
CAIRN_API cairn_facts *cairn_facts_read(const char *text, size_t bytes, const char *name);
/* The facts as a JSON document, to be freed with free(). */
CAIRN_API char *cairn_facts_write(const cairn_facts *facts);

/* ---- Data: the versions that are known --------------------------------------------------------- */
typedef struct cairn_doctor_data cairn_doctor_data;

/* The CSV files in `directory`, or those built in when it is NULL. NULL with E_IO or E_FORMAT and the
 * file and line when one cannot be read. */
CAIRN_API cairn_doctor_data *cairn_doctor_data_load(const char *directory);
CAIRN_API void cairn_doctor_data_free(cairn_doctor_data *data);
/* The day on which the data was gathered, "2026-11-22"; "unknown" when the folder does not say. */
CAIRN_API const char *cairn_doctor_data_date(const cairn_doctor_data *data);

/* ---- Collect -------------------------------------------------------------------------------------
 * Looks at the machine without running any program on it but the probe: a child process that asks
 * libcuda and NVML, and is killed when it does not answer in time. Writes nothing. */
typedef struct cairn_collect_options {
    const char *root;      /* a mounted image instead of this machine; nothing is asked of its libraries */
    const char *python;    /* only this environment: a prefix or an interpreter */
    int probe_timeout_ms;  /* 0: 10 seconds */
    bool no_probe;
} cairn_collect_options;

CAIRN_API cairn_facts *cairn_doctor_collect(const cairn_collect_options *options);

/* ---- Judge -------------------------------------------------------------------------------------*/
typedef enum cairn_language { CAIRN_ENGLISH, CAIRN_CHINESE } cairn_language;
typedef enum cairn_severity { CAIRN_NOTE, CAIRN_WARN, CAIRN_FAIL } cairn_severity;

typedef struct cairn_finding {
    const char *code;
    cairn_severity severity;
    const char *why;      /* one sentence with the versions in it */
    cairn_texts evidence; /* facts and rows of the data */
    cairn_texts fix;      /* complete commands, alternatives, the easiest first */
    bool needs_root;      /* the first of them does */
    int follows_from;     /* index of the finding that causes this one, -1 for none */
} cairn_finding;

/* A PyTorch build that runs, or one that does not. */
typedef struct cairn_build {
    const char *torch, *build; /* "2.7.1", "cu126" */
    const char *torchvision, *torchaudio;
    const char *python, *driver; /* "3.9-3.13", ">= 525.60.13" */
    cairn_texts warn;            /* codes; for a rejected build the codes of what fails */
    const char *why;
    const char *install, *uv, *conda; /* commands; conda NULL where there is no such package */
    const char *change;               /* rejected builds: the nearest change that makes it run */
} cairn_build;

typedef struct cairn_verdict {
    cairn_severity severity; /* CAIRN_NOTE: ok */
    const char *data_date;
    CAIRN_LIST(cairn_gpu) gpus; /* as identified: pci, name, cc */
    CAIRN_LIST(cairn_finding) findings;
    CAIRN_LIST(cairn_build) plan, rejected;
    cairn_texts candidates; /* of an ambiguous GPU name in a request */
    void *memory;
} cairn_verdict;

CAIRN_API void cairn_verdict_free(cairn_verdict *verdict);
/* The verdict as a JSON document, to be freed with free(). */
CAIRN_API char *cairn_verdict_write(const cairn_verdict *verdict);

/* What is wrong, in order of cause. */
CAIRN_API cairn_verdict *cairn_doctor_judge(const cairn_facts *facts, const cairn_doctor_data *data,
                                            cairn_language language);

/* Recognises failure messages anywhere in a log and judges by them alone. No finding: none was known. */
CAIRN_API cairn_verdict *cairn_doctor_explain(const char *log, size_t bytes, const cairn_doctor_data *data,
                                              cairn_language language);

/* ---- Plan ----------------------------------------------------------------------------------------
 * The builds of PyTorch that run, best first. What the request leaves NULL comes from the facts, and
 * is free where they do not know it. */
typedef struct cairn_plan_request {
    const char *const *gpus; /* names ("RTX 4090"), PCI ids ("10de:2684") or capabilities ("8.9") */
    int gpu_count;
    const char *torch;    /* "2.6" or "2.6.0" */
    const char *cuda;     /* "12", "12.4" or "cu124" */
    const char *driver;   /* "535.104.05" */
    const char *python;   /* "3.12" */
    const char *platform; /* "linux", "windows", "wsl2", "jetson" */
} cairn_plan_request;

/* NULL with E_ARGUMENT when a part of the request cannot be understood. An ambiguous GPU name gives a
 * verdict with `candidates` and no plan. `facts` may be NULL. */
CAIRN_API cairn_verdict *cairn_doctor_plan(const cairn_plan_request *request, const cairn_facts *facts,
                                           const cairn_doctor_data *data, cairn_language language);

#ifdef __cplusplus
}
#endif
#endif
