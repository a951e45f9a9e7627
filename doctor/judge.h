/* The judge's working state, shared by its parts. */
#ifndef DOCTOR_JUDGE_H
#define DOCTOR_JUDGE_H
#include "doctor/rules.h"

/* The sentences of text.def. */
typedef enum text_id {
#define TEXT(name, english, chinese) TEXT_##name,
#include "doctor/text.def"
#undef TEXT
} text_id;
const char *text_of(text_id id, cairn_language language);
/* The sentence with its arguments put in; a NULL argument reads as "?". */
const char *text_fill(arena *memory, cairn_language language, text_id id, int count,
                      const char *const *arguments);
#define TEXT_FILL(memory, language, id, ...)                                                             \
    text_fill(memory, language, TEXT_##id, sizeof((const char *[]){"", ##__VA_ARGS__}) / sizeof(char *) - 1, \
              (const char *[]){"", ##__VA_ARGS__} + 1)

typedef struct judge {
    const cairn_facts *facts;
    const cairn_doctor_data *data;
    cairn_language language;
    cairn_verdict *verdict;
    arena *memory; /* the verdict's */

    gpu_info *gpus;
    int gpu_count;
    gpu_info *usable;       /* those that wheels are for: the driver serves them */
    int usable_count;
    bool no_gpu;            /* looked for, and none */
    bool in_container, wsl, jetson, windows;
    const char *user_driver;   /* of libcuda */
    const char *kernel_driver; /* of the module */
    const char *any_driver;    /* whichever is known */
    driver_info driver;        /* as wheels see it */
    bool compat;               /* libcuda is cuda-compat's */
    bool driver_to_change;     /* a finding installs another driver */
    unsigned failures_before;  /* of the driver's part: what explains that CUDA does not start */
} judge;

/* Adds a finding; `follows` is the code of its cause, which counts only if it is among the findings. */
cairn_finding *judge_add(judge *j, const char *code, cairn_severity severity, const char *follows,
                         const char *why);
#define ADD(j, code, severity, follows, ...) \
    judge_add(j, code, CAIRN_##severity, follows, TEXT_FILL((j)->memory, (j)->language, __VA_ARGS__))
void judge_evidence(judge *j, cairn_finding *f, const char *format, ...) CAIRN_PRINTF(3, 4);
void judge_fix(judge *j, cairn_finding *f, const char *format, ...) CAIRN_PRINTF(3, 4);
bool judge_has(const judge *j, const char *code);
bool judge_fails(const judge *j); /* any failure so far */
bool message_has(const judge *j, const char *part);
const char *gpu_label(judge *j, const gpu_info *g); /* "NVIDIA GeForce RTX 4090", or its id */
const char *gpu_cc(const gpu_info *g);

/* The parts, in order of cause. */
void judge_container(judge *j);
void judge_driver(judge *j);
void judge_devices(judge *j);
void judge_wheels(judge *j);
void judge_libraries(judge *j);
void judge_building(judge *j);
void judge_messages(judge *j);
void judge_notes(judge *j);

/* Makes `verdict` and its judge; NULL when out of memory. */
cairn_verdict *judge_begin(judge *j, const cairn_facts *facts, const cairn_doctor_data *data,
                           cairn_language language);
cairn_verdict *judge_end(judge *j);

/* ---- Commands ---------------------------------------------------------------------------------- */
/* Installs the driver of a branch; `open`: its open kernel modules. Ends with a reboot. */
const char *driver_command(judge *j, int branch, bool open);
bool wants_open_module(const judge *j);
/* pip for one environment (NULL: the plain command). */
typedef struct wheel_command {
    const char *pip, *uv, *conda;
} wheel_command;
wheel_command wheel_commands(arena *memory, const torch_row *row, const cairn_python *python, bool replace);
/* The build that changes least and runs here; NULL when none does. */
const torch_row *replacement(judge *j, const wheel *w, const char *python, bool without_warning);
/* Writes into `f` the commands that replace the wheel. */
void fix_wheel(judge *j, cairn_finding *f, const cairn_python *python, const wheel *w);

/* ---- A build and the machine (also for plans) ---------------------------------------------------- */
typedef struct build_check {
    bool driver_too_old, predates, dropped, python;
    fit worst;
    int worst_gpu; /* index, for the sentence */
    bool cudnn_too_new;
    int cudnn_gpu;
    bool no_archs;
} build_check;
build_check check_build(const cairn_doctor_data *data, const wheel *w, const gpu_info *gpus, int count,
                        const driver_info *driver, const char *python);
bool build_runs(const build_check *c);

#endif
