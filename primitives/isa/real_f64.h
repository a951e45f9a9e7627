/* The names by which kernel templates (gemm_tile.h ...) know f64. May be included again after real_f32.h. */
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
#define NAME(x) x##_f64
#define REAL double
#define VEC VD
#define LANES LANES_F64
#define V_LOAD vd_load
#define V_STORE vd_store
#define V_LOAD_N vd_load_n
#define V_STORE_N vd_store_n
#define V_SET vd_set
#define V_FMA vd_fma
#define V_MAX vd_max
