/* Weights there and back, and a training that is killed again and again. */
#include "files.h"
#include <signal.h>
#include <sys/wait.h>
#include <cairn/cairn.h>
#include "framework/io/file.h"

#ifdef HAVE_CJSON
static cairn_module *small_net(int64_t hidden)
{
    return cairn_sequential(cairn_flatten_layer(1), cairn_linear(16, hidden, NULL), cairn_batch_norm1d(hidden, NULL),
                            cairn_activation(CAIRN_RELU), cairn_dropout(0.2), cairn_linear(hidden, 4, NULL), NULL);
}

/* ---- Modules */

static void weights_come_back_as_they_were(void **state)
{
    (void)state;
    cairn_seed(1);
    cairn_module *a = small_net(8), *b = small_net(8);
    assert_int_equal(cairn_save(a, file_at("net")), CAIRN_OK);
    assert_int_equal(cairn_load(b, file_at("net")), CAIRN_OK);
    cairn_tensor_list x = cairn_state_dict(a), y = cairn_state_dict(b);
    assert_true(x.count > 5 && x.count == y.count);
    for (int i = 0; i < x.count; i++)
        assert_memory_equal(cairn_data(x.tensors[i]), cairn_data(y.tensors[i]),
                            (size_t)(cairn_numel(x.tensors[i]) * cairn_dtype_bytes(cairn_dtype_of(x.tensors[i]))));
    cairn_module_free(a);
    cairn_module_free(b);
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    cairn_module *a = small_net(8), *wider = small_net(9);
    cairn_module *shorter = cairn_sequential(cairn_linear(16, 8, NULL), NULL);
    assert_int_equal(cairn_save(a, file_at("net")), CAIRN_OK);
    assert_int_equal(cairn_load(wider, file_at("net")), CAIRN_E_SHAPE);
    assert_error(CAIRN_E_SHAPE, "'1.weight' is [8, 16], the module's is [9, 16]");
    assert_int_equal(cairn_load(shorter, file_at("net")), CAIRN_E_ARGUMENT);
    assert_error(CAIRN_E_ARGUMENT, "lacks '0.weight' and 1 more, and has '1.bias' and 8 more that the module has not");
    assert_int_equal(cairn_load(a, file_at("nothing")), CAIRN_E_IO);
    assert_error(CAIRN_E_IO, "nothing: No such file");
    assert_true(cairn_load(NULL, file_at("net")) != CAIRN_OK);
    cairn_error_clear();
    assert_int_equal(cairn_save(a, "/dev/full"), CAIRN_E_IO);
    assert_error(CAIRN_E_IO, "No space left on device");
    assert_int_equal(cairn_load_checkpoint(&(cairn_training){a}, file_at("net")), CAIRN_E_FORMAT);
    assert_error(CAIRN_E_FORMAT, "is not a checkpoint");
    cairn_module_free(a);
    cairn_module_free(wider);
    cairn_module_free(shorter);
}

/* ---- Killed trainings */

enum { SAMPLES = 60, EPOCHS = 3, KILLS = 8 };

static cairn_dataset *samples(void)
{
    uint8_t x[SAMPLES * 16];
    int64_t y[SAMPLES];
    for (int i = 0; i < SAMPLES * 16; i++)
        x[i] = (uint8_t)(i * 37 % 251);
    for (int i = 0; i < SAMPLES; i++)
        y[i] = i % 4;
    return cairn_tensor_dataset(cairn_from(x, CAIRN_SHAPE(SAMPLES, 1, 4, 4), CAIRN_U8), cairn_from(y, CAIRN_SHAPE(SAMPLES), CAIRN_I64));
}

/* Trains from the checkpoint, if there is one, to the end, with a checkpoint after each step; writes the weights. */
static int train(const char *checkpoint, const char *weights)
{
    cairn_set_on_error(CAIRN_ON_ERROR_PRINT);
    cairn_seed(7);
    cairn_training t = {.module = small_net(8)};
    t.optimizer = cairn_adam(cairn_parameters(t.module), &(cairn_adam_options){.lr = 0.01});
    t.scheduler = cairn_cosine_lr(t.optimizer, 30, 0);
    t.loader = cairn_loader_new(samples(), &(cairn_loader_options){.batch = 7, .shuffle = true, .seed = 3, .augment = {1, true}, .workers = 1});
    if (file_exists(checkpoint) && cairn_load_checkpoint(&t, checkpoint))
        return 1;
    while (t.epoch < EPOCHS) {
        cairn_batch b;
        if (cairn_loader_next(t.loader, &b)) {
            cairn_mark m = cairn_scope_push();
            cairn_backward(cairn_cross_entropy(cairn_call(t.module, b.x), b.y));
            cairn_step(t.optimizer);
            cairn_scheduler_step(t.scheduler);
            cairn_scope_pop(m, NULL);
            t.step++;
        } else {
            t.epoch++;
        }
        if (cairn_error() || cairn_save_checkpoint(&t, checkpoint))
            return 1;
    }
    cairn_status status = cairn_save(t.module, weights);
    cairn_loader_free(t.loader);
    cairn_scheduler_free(t.scheduler);
    cairn_optimizer_free(t.optimizer);
    cairn_module_free(t.module);
    return status != CAIRN_OK;
}

/* In a process of its own, which is killed after `microseconds` unless that is 0. Whether it came to its end. */
static bool train_apart(const char *checkpoint, const char *weights, unsigned microseconds)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child)
        _exit(train(checkpoint, weights));
    if (microseconds) {
        usleep(microseconds);
        kill(child, SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return !WIFSIGNALED(status);
}

static void a_killed_training_ends_with_the_same_bits(void **state)
{
    (void)state;
    char undisturbed[256], killed[256], checkpoint[256];
    snprintf(undisturbed, sizeof undisturbed, "%s", file_at("undisturbed"));
    snprintf(killed, sizeof killed, "%s", file_at("killed"));
    snprintf(checkpoint, sizeof checkpoint, "%s", file_at("checkpoint"));
    assert_true(train_apart(file_at("other"), undisturbed, 0));
    bool done = false;
    unsigned random = 12345;
    for (int i = 0; i < KILLS && !done; i++) {
        random = random * 1103515245 + 12345;
        done = train_apart(checkpoint, killed, 3000 + (random >> 8) % 60000);
    }
    if (!done)
        assert_true(train_apart(checkpoint, killed, 0));
    size_t a_size, b_size;
    uint8_t *a = bytes_of(undisturbed, &a_size), *b = bytes_of(killed, &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    free(a), free(b);
}
#else
static void without_cjson_the_package_is_named(void **state)
{
    (void)state;
    cairn_module *a = cairn_identity();
    assert_int_equal(cairn_save(a, file_at("x")), CAIRN_E_MISSING);
    assert_error(CAIRN_E_MISSING, "libcjson-dev");
    cairn_module_free(a);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifdef HAVE_CJSON
        cmocka_unit_test(a_killed_training_ends_with_the_same_bits),   /* first: it forks, before there are threads */
        cmocka_unit_test(weights_come_back_as_they_were),
        cmocka_unit_test(what_does_not_fit_is_named),
#else
        cmocka_unit_test(without_cjson_the_package_is_named),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
