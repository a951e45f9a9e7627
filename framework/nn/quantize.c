/* Linear layers and attention's projections with weights of 8 or 4 bits: a layer changes in place, so that whoever holds it goes on. */
#include "framework/nn/module.h"
#include "framework/ops/quantized.h"
#include "framework/ops/lanes.h"

typedef struct quantized {
    cairn_quantized_weight d;
    cairn_tensor *weight, *bias;         /* the module's */
} quantized;

static cairn_tensor *quantized_forward(cairn_module *self, cairn_tensor *x)
{
    const quantized *q = self->state;
    return quantized_linear(x, &q->d, q->weight, q->bias);
}

static void describe(const cairn_module *self, FILE *file)
{
    const quantized *q = self->state;
    fprintf(file, "in_features=%lld, out_features=%lld, bias=%s, bits=%d, block=%lld", (long long)q->d.k, (long long)q->d.n,
            q->bias ? "true" : "false", q->d.type == CAIRN_BLOCK_INT8 ? 8 : 4, (long long)q->d.block);
}

/* The weight packed into a tensor of bytes, in the current scope. */
static cairn_tensor *packed_weight(cairn_tensor *weight, cairn_quantized_weight *d)
{
    void *bytes;
    const float *w = cairn_data(cairn_to(weight, CAIRN_F32));
    cairn_tensor *packed = w ? leaf_new(&CAIRN_SHAPE(cairn_quantized_weight_bytes(d)), CAIRN_U8, &bytes) : NULL;
    return packed && cairn_quantized_weight_pack(d, w, d->k, bytes) == CAIRN_OK ? packed : NULL;
}

/* The parameters of these names become buffers: the packed weight, and the bias as it is, which is returned. */
static cairn_tensor *become_buffers(cairn_module *m, const char *weight_name, const char *bias_name, cairn_tensor *packed)
{
    entry *weight = module_entry(m, weight_name), *bias = module_entry(m, bias_name);
    list_clear(&m->parameters);
    list_clear(&m->everything);
    cairn_drop(weight->tensor);
    weight->tensor = cairn_keep(packed);
    weight->kind = ENTRY_BUFFER;
    if (!bias)
        return NULL;
    bias->kind = ENTRY_BUFFER;
    cairn_requires_grad_(bias->tensor, false);
    return bias->tensor;
}

static void become(cairn_module *m, char *kind, quantized *q)
{
    q->bias = become_buffers(m, "weight", "bias", q->weight);
    mem_free(m->kind);
    mem_free(m->state);
    m->kind = kind;
    m->state = q;
    m->forward = quantized_forward;
    m->describe = describe;
}

static cairn_status failed(void) { return cairn_error() ? cairn_error() : CAIRN_E_MEMORY; }

static cairn_status quantize_layer(cairn_module *m, cairn_block_type type, int64_t block)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *weight = cairn_parameter(m, "weight");
    quantized *q = mem_new(sizeof *q);
    char *kind = mem_copy_string("QuantizedLinear");
    bool whole = q && kind && weight;
    if (whole) {
        q->d = (cairn_quantized_weight){type, cairn_size(weight, 0), cairn_size(weight, 1), block};
        whole = (q->weight = packed_weight(weight, &q->d)) != NULL;
    }
    if (whole) {
        become(m, kind, q);
    } else {
        mem_free(q);
        mem_free(kind);
    }
    cairn_scope_pop(mark, NULL);
    return whole ? CAIRN_OK : failed();
}

/* The projection of q, k and v, where each begins with a panel of the packed weight: 16 rows. */
static bool has_projection(const cairn_module *m)
{
    const entry *weight = module_is_attention(m) ? module_entry(m, "in_proj_weight") : NULL;
    return weight && weight->kind == ENTRY_PARAMETER && cairn_size(weight->tensor, 1) % 16 == 0;
}

static cairn_status quantize_projection(cairn_module *m, cairn_block_type type, int64_t block)
{
    cairn_mark mark = cairn_scope_push();
    cairn_tensor *weight = cairn_parameter(m, "in_proj_weight");
    cairn_quantized_weight d = {type, cairn_size(weight, 0), cairn_size(weight, 1), block};
    cairn_tensor *packed = packed_weight(weight, &d);
    if (packed) {
        become_buffers(m, "in_proj_weight", "in_proj_bias", packed);
        attention_take_packed(m, &d, packed);
    }
    cairn_scope_pop(mark, NULL);
    return packed ? CAIRN_OK : failed();
}

/* The number of layers that changed; -1 with the error set. */
static int quantize_all(cairn_module *m, cairn_block_type type, int64_t block)
{
    if (module_is_linear(m))
        return quantize_layer(m, type, block) == CAIRN_OK ? 1 : -1;
    int count = 0;
    if (has_projection(m) && (quantize_projection(m, type, block) || !++count))
        return -1;
    for (int i = 0; i < m->count; i++) {
        int more = m->entries[i].kind == ENTRY_CHILD ? quantize_all(m->entries[i].child, type, block) : 0;
        if (more < 0)
            return -1;
        count += more;
    }
    return count;
}

int cairn_quantize_linear(cairn_module *m, const cairn_quantize_options *options)
{
    cairn_quantize_options o = options ? *options : (cairn_quantize_options){0};
    o.bits = o.bits ? o.bits : 8;
    o.block = o.block ? o.block : 32;
    if (!m || (o.bits != 8 && o.bits != 4) || o.block < 0 || o.block % 32) {
        if (!cairn_error())
            error_set(CAIRN_E_ARGUMENT, "quantize_linear: %s, %d bits (8 or 4), blocks of %lld (a multiple of 32)", m ? m->kind : "NULL", o.bits,
                      (long long)o.block);
        return -1;
    }
    return quantize_all(m, o.bits == 8 ? CAIRN_BLOCK_INT8 : CAIRN_BLOCK_INT4, o.block);
}
