/* The names by which kernel templates (gemm_tile.h ...) know f32. May be included again after real_f64.h. */
#undef NAME
#undef REAL
#undef VEC
#undef LANES
#undef V_LOAD
#undef V_STORE
#undef V_LOAD_N
#undef V_STORE_N
#undef V_SET
#undef V_FMA
#undef V_MAX
#define NAME(x) x##_f32
#define REAL float
#define VEC VF
#define LANES LANES_F32
#define V_LOAD vf_load
#define V_STORE vf_store
#define V_LOAD_N vf_load_n
#define V_STORE_N vf_store_n
#define V_SET vf_set
#define V_FMA vf_fma
#define V_MAX vf_max
