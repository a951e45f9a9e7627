/* Weights packed once. Two threads may meet at a weight: each packs, one's is kept. */
#include "framework/ops/packed.h"
#include <string.h>

static cairn_status pack(buffer *b, const uint8_t *key, const packer *self)
{
    const int64_t bytes = (int64_t)sizeof(packed_weight) + self->bytes;
    packed_weight *fresh = self->bytes > 0 ? buffer_alloc(bytes) : NULL;
    if (!fresh)
        return self->bytes > 0 ? CAIRN_E_MEMORY : cairn_error();
    fresh->bytes = bytes;
    memcpy(fresh->key, key, PACKED_KEY_BYTES);
    const cairn_status s = self->pack(self, fresh + 1);
    packed_weight *none = NULL;
    if (s || !atomic_compare_exchange_strong(&b->packed, &none, fresh))
        buffer_free(fresh, bytes);
    return s;
}

cairn_status packed_weight_of(buffer *b, const void *key, size_t key_bytes, const packer *self, const void **packed)
{
    uint8_t whole[PACKED_KEY_BYTES] = {0};
    *packed = NULL;
    if (!b || !b->wants_packed)
        return CAIRN_OK;
    memcpy(whole, key, key_bytes);
    if (!atomic_load_explicit(&b->packed, memory_order_acquire)) {
        const cairn_status s = pack(b, whole, self);
        if (s)
            return s;
    }
    const packed_weight *p = atomic_load_explicit(&b->packed, memory_order_acquire);
    if (!memcmp(p->key, whole, sizeof whole))
        *packed = p + 1;
    return CAIRN_OK;
}
