/* clang's warp intrinsics include this file behind __match32_any_sync and its like: the overloads over them. */
#define CAIRN_MATCH(type, bits, word)                                                                 \
    static __device__ inline unsigned __match_any_sync(unsigned mask, type value)                     \
    {                                                                                                 \
        return __match##bits##_any_sync(mask, __builtin_bit_cast(word, value));                       \
    }                                                                                                 \
    static __device__ inline unsigned __match_all_sync(unsigned mask, type value, int *all)           \
    {                                                                                                 \
        return __match##bits##_all_sync(mask, __builtin_bit_cast(word, value), all);                  \
    }
CAIRN_MATCH(int, 32, unsigned) CAIRN_MATCH(unsigned, 32, unsigned) CAIRN_MATCH(float, 32, unsigned)
CAIRN_MATCH(long, 64, unsigned long long) CAIRN_MATCH(unsigned long, 64, unsigned long long)
CAIRN_MATCH(long long, 64, unsigned long long) CAIRN_MATCH(unsigned long long, 64, unsigned long long)
CAIRN_MATCH(double, 64, unsigned long long)
#undef CAIRN_MATCH
