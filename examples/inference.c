/* Inference in 30 lines: weights from a file, an image, the answer.
 *
 *     inference WEIGHTS.safetensors IMAGE.png
 *
 * Otherwise: fresh weights and a digit of the test set, to see that it runs. */
#include <cairn/cairn.h>
#include <string.h>

int main(int argc, char **argv)
{
    cairn_module *net = cairn_sequential(
        cairn_conv2d(1, 16, 3, &(cairn_conv_options){.padding = {1, 1}}), cairn_activation(CAIRN_RELU),
        cairn_max_pool2d(2, NULL), cairn_flatten_layer(1), cairn_linear(16 * 4 * 4, 10, NULL), NULL);
    cairn_set_training(net, false);
    cairn_no_grad_begin();
    cairn_tensor *image;
    if (argc == 3 && strcmp(argv[1], "--steps")) {
        cairn_load(net, argv[1]);
        image = cairn_load_image(argv[2], 1);                        /* u8 (1, height, width) */
    } else {
        unsigned char pixels[64];
        int64_t label;
        cairn_dataset *digits = cairn_digits("test", NULL);
        cairn_dataset_get(digits, 0, pixels, &label);
        cairn_dataset_free(digits);
        image = cairn_from(pixels, CAIRN_SHAPE(1, 8, 8), CAIRN_U8);
    }
    image = cairn_div(cairn_to(image, CAIRN_F32), cairn_number(255));
    cairn_tensor *chances = cairn_softmax(cairn_call(net, cairn_unsqueeze(image, 0)), 1);
    cairn_print(chances);
    printf("digit %d\n", (int)cairn_item_i64(cairn_argmax(chances, 1, false)));
    cairn_no_grad_end();
    cairn_module_free(net);
    return cairn_error() ? 1 : 0;
}
