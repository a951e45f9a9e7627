/* The tool `cairn`: what its sub-commands share. Each command is a function main_NAME(argc, argv) with argv[0] its name,
 * and gives the exit status: 0, or 1 after one sentence on stderr, 2 when the arguments are not understood. */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H
#define CAIRN_NO_LINES                 /* errors name files and options here, not lines of the tool */
#include <cairn/cairn.h>

int train_main(int argc, char **argv);
int eval_main(int argc, char **argv);
int predict_main(int argc, char **argv);
int bench_main(int argc, char **argv);

enum { EXIT_FINE = 0, EXIT_FAILED = 1, EXIT_ARGUMENTS = 2, EXIT_STOPPED = 130 };

/* Prints "cairn COMMAND: ..." on stderr; gives EXIT_ARGUMENTS. */
int usage_error(const char *command, const char *format, ...) CAIRN_PRINTF(2, 3);
/* Whole numbers and numbers of options: false after a message when `text` is not one within the bounds. */
bool parse_int(const char *command, const char *option, const char *text, int64_t least, int64_t most, int64_t *out);
bool parse_number(const char *command, const char *option, const char *text, double least, double most, double *out);

enum { NAME_BYTES = 32, PATH_BYTES = 4096 };

/* ---- Data (source.c) ------------------------------------------------------------------------------------ */
/* What is named on the command line: fashion-mnist, digits, a folder, a .csv file. */
typedef struct source {
    char name[PATH_BYTES];         /* as given; "digits" when fashion-mnist was wanted and is not there */
    char short_name[NAME_BYTES];   /* for titles and folders: "fashion-mnist", "flowers" */
    cairn_dataset *train, *test;   /* owned */
    bool slow;                     /* samples are decoded when asked for: worth worker threads */
    bool mirror;                   /* a mirrored sample is as good as the sample */
} source;
/* `shape`: what images are resized to, or NULL; `folder`: where fashion-mnist's or digits' files are, or NULL;
 * `label`: the column of a .csv, or NULL. */
bool source_open(source *s, const char *name, const char *folder, const char *label, const cairn_shape *shape);
void source_close(source *s);

/* ---- Models (models.c) ---------------------------------------------------------------------------------- */
/* What a model needs to be built again and to be fed: kept as metadata beside its weights. */
typedef struct model_spec {
    char kind[NAME_BYTES];         /* mlp, cnn, resnet */
    cairn_shape shape;             /* of one x */
    int64_t classes;
    char **class_names;            /* owned; "0", "1" ... when the data has none */
    int normalise;                 /* as cairn_loader_options' */
    float mean[CAIRN_MAX_CHANNELS], deviation[CAIRN_MAX_CHANNELS];
    char source[PATH_BYTES], folder[PATH_BYTES], label[PATH_BYTES];      /* what it was trained on */
} model_spec;
/* For a data set: kind NULL chooses cnn for images, mlp for else. */
bool spec_for(model_spec *m, const char *kind, const source *s);
/* Whether the data has samples of the model's shape, and as many classes. */
bool spec_fits(const model_spec *m, const cairn_dataset *data);
void spec_free(model_spec *m);
cairn_module *model_build(const model_spec *m);
extern const char model_kinds[];   /* "mlp, cnn, resnet" */

/* Metadata there and back. */
typedef struct notes {
    cairn_metadata item[32];
    int64_t count;
} notes;
bool notes_add(notes *t, const char *key, const char *format, ...) CAIRN_PRINTF(3, 4);
void notes_free(notes *t);
bool spec_write(const model_spec *m, notes *t);
bool spec_read(model_spec *m, const cairn_archive *a);

/* A model's file, or a folder with model.safetensors in it: module and spec; NULL after a message. */
cairn_module *model_load(const char *path, model_spec *m);

/* ---- Evaluation (evaluate.c) ----------------------------------------------------------------------------- */
typedef struct result {
    int64_t count, right;
    double loss;                   /* mean */
    int64_t classes, *confusion;   /* [truth x classes + guess]; owned */
} result;
bool evaluate_on(cairn_module *net, const model_spec *m, cairn_dataset *d, result *r);
void result_free(result *r);
void print_confusion(FILE *f, const result *r, const model_spec *m, bool markdown);
static inline double accuracy(const result *r) { return r->count ? 100.0 * (double)r->right / (double)r->count : 0; }

/* ---- What a training leaves behind (report.c) ------------------------------------------------------------- */
typedef struct epoch_record {
    double loss, accuracy, seconds;      /* training loss; test accuracy in percent; of training */
} epoch_record;
/* OUT/curve.png: loss and accuracy over the epochs. Without libpng: says so and is true. */
bool write_curve(const char *path, int64_t epochs, const epoch_record *record);

#endif
