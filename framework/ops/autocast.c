#include "framework/ops/autocast.h"
#include <cairn/ops.h>

static bool is_half(cairn_dtype type) { return type == CAIRN_F16 || type == CAIRN_BF16; }

cairn_dtype cairn_autocast(cairn_dtype type)
{
    thread_state *t = thread();
    const cairn_dtype was = t->autocast ? (cairn_dtype)t->autocast : CAIRN_F32;
    if (type != CAIRN_F32 && !is_half(type))
        error_set(CAIRN_E_TYPE, "autocast: to %s; bf16, f16, or f32 for none", cairn_dtype_name(type));
    else
        t->autocast = is_half(type) ? (int)type : 0;
    return was;
}

bool autocast_lowers(cairn_tensor *x) { return x && thread()->autocast && cairn_dtype_of(x) == CAIRN_F32; }
bool autocast_raises(cairn_tensor *x) { return x && thread()->autocast && is_half(cairn_dtype_of(x)); }
cairn_tensor *autocast_low(cairn_tensor *x) { return autocast_lowers(x) ? cairn_to(x, (cairn_dtype)thread()->autocast) : x; }
cairn_tensor *autocast_wide(cairn_tensor *x) { return autocast_raises(x) ? cairn_to(x, CAIRN_F32) : x; }
