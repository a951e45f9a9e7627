/* `cairn train`: from the name of some data to a tested network, with everything needed to go on or to use it. */
#include "tools/tool.h"
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char usage[] = "usage: cairn train fashion-mnist|digits|FOLDER|FILE.csv [OPTION...]\n\n"
                            "  FOLDER               images as FOLDER/CLASS/*.png (.jpg), or FOLDER/train/CLASS/... "
                            "and FOLDER/test/CLASS/...\n"
                            "  FILE.csv             numbers, and the class in the last column\n\n"
                            "  --model NAME         mlp, cnn, resnet              (cnn for images, mlp for else)\n"
                            "  --epochs N           passes over the data          (6; resnet 15; small data 30)\n"
                            "  --batch N            samples a step                (64)\n"
                            "  --lr X               the highest learning rate     (0.002; resnet 0.004)\n"
                            "  --seed N             of weights, order and dropout (1)\n"
                            "  --threads N          all that may be used\n"
                            "  --augment, --no-augment   move and mirror images   (on for resnet)\n"
                            "  --data FOLDER        where the files of fashion-mnist or digits are\n"
                            "  --label COLUMN       of a .csv: the class's column, by name or number\n"
                            "  --out FOLDER         for model, checkpoint, curve and card (runs/DATA-MODEL)\n"
                            "  --resume             go on from the checkpoint in the --out folder\n";

/* 0, negative or NULL: not given. */
typedef struct settings {
    const char *source, *folder, *label, *model, *out;
    int64_t epochs, batch, seed, threads;
    double lr;
    int augment;                   /* -1: not given */
    bool resume;
} settings;

enum { EPOCHS_MOST = 100000, SMALL_DATA = 5000, WORKERS = 2 };

typedef struct training {
    settings s;                    /* everything given by now */
    char out[PATH_BYTES], checkpoint[PATH_BYTES + 32];
    source data;
    model_spec spec;
    cairn_module *net;
    cairn_optimizer *optimizer;
    cairn_scheduler *scheduler;
    cairn_loader *loader;
    int64_t epoch;
    epoch_record *record;          /* of the finished epochs, and room for all */
    double loss_sum;               /* of this epoch until now */
    int64_t seen;                  /* its samples */
    result test;                   /* after the last finished epoch */
    double begun, epoch_begun;     /* seconds; of this process */
    int64_t steps_done;            /* by this process */
    double last_shown;
} training;

static volatile sig_atomic_t stop_asked;

static void ask_to_stop(int signal)
{
    (void)signal;
    stop_asked = 1;
}

/* A second Ctrl-C ends the program at once. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = ask_to_stop, .sa_flags = (int)SA_RESETHAND};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Progress */

static void print_time(double seconds)
{
    long s = (long)(seconds + 0.5);
    if (s >= 3600)
        printf("%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        printf("%ld:%02ld", s / 60, s % 60);
}

static int64_t steps_left(const training *t)
{
    return t->s.epochs * cairn_loader_batches(t->loader) - cairn_step_count(t->optimizer);
}

/* Ten times a second, on a terminal only. */
static void show_progress(training *t, const cairn_batch *b)
{
    enum { BAR = 20 };
    double time = now();
    if (!isatty(STDOUT_FILENO) || time - t->last_shown < 0.1)
        return;
    t->last_shown = time;
    int filled = (int)(BAR * (b->number + 1) / cairn_loader_batches(t->loader));
    double rate = (double)t->steps_done / (time - t->begun);
    printf("\repoch %lld/%lld  [%.*s%*s]  loss %.4f  %.0f images/s  ", (long long)t->epoch + 1,
           (long long)t->s.epochs, filled, "====================", BAR - filled, "", t->loss_sum / (double)t->seen,
           rate * (double)t->s.batch);
    print_time((double)steps_left(t) / rate);
    printf(" left \033[K");
    fflush(stdout);
}

static void show_epoch(const training *t, double images_a_second)
{
    const epoch_record *r = &t->record[t->epoch];
    if (isatty(STDOUT_FILENO))
        printf("\r");
    printf("epoch %lld/%lld  loss %.4f  test %.2f %%  %.0f images/s  %.1f s%s\n", (long long)t->epoch + 1,
           (long long)t->s.epochs, r->loss, r->accuracy, images_a_second, r->seconds,
           isatty(STDOUT_FILENO) ? "\033[K" : "");
    fflush(stdout);
}

/* ---- Checkpoints */

static char *history_text(const training *t)
{
    char *text = calloc((size_t)t->epoch + 1, 96), *at = text;
    for (int64_t i = 0; text && i < t->epoch; i++)
        at += sprintf(at, "%.9g %.9g %.6g\n", t->record[i].loss, t->record[i].accuracy, t->record[i].seconds);
    return text;
}

static bool save_checkpoint(const training *t)
{
    notes x = {0};
    char *history = history_text(t);
    bool good = history && spec_write(&t->spec, &x) && notes_add(&x, "train.history", "%s", history) &&
                notes_add(&x, "train.partial", "%.17g %" PRId64, t->loss_sum, t->seen) &&
                notes_add(&x, "train.epochs", "%" PRId64, t->s.epochs) &&
                notes_add(&x, "train.batch", "%" PRId64, t->s.batch) &&
                notes_add(&x, "train.seed", "%" PRId64, t->s.seed) && notes_add(&x, "train.lr", "%.17g", t->s.lr) &&
                notes_add(&x, "train.augment", "%d", t->s.augment);
    if (good)
        good = !cairn_save_checkpoint(&(cairn_training){t->net, t->optimizer, t->scheduler, t->loader, t->epoch,
                                                        cairn_step_count(t->optimizer), x.count, x.item},
                                      t->checkpoint);
    free(history);
    notes_free(&x);
    return good;
}

static int64_t whole_of(const cairn_archive *a, const char *key)
{
    const char *text = cairn_archive_metadata(a, key);
    return text ? strtoll(text, NULL, 10) : -1;
}

/* What was given on the command line must be what the training began with. */
static bool agrees(const char *option, double given, double began)
{
    if (given == began)
        return true;
    usage_error("train", "--resume: the training began with --%s %g; leave that out, or begin anew", option, began);
    return false;
}

/* The settings of the checkpoint. */
static bool read_settings(training *t)
{
    settings *s = &t->s;
    cairn_archive *a = cairn_open_safetensors(t->checkpoint);
    if (!a)
        return false;
    settings began = {.epochs = whole_of(a, "train.epochs"),
                      .batch = whole_of(a, "train.batch"),
                      .seed = whole_of(a, "train.seed"),
                      .augment = (int)whole_of(a, "train.augment")};
    const char *lr = cairn_archive_metadata(a, "train.lr");
    began.lr = lr ? strtod(lr, NULL) : 0;
    bool good = spec_read(&t->spec, a) && began.epochs > 0 && began.batch > 0 && began.seed >= 0 && began.lr > 0 &&
                began.augment >= 0;
    cairn_archive_close(a);
    if (!good)
        return usage_error("train", "%s: is not a checkpoint of `cairn train`", t->checkpoint), false;
    if (!agrees("epochs", (double)(s->epochs ? s->epochs : began.epochs), (double)began.epochs) ||
        !agrees("batch", (double)(s->batch ? s->batch : began.batch), (double)began.batch) ||
        !agrees("seed", (double)(s->seed >= 0 ? s->seed : began.seed), (double)began.seed) ||
        !agrees("lr", s->lr > 0 ? s->lr : began.lr, began.lr))
        return false;
    if (s->model && strcmp(s->model, t->spec.kind))
        return usage_error("train", "--resume: the training began with --model %s", t->spec.kind), false;
    s->epochs = began.epochs, s->batch = began.batch, s->seed = began.seed, s->lr = began.lr,
    s->augment = began.augment;
    return true;
}

static bool read_history(training *t)
{
    cairn_archive *a = cairn_open_safetensors(t->checkpoint);
    const char *text = cairn_archive_metadata(a, "train.history"),
               *partial = cairn_archive_metadata(a, "train.partial");
    bool good = a && text && partial && sscanf(partial, "%lg %" SCNd64, &t->loss_sum, &t->seen) == 2;
    for (int64_t i = 0; good && i < t->epoch; i++) {
        int used = 0;
        good = sscanf(text, "%lg %lg %lg\n%n", &t->record[i].loss, &t->record[i].accuracy, &t->record[i].seconds,
                      &used) == 3 &&
               used;
        text += used;
    }
    cairn_archive_close(a);
    return good;
}

static bool resume(training *t)
{
    cairn_training c = {t->net, t->optimizer, t->scheduler, t->loader};
    if (cairn_load_checkpoint(&c, t->checkpoint))
        return false;
    t->epoch = c.epoch;
    if (t->epoch < 0 || t->epoch > t->s.epochs || !read_history(t))
        return usage_error("train", "%s: its history is damaged", t->checkpoint), false;
    printf("going on at epoch %lld of %lld, step %lld\n", (long long)t->epoch + 1, (long long)t->s.epochs,
           (long long)c.step);
    return true;
}

/* ---- One step, one epoch */

static bool step(training *t, const cairn_batch *b)
{
    cairn_mark m = cairn_scope_push();
    cairn_tensor *loss = cairn_cross_entropy(cairn_call(t->net, b->x), b->y);
    bool good = !cairn_backward(loss) && !cairn_step(t->optimizer) && !cairn_scheduler_step(t->scheduler);
    double x = good ? cairn_item(loss) : 0;
    cairn_scope_pop(m, NULL);
    if (good && !isfinite(x)) {
        fprintf(stderr, "cairn train: the loss became %g in epoch %lld, batch %lld; try a smaller --lr than %g\n",
                x, (long long)t->epoch + 1, (long long)b->number + 1, t->s.lr);
        return false;
    }
    t->loss_sum += x * (double)b->size;
    t->seen += b->size;
    t->steps_done++;
    return good;
}

/* Tests, notes and keeps what the epoch gave. */
static bool end_epoch(training *t, int64_t seen_here)
{
    double seconds = now() - t->epoch_begun;
    result_free(&t->test);
    if (!evaluate_on(t->net, &t->spec, t->data.test, &t->test))
        return false;
    t->record[t->epoch] = (epoch_record){t->loss_sum / (double)t->seen, accuracy(&t->test), seconds};
    show_epoch(t, (double)seen_here / seconds);
    t->epoch++;
    t->loss_sum = 0;
    t->seen = 0;
    return save_checkpoint(t);
}

/* To its end, or until somebody asks to stop. */
static bool train_epoch(training *t)
{
    t->epoch_begun = now();
    int64_t seen_before = t->seen;
    while (!stop_asked) {
        cairn_batch b;
        if (!cairn_loader_next(t->loader, &b))
            return !cairn_error() && end_epoch(t, t->seen - seen_before);
        if (!step(t, &b))
            return false;
        show_progress(t, &b);
    }
    return save_checkpoint(t);
}

/* ---- What remains */

static bool write_card(const training *t, const char *path)
{
    FILE *f = fopen(path, "w");
    if (!f) {
        fprintf(stderr, "cairn train: %s: %s\n", path, strerror(errno));
        return false;
    }
    fprintf(f, "# %s on %s\n\nAn image or table classifier trained by Cairn %s.\n\n", t->spec.kind,
            t->data.short_name, cairn_version());
    fprintf(f,
            "| | |\n|---|---|\n| data | %s: %lld samples to train on, %lld to test |\n| network | %s, %lld "
            "parameters |\n",
            t->data.name, (long long)cairn_dataset_spec_of(t->data.train)->count,
            (long long)cairn_dataset_spec_of(t->data.test)->count, t->spec.kind,
            (long long)cairn_parameter_count(t->net));
    fprintf(f,
            "| training | %lld epochs, batches of %lld, AdamW, one-cycle learning rate up to %g, seed %lld%s |\n",
            (long long)t->s.epochs, (long long)t->s.batch, t->s.lr, (long long)t->s.seed,
            t->s.augment ? ", augmented" : "");
    fprintf(f,
            "| test accuracy | **%.2f %%** |\n| test loss | %.4f |\n\n![loss and accuracy](curve.png)\n\n## "
            "Confusion\n\n",
            accuracy(&t->test), t->test.loss);
    print_confusion(f, &t->test, &t->spec, true);
    fprintf(f,
            "\n## Use\n\n    cairn eval %s\n    cairn predict %s IMAGE.png\n\nThe weights are in "
            "`model.safetensors`, under PyTorch's names.\n\n"
            "## Limits\n\nThe figures hold for data like the test set. Nothing was done about bias in the data.\n",
            t->out, t->out);
    bool good = !ferror(f);
    if (fclose(f) || !good) {
        fprintf(stderr, "cairn train: %s: could not be written (is the disk full?)\n", path);
        return false;
    }
    return true;
}

static bool save_model(const training *t, const char *path)
{
    notes x = {0};
    bool good = spec_write(&t->spec, &x) && notes_add(&x, "format", "pt") &&
                !cairn_save_with(t->net, path, x.count, x.item);
    notes_free(&x);
    return good;
}

static bool finish(training *t)
{
    char model[PATH_BYTES + 32], curve[PATH_BYTES + 32], card[PATH_BYTES + 32];
    snprintf(model, sizeof model, "%s/model.safetensors", t->out);
    snprintf(curve, sizeof curve, "%s/curve.png", t->out);
    snprintf(card, sizeof card, "%s/README.md", t->out);
    if (!t->test.confusion && !evaluate_on(t->net, &t->spec, t->data.test, &t->test))
        return false;
    printf("\ntest accuracy %.2f %% (%lld of %lld)\n\n", accuracy(&t->test), (long long)t->test.right,
           (long long)t->test.count);
    print_confusion(stdout, &t->test, &t->spec, false);
    if (!save_model(t, model) || !write_curve(curve, t->epoch, t->record) || !write_card(t, card))
        return false;
    printf("\nmodel  %s\ncurve  %s\ncard   %s\n\nnext:  cairn predict %s 0 1 2\n", model, curve, card, t->out);
    return true;
}

static int run(training *t)
{
    t->begun = now();
    while (t->epoch < t->s.epochs && !stop_asked)
        if (!train_epoch(t))
            return EXIT_FAILED;
    if (t->epoch == t->s.epochs)
        return finish(t) ? EXIT_FINE : EXIT_FAILED;
    printf("\nstopped in epoch %lld; to go on:  cairn train %s --out %s --resume\n", (long long)t->epoch + 1,
           t->s.source, t->out);
    return EXIT_STOPPED;
}

/* ---- Before the first step */

static void set_defaults(training *t)
{
    settings *s = &t->s;
    bool resnet = !strcmp(t->spec.kind, "resnet"), small = cairn_dataset_spec_of(t->data.train)->count < SMALL_DATA;
    s->epochs = s->epochs ? s->epochs : small ? 30 : resnet ? 15 : 6;
    s->batch = s->batch ? s->batch : 64;
    s->lr = s->lr > 0 ? s->lr : resnet ? 0.004 : 0.002;
    s->seed = s->seed >= 0 ? s->seed : 1;
    s->augment = t->spec.shape.rank == 3 && (s->augment >= 0 ? s->augment : resnet);
}

static bool make_folder(const char *path)
{
    char part[PATH_BYTES];
    snprintf(part, sizeof part, "%s", path);
    for (char *p = part + 1; *p; p++)
        if (*p == '/') {
            *p = 0;
            mkdir(part, 0777);
            *p = '/';
        }
    struct stat s;
    if (!mkdir(part, 0777) || (errno == EEXIST && !stat(part, &s) && S_ISDIR(s.st_mode)))
        return true;
    fprintf(stderr, "cairn train: the folder %s cannot be made: %s\n", path,
            strerror(errno == EEXIST ? ENOTDIR : errno));
    return false;
}

static void choose_out(training *t)
{
    if (t->s.out)
        snprintf(t->out, sizeof t->out, "%s", t->s.out);
    else
        snprintf(t->out, sizeof t->out, "runs/%s-%s", t->data.short_name,
                 t->s.model      ? t->s.model
                 : *t->spec.kind ? t->spec.kind
                                 : "model");
    snprintf(t->checkpoint, sizeof t->checkpoint, "%s/checkpoint.safetensors", t->out);
}

static cairn_loader *make_loader(const training *t)
{
    cairn_loader_options o = {.batch = t->s.batch,
                              .shuffle = true,
                              .seed = (uint64_t)t->s.seed,
                              .normalise = t->spec.normalise,
                              .workers = t->data.slow ? WORKERS : 0};
    if (t->s.augment) {
        o.augment.crop_padding = t->spec.shape.size[1] >= 24 ? 2 : 1;
        o.augment.flip = t->data.mirror;
    }
    memcpy(o.mean, t->spec.mean, sizeof o.mean);
    memcpy(o.deviation, t->spec.deviation, sizeof o.deviation);
    return cairn_loader_new(cairn_dataset_keep(t->data.train), &o);
}

/* Data, network, optimizer: everything but the state of a checkpoint. */
static bool prepare(training *t)
{
    settings *s = &t->s;
    const cairn_shape *wanted = s->resume && t->spec.shape.rank == 3 ? &t->spec.shape : NULL;
    if (!t->data.train && !source_open(&t->data, s->source, s->folder, s->label, wanted))
        return false;
    spec_free(&t->spec);
    if (!spec_for(&t->spec, s->model, &t->data))
        return false;
    snprintf(t->spec.folder, sizeof t->spec.folder, "%s", s->folder ? s->folder : "");
    snprintf(t->spec.label, sizeof t->spec.label, "%s", s->label ? s->label : "");
    set_defaults(t);
    cairn_seed((uint64_t)s->seed);
    t->net = model_build(&t->spec);
    t->loader = make_loader(t);
    t->record = calloc((size_t)s->epochs, sizeof *t->record);
    if (!t->net || !t->loader || !t->record)
        return false;
    t->optimizer = cairn_adamw(cairn_parameters(t->net), &(cairn_adam_options){.lr = s->lr});
    t->scheduler = cairn_one_cycle_lr(t->optimizer, s->lr, s->epochs * cairn_loader_batches(t->loader), NULL);
    return t->scheduler != NULL;
}

static bool begin(training *t)
{
    char kind[NAME_BYTES];
    if (!source_open(&t->data, t->s.source, t->s.folder, t->s.label, NULL))
        return false;
    snprintf(t->spec.kind, sizeof t->spec.kind, "%s",
             cairn_dataset_spec_of(t->data.train)->x_shape.rank == 3 ? "cnn" : "mlp");
    choose_out(t);
    if (t->s.resume) {
        spec_free(&t->spec);
        if (!read_settings(t))
            return false;
        snprintf(kind, sizeof kind, "%s", t->spec.kind);
        t->s.model = kind;
    }
    if (!make_folder(t->out) || !prepare(t))
        return false;
    printf("%s: %lld samples to train on, %lld to test, %lld classes; %s of %lld parameters, %d threads\n",
           t->data.name, (long long)cairn_dataset_spec_of(t->data.train)->count,
           (long long)cairn_dataset_spec_of(t->data.test)->count, (long long)t->spec.classes, t->spec.kind,
           (long long)cairn_parameter_count(t->net), cairn_threads());
    fflush(stdout);
    bool good =
        t->s.resume ? resume(t) : save_checkpoint(t); /* now, so that a folder that is read-only is known now */
    t->s.model = NULL;
    return good;
}

static void end(training *t)
{
    cairn_loader_free(t->loader);
    cairn_scheduler_free(t->scheduler);
    cairn_optimizer_free(t->optimizer);
    cairn_module_free(t->net);
    source_close(&t->data);
    spec_free(&t->spec);
    result_free(&t->test);
    free(t->record);
}

/* ---- Arguments */

enum { EPOCHS = 1, BATCH, LR, SEED, THREADS, MODEL, OUT, DATA, LABEL, AUGMENT, NO_AUGMENT, RESUME, HELP };
static const struct option options[] = {{"epochs", 1, 0, EPOCHS},
                                        {"batch", 1, 0, BATCH},
                                        {"lr", 1, 0, LR},
                                        {"seed", 1, 0, SEED},
                                        {"threads", 1, 0, THREADS},
                                        {"model", 1, 0, MODEL},
                                        {"out", 1, 0, OUT},
                                        {"data", 1, 0, DATA},
                                        {"label", 1, 0, LABEL},
                                        {"augment", 0, 0, AUGMENT},
                                        {"no-augment", 0, 0, NO_AUGMENT},
                                        {"resume", 0, 0, RESUME},
                                        {"help", 0, 0, HELP},
                                        {0}};

static bool read_option(settings *s, int option)
{
    switch (option) {
    case EPOCHS: return parse_int("train", "epochs", optarg, 1, EPOCHS_MOST, &s->epochs);
    case BATCH: return parse_int("train", "batch", optarg, 1, 1 << 20, &s->batch);
    case LR: return parse_number("train", "lr", optarg, 1e-12, 1e6, &s->lr);
    case SEED: return parse_int("train", "seed", optarg, 0, INT64_MAX, &s->seed);
    case THREADS: return parse_int("train", "threads", optarg, 1, 1024, &s->threads);
    case MODEL: s->model = optarg; return true;
    case OUT: s->out = optarg; return true;
    case DATA: s->folder = optarg; return true;
    case LABEL: s->label = optarg; return true;
    case AUGMENT: s->augment = 1; return true;
    case NO_AUGMENT: s->augment = 0; return true;
    case RESUME: s->resume = true; return true;
    default: return false;
    }
}

int train_main(int argc, char **argv)
{
    training t = {.s = {.seed = -1, .augment = -1}};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == HELP)
            return fputs(usage, stdout), EXIT_FINE;
        if (!read_option(&t.s, c))
            return EXIT_ARGUMENTS;
    }
    if (argc - optind != 1)
        return fputs(usage, stderr), EXIT_ARGUMENTS;
    t.s.source = argv[optind];
    if (t.s.out && strlen(t.s.out) >= PATH_BYTES)
        return usage_error("train", "--out is too long");
    if (t.s.threads && cairn_set_threads((int)t.s.threads))
        return EXIT_FAILED;
    catch_signals();
    int status = begin(&t) ? run(&t) : EXIT_FAILED;
    end(&t);
    return status;
}
