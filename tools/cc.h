/* `cairn cc` inside: what the command line asked for, and the small tools that its files share. */
#ifndef TOOLS_CC_H
#define TOOLS_CC_H
#include <stdbool.h>
#include <stddef.h>

/* ---- Lists of arguments (cc_words.c). Without memory they end the program with a sentence. -------- */
typedef struct words {
    char **item;
    int count;
} words;

void *need(void *memory);
void add(words *w, const char *word);
void add_all(words *w, const words *more);
/* -Xcompiler "-Wall,-fopenmp": the words between commas and spaces. */
void add_split(words *w, const char *list);
bool has_word(const words *w, const char *word);
void words_free(words *w);
/* asprintf; free it. */
char *text_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool starts_with(const char *text, const char *start);
bool ends_with(const char *text, const char *end);

/* ---- The command line (cc_options.c) -------------------------------------------------------------- */
typedef enum goal {
    GOAL_LINK, GOAL_OBJECT, GOAL_PTX, GOAL_FATBIN, GOAL_PREPROCESS, GOAL_DEPENDENCIES, GOAL_DEVICE_LINK, GOAL_ARCHIVE,
    GOAL_VERSION, GOAL_HELP
} goal;

typedef struct request {
    words compile;      /* for both sides: -I, -D, -std, -O */
    words device;       /* for the device: fast math, line numbers */
    words host;         /* for the host: -Xcompiler, -f, -g */
    words depend;       /* -MD and its like, for the host's compilation alone */
    words link;         /* objects, libraries and -L, in their order; sources as their objects */
    words sources;
    char *output;
    char *language;     /* of -x: "cu", "c", "c++", or NULL: by the file's name */
    goal goal;
    bool verbose, dry, silent, shared, relocatable, run, openmp, optimised;
    char *directory;    /* for temporary files */
} request;

/* Reads the words of a command line. 0, or the exit status after a message. */
int read_command_line(request *r, char **argv);
bool is_cuda(const request *r, const char *file);
void request_free(request *r);

/* ---- Where things are (cc_words.c) ---------------------------------------------------------------- */
char *header_folder(void);
char *library_folder(void);
const char *clang(void);

/* ---- Steps ---------------------------------------------------------------------------------------- */
int run_command(const request *r, const words *command);
char *temporary(const request *r, int index, const char *end);
/* Wraps PTX text as a fat binary, as CUDA's loaders know it. */
int write_fatbin(const char *ptx, const char *fatbin);
/* Options of every compilation of CUDA. */
void add_cuda_options(const request *r, words *w);

/* Linking of device code (cc_device.c): objects made with -rdc carry their device code as LLVM bitcode in a
 * section of their own. */
int embed_device_code(const request *r, const char *bitcode, const char *object);
/* Adds to `objects` one that holds and registers the linked device code of those in the list; does nothing
 * where none has any. */
int link_device_code(const request *r, words *objects);

#endif
