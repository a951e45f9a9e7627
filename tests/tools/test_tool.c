/* The tool `cairn`, driven as a person does: what it says, what it leaves, how it ends. */
#include "framework/files.h"
#include <signal.h>
#include <sys/wait.h>
#include <cairn/cairn.h>

static char output[1 << 16];

/* Runs `cairn ARGUMENTS`, keeps what it says on both streams, gives its exit status. */
static int cairn_run(const char *arguments)
{
    char command[2048];
    snprintf(command, sizeof command, "cd '%s' && CAIRN_DATA='%s/data' '%s/cairn' %s 2>&1", test_folder, getenv("PWD_AT_START"),
             CAIRN_BUILD_DIR, arguments);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    size_t n = fread(output, 1, sizeof output - 1, p);
    output[n] = 0;
    int status = pclose(p);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void check_run(int line, const char *arguments, int status, const char *words)
{
    int got = cairn_run(arguments);
    if (got != status || !strstr(output, words))
        fail_msg("line %d: cairn %s: status %d, expected %d and '%s':\n%s", line, arguments, got, status, words, output);
}
#define runs(arguments, words) check_run(__LINE__, arguments, 0, words)
#define fails(arguments, status, words) check_run(__LINE__, arguments, status, words)

static void commands_and_arguments_are_checked(void **state)
{
    (void)state;
    fails("", 2, "usage: cairn COMMAND");
    runs("--help", "train");
    runs("--version", "cairn ");
    fails("tarin", 2, "there is no command 'tarin'");
    runs("train --help", "--resume");
    fails("train", 2, "usage: cairn train");
    fails("train digits --epochs none", 2, "--epochs takes a whole number from 1 to");
    fails("train digits --batch 0", 2, "--batch takes");
    fails("train digits --lr -1", 2, "--lr takes a number");
    fails("train digits --frobnicate", 2, "frobnicate");
    fails("predict", 2, "usage: cairn predict");
    fails("bench", 2, "usage: cairn bench");
}

static void ptx_is_explained(void **state)
{
    (void)state;
    static const char kernel[] = ".version 8.0\n.target sm_80\n.address_size 64\n"
                                 ".visible .entry twice(.param .u64 p)\n{\n.reg .b64 %rd<4>;\n.reg .b32 %r<4>;\n"
                                 "ld.param.u64 %rd1, [p];\nmov.u32 %r1, %tid.x;\nmul.wide.u32 %rd2, %r1, 4;\nadd.s64 %rd3, %rd1, %rd2;\n"
                                 "ld.global.u32 %r2, [%rd3];\nadd.u32 %r3, %r2, %r2;\nst.global.u32 [%rd3], %r3;\nret;\n}\n";
    fails("ptx", 2, "usage: cairn ptx FILE");
    fails("ptx a.ptx --block 0", 2, "--block takes up to three numbers");
    fails("ptx a.ptx --block 64,64", 2, "--block takes up to three numbers");
    fails("ptx a.ptx b.ptx", 2, "what is 'b.ptx'?");
    runs("ptx --help", "--block");
    if (access(CAIRN_BUILD_DIR "/runtime/libcairn-cuda.so", R_OK)) {
        fails("ptx none.ptx", 1, "needs LLVM 19");
        return;
    }
    fails("ptx none.ptx", 1, "cairn ptx: none.ptx: No such file or directory");
    text_file("twice.ptx", kernel);
    runs("ptx twice.ptx", "twice");
    runs("ptx twice.ptx --block 16,16", "twice");
    runs("ptx - <twice.ptx", "twice");
    file_of("cut.ptx", kernel, strlen(kernel) / 2);
    fails("ptx cut.ptx", 1, "cut.ptx:");
}

#if defined(HAVE_ZLIB) && defined(HAVE_CJSON)      /* without them nothing can be trained */
/* Of what a person did wrong, one sentence is said: one line. */
static void check_one_sentence(int line, const char *arguments, const char *words)
{
    check_run(line, arguments, 1, words);
    size_t lines = 0;
    for (const char *p = output; *p; p++)
        lines += *p == '\n' && strncmp(p + 1, "digits:", 7);
    if (lines > 2)
        fail_msg("line %d: cairn %s says more than a sentence:\n%s", line, arguments, output);
}
#define one_sentence(arguments, words) check_one_sentence(__LINE__, arguments, words)

static void bad_data_gets_one_sentence(void **state)
{
    (void)state;
    one_sentence("train nothing", "nothing: is neither fashion-mnist, digits, a folder nor a .csv file");
    text_file("empty.csv", "");
    one_sentence("train empty.csv", "empty.csv: is empty");
    text_file("bad.csv", "a,b\n1,x\nred,y\n");
    one_sentence("train bad.csv", "bad.csv:3: column 'a': 'red' is not a number");
    text_file("one.csv", "a,b\n1,x\n2,x\n3,x\n4,x\n5,x\n");
    one_sentence("train one.csv", "fewer than two classes");
    mkdir(file_at("hollow"), 0777);
    one_sentence("train hollow", "has no folders of images");
    one_sentence("train fashion-mnist --data hollow", "No such file or directory");
    one_sentence("train digits --model vgg", "there is no model 'vgg' (there are mlp, cnn, resnet)");
}

static void damaged_files_get_one_sentence(void **state)
{
    (void)state;
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4}, labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 10};
    mkdir(file_at("idx"), 0777);
    file_of("idx/train-images-idx3-ubyte", images, sizeof images);
    file_of("idx/train-labels-idx1-ubyte", labels, sizeof labels);
    one_sentence("train idx", "label 10 of sample 1 is not in 0 ... 9");
    file_of("idx/train-labels-idx1-ubyte", labels, sizeof labels - 1);
    one_sentence("train idx", "needs 2 bytes after the header, the file has 1");
    file_of("idx/train-images-idx3-ubyte", images, sizeof images - 2);
    one_sentence("train idx", "train-images-idx3-ubyte");
    one_sentence("eval nothing", "nothing: No such file");
    text_file("junk.safetensors", "junk that is longer than eight bytes");
    one_sentence("eval junk.safetensors", "junk.safetensors: is not a safetensors file");
    one_sentence("predict junk.safetensors 0", "is not a safetensors file");
}

static void places_that_cannot_be_written_get_one_sentence(void **state)
{
    (void)state;
    text_file("file", "");
    one_sentence("train digits --out file/deep", "the folder file/deep cannot be made: Not a directory");
    one_sentence("train digits --out /proc/no", "/proc/no");
    mkdir(file_at("full"), 0777);
    assert_int_equal(symlink("/dev/full", file_at("full/checkpoint.safetensors")), 0);
    one_sentence("train digits --out full", "full/checkpoint.safetensors: No space left on device");
    one_sentence("train digits --out none --resume", "none/checkpoint.safetensors: No such file or directory");
}

static void a_loss_that_is_not_a_number_stops_the_training(void **state)
{
    (void)state;
    fails("train digits --model mlp --lr 1e6 --epochs 20 --out wild", 1, "try a smaller --lr than 1e+06");
}

static void a_trained_network_can_be_tested_and_used(void **state)
{
    (void)state;
    runs("train digits --model mlp --epochs 3 --out one", "next:  cairn predict one 0 1 2");
    assert_non_null(strstr(output, "is \\ said"));
    assert_int_equal(access(file_at("one/model.safetensors"), R_OK), 0);
    assert_int_equal(access(file_at("one/curve.png"), R_OK), 0);
    size_t size;
    uint8_t *card = bytes_of(file_at("one/README.md"), &size);
    assert_memory_equal(card, "# mlp on digits", 15);
    free(card);
    runs("eval one", "of 360 right");
    runs("eval one/model.safetensors digits", "of 360 right");
    runs("predict one 0 7 one/curve.png", "curve.png: ");
    fails("predict one 360", 1, "sample 360 of 360");
    fails("predict one nothing.png", 1, "nothing.png: No such file");
    text_file("t.csv", "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n7,x\n8,y\n9,x\n10,y\n");
    runs("train t.csv --epochs 2 --out table", "test accuracy");
    runs("predict table 0", "0: ");
    fails("eval one t.csv", 1, "the model is for 10 classes");
    fails("eval table digits", 1, "the model is for 2 classes");
}

#ifdef HAVE_PNG
/* 12 images of 8 x 8 in each of two classes: bright above, bright below. */
static void make_images(void)
{
    mkdir(file_at("flags"), 0777);
    for (int c = 0; c < 2; c++) {
        char name[64];
        snprintf(name, sizeof name, "flags/%s", c ? "up" : "down");
        mkdir(file_at(name), 0777);
        for (int i = 0; i < 12; i++) {
            uint8_t pixels[3 * 64];
            for (int k = 0; k < 192; k++)
                pixels[k] = (uint8_t)((k % 64 < 32) == c ? 200 + i : i * 3);
            snprintf(name, sizeof name, "flags/%s/%d.png", c ? "up" : "down", i);
            cairn_mark m = cairn_scope_push();
            assert_int_equal(cairn_save_png(file_at(name), cairn_from(pixels, CAIRN_SHAPE(3, 8, 8), CAIRN_U8)), CAIRN_OK);
            cairn_scope_pop(m, NULL);
        }
    }
}

static void a_folder_of_images_is_learned(void **state)
{
    (void)state;
    make_images();
    runs("train flags --model resnet --epochs 4 --batch 4 --out learned", "resnet of ");
    runs("predict learned flags/up/3.png flags/down/11.png", "flags/down/11.png: ");
    runs("eval learned flags", "of 5 right");
    text_file("flags/up/x.png", "no image");
    fails("train flags --epochs 1 --out broken", 1, "x.png: is neither PNG nor JPEG");
}
#endif

/* Interrupted as by Ctrl-C after a moment; whether it was in time. */
static bool interrupt(const char *arguments, unsigned milliseconds)
{
    char command[2048];
    snprintf(command, sizeof command, "--version; cd '%s'; CAIRN_DATA='%s/data' timeout -s INT 0.%03u '%s/cairn' %s", test_folder,
             getenv("PWD_AT_START"), milliseconds, CAIRN_BUILD_DIR, arguments);
    return cairn_run(command) == 124;
}

static void an_interrupted_training_goes_on_with_the_same_bits(void **state)
{
    (void)state;
    runs("train digits --model mlp --epochs 4 --out whole", "test accuracy");
    for (unsigned ms = 30; ms < 900; ms += 90) {
        bool begun = access(file_at("parts/checkpoint.safetensors"), R_OK) == 0;
        if (!interrupt(begun ? "train digits --out parts --resume" : "train digits --model mlp --epochs 4 --out parts", ms) && begun)
            break;
    }
    runs("train digits --out parts --resume", "test accuracy");
    fails("train digits --out parts --resume --batch 32", 1, "--resume: the training began with --batch 64");
    fails("train digits --out parts --resume --model cnn", 1, "--resume: the training began with --model mlp");
    size_t a_size, b_size;
    uint8_t *a = bytes_of(file_at("whole/model.safetensors"), &a_size), *b = bytes_of(file_at("parts/model.safetensors"), &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a), free(b);
}
#endif

int main(void)
{
    char here[512];
    if (!getcwd(here, sizeof here) || setenv("PWD_AT_START", here, 1))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_and_arguments_are_checked),
        cmocka_unit_test(ptx_is_explained),
#if defined(HAVE_ZLIB) && defined(HAVE_CJSON)
        cmocka_unit_test(bad_data_gets_one_sentence),
        cmocka_unit_test(damaged_files_get_one_sentence),
        cmocka_unit_test(places_that_cannot_be_written_get_one_sentence),
        cmocka_unit_test(a_loss_that_is_not_a_number_stops_the_training),
        cmocka_unit_test(a_trained_network_can_be_tested_and_used),
#ifdef HAVE_PNG
        cmocka_unit_test(a_folder_of_images_is_learned),
#endif
        cmocka_unit_test(an_interrupted_training_goes_on_with_the_same_bits),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
