/* redux and match: what lanes of a group have in common. */
#include "runtime/exec/helpers.h"
#include "runtime/ptx/ptx.h"

static uint32_t join(uint32_t op, bool as_signed, uint32_t a, uint32_t b)
{
    bool less = as_signed ? (int32_t)b < (int32_t)a : b < a;
    switch (op) {
    case MOD_add: return a + b;
    case MOD_min: return less ? b : a;
    case MOD_max: return less ? a : b;
    case MOD_and: return a & b;
    case MOD_or: return a | b;
    default: return a ^ b;
    }
}

void rt_redux(uint32_t mask, uint32_t op, uint32_t as_signed, const uint32_t *members, const uint32_t *x, uint32_t *out)
{
    FOR_EACH_LANE(mask, lane)
    {
        uint32_t group = members[lane] & mask, result = x[lane];
        for (uint32_t rest = group & ~(1u << lane); rest; rest &= rest - 1)
            result = join(op, as_signed, result, x[__builtin_ctz(rest)]);
        out[lane] = result;
    }
}

void rt_match(uint32_t mask, const uint32_t *members, const uint64_t *x, uint32_t *out)
{
    FOR_EACH_LANE(mask, lane)
    {
        out[lane] = 0;
        for (uint32_t rest = members[lane] & mask; rest; rest &= rest - 1)
            if (x[__builtin_ctz(rest)] == x[lane])
                out[lane] |= rest & -rest;
    }
}
