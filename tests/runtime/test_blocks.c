/* What lanes, warps and blocks do together, in PTX: one block of threads, one word of output for each. */
#define _GNU_SOURCE
#include "base/error.h"
#include <cuda/cuda.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { THREADS = 96, WORDS = 4 * THREADS };

static uint32_t input[WORDS], output[WORDS];

static unsigned shape[3] = {THREADS, 1, 1}, blocks = 1;
static bool together;

/* The body finds its thread in %t, the input in %in, its own input in %x, and leaves a word in %d. */
static CUresult run(const char *declarations, const char *body)
{
    static const char pattern[] =
        ".version 7.8\n.target sm_80\n.address_size 64\n%s\n"
        ".visible .entry k(.param .u64 pin, .param .u64 pout)\n{\n"
        ".reg .pred %%p<8>;\n.reg .b32 %%t, %%x, %%d, %%r<16>;\n.reg .b64 %%in, %%out, %%o, %%s<16>;\n.reg .f32 %%f<8>;\n"
        "mov.u32 %%t, %%tid.x; mov.u32 %%r14, %%tid.y; mov.u32 %%r15, %%ntid.x; mad.lo.u32 %%t, %%r14, %%r15, %%t; ld.param.u64 %%in, [pin]; ld.param.u64 %%out, [pout]; mul.wide.u32 %%o, %%t, 4;\n"
        "add.u64 %%out, %%out, %%o; add.u64 %%s0, %%in, %%o; ld.global.u32 %%x, [%%s0]; mov.u32 %%d, 0;\n"
        "%s\nst.global.u32 [%%out], %%d; ret;\n}\n";
    char *text;
    CUmodule m = NULL;
    CUfunction f;
    assert_true(asprintf(&text, pattern, declarations, body) > 0);
    CUresult result = cuModuleLoadData(&m, text);
    free(text);
    if (result)
        return result;
    CUdeviceptr in = (CUdeviceptr)input, out = (CUdeviceptr)output;
    void *params[] = {&in, &out};
    memset(output, 0xcc, sizeof output);
    assert_int_equal(cuModuleGetFunction(&f, m, "k"), CUDA_SUCCESS);
    result = together ? cuLaunchCooperativeKernel(f, blocks, 1, 1, shape[0], shape[1], shape[2], 0, NULL, params)
                      : cuLaunchKernel(f, blocks, 1, 1, shape[0], shape[1], shape[2], 0, NULL, params, NULL);
    if (!result)
        result = cuCtxSynchronize();
    cuModuleUnload(m);
    return result;
}

#define EXPECT(declarations, body, expression)                                                        \
    do {                                                                                              \
        assert_int_equal(run(declarations, body), CUDA_SUCCESS);                                      \
        for (uint32_t t = 0; t < THREADS; t++) {                                                      \
            uint32_t x = input[t], w = t / 32 * 32, want_ = (expression);                             \
            (void)x;                                                                                  \
            (void)w;                                                                                  \
            if (output[t] != want_)                                                                   \
                fail_msg("%s: thread %u has %#x, not %#x", body, t, output[t], want_);                \
        }                                                                                             \
    } while (0)

static uint32_t count(uint32_t first, uint32_t n, uint32_t bit)
{
    uint32_t sum = 0;
    for (uint32_t i = first; i < first + n; i++)
        sum += input[i] >> bit & 1;
    return sum;
}

/* Lanes of x's warp within `members` that hold x's low two bits. */
static uint32_t same_lanes(uint32_t t, uint32_t members)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < 32; i++)
        if (members >> i & 1 && ((input[t / 32 * 32 + i] ^ input[t]) & 3) == 0)
            mask |= 1u << i;
    return mask;
}

static uint32_t least(uint32_t first, uint32_t n)
{
    uint32_t x = ~0u;
    for (uint32_t i = first; i < first + n; i++)
        x = input[i] < x ? input[i] : x;
    return x;
}

static void redux_joins_the_members(void **state)
{
    (void)state;
    EXPECT("", "redux.sync.min.u32 %d, %x, 0xffffffff;", least(w, 32));
    EXPECT("", "and.b32 %r0, %x, 1; redux.sync.add.s32 %d, %r0, -1;", count(w, 32, 0));
    EXPECT("", "and.b32 %r1, %t, 16; shl.b32 %r2, 0xffff, %r1; redux.sync.min.u32 %d, %x, %r2;", least(t / 16 * 16, 16));
    EXPECT("", "sub.u32 %r0, %t, 32; setp.lt.u32 %p0, %r0, 8; @!%p0 bra NEXT; redux.sync.min.u32 %d, %x, 0xff; NEXT:\n",
           t >= 32 && t < 40 ? least(32, 8) : 0);
}

static void match_finds_equal_values(void **state)
{
    (void)state;
    EXPECT("", "and.b32 %r0, %x, 3; match.any.sync.b32 %d, %r0, 0xffffffff;", same_lanes(t, ~0u));
    EXPECT("", "and.b32 %r1, %t, 16; shl.b32 %r2, 0xffff, %r1; and.b32 %r0, %x, 3; match.any.sync.b32 %d, %r0, %r2;",
           same_lanes(t, 0xffffu << (t & 16)));
    EXPECT("", "mov.u32 %r0, 7; match.all.sync.b32 %d|%p0, %r0, -1; @!%p0 mov.u32 %d, 1;", ~0u);
    EXPECT("", "mov.u64 %s1, %clock64; cvt.u64.u32 %s1, %t; match.all.sync.b64 %d|%p0, %s1, -1; @!%p0 mov.u32 %d, 1;", 1);
}

static void barriers_count_predicates(void **state)
{
    (void)state;
    const char *odd = "and.b32 %r0, %x, 1; setp.ne.u32 %p0, %r0, 0;";
    char text[300];
    snprintf(text, sizeof text, "%s bar.red.popc.u32 %%d, 0, %%p0;", odd);
    EXPECT("", text, count(0, THREADS, 0));
    snprintf(text, sizeof text, "%s barrier.red.popc.aligned.u32 %%r1, 0, %%p0; bar.red.popc.u32 %%r2, 0, !%%p0; sub.u32 %%d, %%r1, %%r2;", odd);
    EXPECT("", text, 2 * count(0, THREADS, 0) - THREADS);
    EXPECT("", "setp.lt.u32 %p0, %t, 95; bar.red.and.pred %p1, 0, %p0; bar.red.or.pred %p2, 0, %p0; selp.u32 %r0, 1, 0, %p1;\n"
               "selp.u32 %r1, 2, 0, %p2; or.b32 %d, %r0, %r1;", 2);
    /* Warps 0 and 1 only. */
    snprintf(text, sizeof text, "setp.ge.u32 %%p1, %%t, 64; @%%p1 bra NEXT; %s bar.red.popc.u32 %%d, 3, 64, %%p0; NEXT:", odd);
    EXPECT("", text, t < 64 ? count(0, 64, 0) : 0);
}

/* Warp 2 produces, the others consume; it does not wait for them. */
static void arriving_does_not_wait(void **state)
{
    (void)state;
    EXPECT(".shared .u32 box;",
           "setp.lt.u32 %p0, %t, 64; @%p0 bra CONSUME; mov.u32 %r0, 77; st.shared.u32 [box], %r0; bar.arrive 1, 96; bra NEXT;\n"
           "CONSUME: bar.sync 1, 96; ld.shared.u32 %d, [box]; NEXT:", t < 64 ? 77 : 0);
}

static void barriers_in_shared_memory_have_phases(void **state)
{
    (void)state;
    EXPECT(".shared .align 8 .b64 barrier; .shared .u32 sum;",
           "mov.u64 %s2, barrier; setp.ne.u32 %p0, %t, 0; @%p0 bra READY; mbarrier.init.shared.b64 [%s2], 96; mov.u32 %r0, 0;\n"
           "st.shared.u32 [sum], %r0; READY: bar.sync 0; atom.shared.add.u32 %r1, [sum], 1;\n"
           "mbarrier.arrive.shared.b64 %s1, [%s2];\nWAIT: mbarrier.test_wait.shared.b64 %p1, [%s2], %s1; @!%p1 bra WAIT;\n"
           "ld.shared.u32 %d, [sum]; mov.u32 %r3, 0; mbarrier.arrive.shared.b64 %s1, [%s2];\n"
           "AGAIN: mbarrier.test_wait.parity.shared.b64 %p1, [%s2], 1; @!%p1 bra AGAIN;", THREADS);
}

static void asynchronous_copies_fill_with_zeros(void **state)
{
    (void)state;
    const char *memory = ".shared .align 16 .b8 tile[2048];";
    EXPECT(memory, "mov.u64 %s2, tile; add.u64 %s3, %s2, %o; cp.async.ca.shared.global [%s3], [%s0], 4; cp.async.commit_group;\n"
                   "cp.async.wait_group 0; bar.sync 0; xor.b32 %r0, %t, 1; mul.wide.u32 %s4, %r0, 4; add.u64 %s5, %s2, %s4;\n"
                   "ld.shared.u32 %d, [%s5];", input[t ^ 1]);
    /* 16 bytes for each thread, of which 7 are read. */
    EXPECT(memory, "mov.u64 %s2, tile; shl.b64 %s3, %o, 2; add.u64 %s4, %s2, %s3; add.u64 %s5, %in, %s3; mov.u32 %r0, 7;\n"
                   "cp.async.cg.shared.global [%s4], [%s5], 16, %r0; cp.async.wait_all; bar.sync 0; ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%s4];\n"
                   "add.u32 %d, %r1, %r2; add.u32 %d, %d, %r3; add.u32 %d, %d, %r4;", input[4 * t] + (input[4 * t + 1] & 0xffffff));
}

static void halves_are_added_atomically(void **state)
{
    (void)state;
    EXPECT(".shared .u32 sum;", "mov.u32 %r0, 0; st.shared.u32 [sum], %r0; bar.sync 0; mov.u32 %r1, 0x3c004000;\n"
                                "atom.shared.add.noftz.f16x2 %r2, [sum], %r1; bar.sync 0; ld.shared.u32 %d, [sum];", 0x56005a00);
}

/* Rows that are whole warps, parts of warps, and neither. */
static const unsigned shapes[][2] = {{96, 1}, {32, 3}, {16, 6}, {8, 12}, {48, 2}, {24, 4}, {12, 8}, {4, 24}};

static void set_shape(unsigned x, unsigned y)
{
    shape[0] = x;
    shape[1] = y;
}

static void rows_shorter_than_a_warp_load_what_their_threads_ask_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        unsigned n = shapes[i][0];
        set_shape(n, shapes[i][1]);
        /* Strides of one, two and three, backwards, one for each row, and a row's own base. */
        EXPECT("", "mov.u32 %r0, %tid.x; mul.wide.u32 %s1, %r0, 8; add.s64 %s2, %in, %s1; ld.global.u32 %d, [%s2+4];", input[2 * (t % n) + 1]);
        EXPECT("", "mul.lo.u32 %r0, %t, 3; mul.wide.s32 %s1, %r0, 4; add.s64 %s2, %in, %s1; ld.global.u32 %d, [%s2];", input[3 * t]);
        EXPECT("", "sub.u32 %r0, 95, %t; mul.wide.s32 %s1, %r0, 4; add.s64 %s2, %in, %s1; ld.global.u32 %d, [%s2];", input[95 - t]);
        EXPECT("", "mov.u32 %r0, %tid.y; mul.wide.u32 %s1, %r0, 4; add.s64 %s2, %in, %s1; ld.global.u32 %d, [%s2]; add.u32 %d, %d, %x;",
               input[t / n] + x);
        EXPECT("", "mov.u32 %r0, %tid.y; mov.u32 %r1, %tid.x; setp.lt.u32 %p0, %r0, 2; setp.gt.u32 %p1, %r1, 2; and.pred %p0, %p0, %p1;\n"
                   "@!%p0 bra NEXT; mul.wide.u32 %s1, %r0, 4; add.s64 %s2, %in, %s1; ld.global.u32 %r2, [%s2]; add.u32 %d, %r2, %r1; NEXT:",
               t / n < 2 && t % n > 2 ? input[t / n] + t % n : 0);
        EXPECT("", "mov.u32 %r0, %tid.x; shl.b32 %r1, %t, 2; or.b32 %r2, %r1, 3; sub.u32 %r2, %r2, 3; mul.wide.u32 %s1, %r2, 4;\n"
                   "add.s64 %s2, %in, %s1; ld.global.v2.u32 {%r3, %r4}, [%s2+8]; sub.u32 %d, %r3, %r4;", input[4 * t + 2] - input[4 * t + 3]);
        EXPECT("", "xor.b32 %r0, %t, 5; mul.wide.s32 %s1, %r0, 2; add.s64 %s2, %in, %s1; ld.global.u16 %r1, [%s2]; add.s64 %s3, %in, %s1; cvt.u64.u32 %s4, %t;\n"
               "add.s64 %s3, %in, %s4; shr.u32 %r2, %r0, 1; cvt.u64.u32 %s5, %r2; add.s64 %s5, %in, %s5; ld.global.s8 %r3, [%s5+3]; add.u32 %d, %r1, %r3;",
               ((const uint16_t *)input)[t ^ 5] + (uint32_t)((const int8_t *)input)[(t ^ 5) / 2 + 3]);
        EXPECT("", "mov.u32 %r0, %laneid; mul.wide.u32 %s1, %r0, 40; add.s64 %s2, %in, %s1; ld.global.v2.u32 {%r3, %r4}, [%s2+8]; sub.u32 %d, %r3, %r4;",
               input[t % 32 * 10 + 2] - input[t % 32 * 10 + 3]);
        EXPECT(".shared .u32 box[288];", "mul.lo.u32 %r0, %t, 12; mov.u64 %s1, box; cvt.u64.u32 %s2, %r0; add.s64 %s1, %s1, %s2;\n"
               "st.shared.u32 [%s1+4], %x; st.shared.u32 [%s1], %t; bar.sync 0; sub.u32 %r1, 95, %t; mul.wide.u32 %s3, %r1, 12;\n"
               "mov.u64 %s4, box; add.s64 %s4, %s4, %s3; ld.shared.u32 %r2, [%s4+4]; ld.shared.u32 %r3, [%s4]; add.u32 %d, %r2, %r3;",
               input[95 - t] + 95 - t);
    }
    set_shape(THREADS, 1);
}

/* %r1 is first read before it is written, in a circle of its own: what is made of it varies by lane all the same. */
static void a_register_read_before_it_is_written_does_not_hide_lanes(void **state)
{
    (void)state;
    EXPECT("", "mov.u32 %r0, 0; shr.u32 %r4, %t, 5; setp.eq.u32 %p1, %r4, 1; mov.u32 %r5, %laneid;\nAGAIN: selp.b32 %r1, 40, %r1, %p1; add.u32 %r2, %r1, %r5;\n"
               "add.u32 %r0, %r0, 1; setp.lt.u32 %p0, %r0, 3; @%p0 bra AGAIN; @%p1 mov.u32 %d, %r2;", w == 32 ? 40 + t % 32 : 0);
}

/* Volatile and relaxed accesses of 8 and 16 bytes go another way than others: in order, shuffled, uniform, and by some lanes. */
static void whole_accesses_bring_each_lane_its_own(void **state)
{
    const char *shuffled = "mul.lo.u32 %r3, %t, 37; rem.u32 %r3, %r3, 96; mul.wide.u32 %s2, %r3, 16; add.s64 %s2, %in, %s2;\n";
    char text[500];
    (void)state;
    snprintf(text, sizeof text, "%s ld.relaxed.gpu.global.v4.u32 {%%r4, %%r5, %%r6, %%r7}, [%%s2]; sub.u32 %%d, %%r7, %%r5;", shuffled);
    EXPECT("", text, input[t * 37 % 96 * 4 + 3] - input[t * 37 % 96 * 4 + 1]);
    snprintf(text, sizeof text, "%s setp.lt.u32 %%p0, %%r3, 50; @%%p0 ld.volatile.global.v2.u64 {%%s3, %%s4}, [%%s2]; @%%p0 cvt.u32.u64 %%d, %%s4;", shuffled);
    EXPECT("", text, t * 37 % 96 < 50 ? input[t * 37 % 96 * 4 + 2] : 0);
    EXPECT("", "ld.acquire.gpu.global.v2.u32 {%r4, %r5}, [%in+8]; add.u32 %d, %r4, %t;", input[2] + t);
    EXPECT(".shared .align 16 .u32 box[384];", "mov.u64 %s1, box; xor.b32 %r3, %t, 21; mul.wide.u32 %s2, %r3, 16; add.s64 %s2, %s1, %s2; not.b32 %r4, %x;\n"
           "st.volatile.shared.v4.u32 [%s2], {%t, %x, %r4, 7}; bar.sync 0; mul.wide.u32 %s3, %t, 16; add.s64 %s3, %s1, %s3;\n"
           "ld.shared.v4.u32 {%r5, %r6, %r7, %r8}, [%s3]; add.u32 %d, %r5, %r6; xor.b32 %d, %d, %r7; add.u32 %d, %d, %r8;",
           (((t ^ 21) + input[t ^ 21]) ^ ~input[t ^ 21]) + 7);
    EXPECT(".global .align 8 .u32 word[2];", "st.release.gpu.global.v2.u32 [word], {5, 6}; ld.relaxed.gpu.global.v2.u32 {%r4, %r5}, [word]; sub.u32 %d, %r5, %r4;", 1);
}

/* Every part counts by another number; some lanes only, too. */
static void lanes_far_apart_load_sixteen_bytes(void **state)
{
    const char *shuffled = "mul.lo.u32 %r3, %t, 37; rem.u32 %r3, %r3, 96; mul.wide.u32 %s2, %r3, 16; add.s64 %s2, %in, %s2; setp.lt.u32 %p0, %r3, 50;\n";
    const char *sum = "mul.lo.u32 %r4, %r4, 3; mad.lo.u32 %r4, %r5, 5, %r4; mad.lo.u32 %r4, %r6, 7, %r4; mad.lo.u32 %r4, %r7, 11, %r4;\n";
    static const char *const loads[] = {"ld.global.v4.u32 {%r4, %r5, %r6, %r7}, [%s2];",
                                        "ld.global.v2.u64 {%s3, %s4}, [%s2]; mov.b64 {%r4, %r5}, %s3; mov.b64 {%r6, %r7}, %s4;"};
    char text[800];
    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(text, sizeof text, "%s%s %s%s mov.u32 %%d, %%r4; SKIP:", shuffled, i / 2 ? "@!%p0 bra SKIP;" : "", loads[i % 2], sum);
        EXPECT("", text, i / 2 && t * 37 % 96 >= 50 ? 0 : input[t * 37 % 96 * 4] * 3 + input[t * 37 % 96 * 4 + 1] * 5 + input[t * 37 % 96 * 4 + 2] * 7 +
                                                          input[t * 37 % 96 * 4 + 3] * 11);
    }
}

/* ---- Calls --------------------------------------------------------------------------------------- */
#define DOUBLE_AND_SQUARE                                                                             \
    ".func (.param .b32 r) twice(.param .b32 a)\n{\n.reg .b32 %v; ld.param.b32 %v, [a]; add.u32 %v, %v, %v; st.param.b32 [r], %v; ret;\n}\n" \
    ".func (.param .b32 r) square(.param .b32 a)\n{\n.reg .b32 %v; ld.param.b32 %v, [a]; mul.lo.u32 %v, %v, %v; st.param.b32 [r], %v; ret;\n}\n" \
    ".global .align 8 .u64 table[2] = {twice, square};\n"
#define CALL(guard, callee, prototype)                                                                \
    "{ .param .b32 p; .param .b32 q; st.param.b32 [p], %x;\n" guard "call (q), " callee ", (p)" prototype ";\nld.param.b32 %d, [q]; }"

static void functions_are_called_by_their_address(void **state)
{
    (void)state;
    EXPECT(DOUBLE_AND_SQUARE, "and.b32 %r0, %t, 1; mul.wide.u32 %s1, %r0, 8; mov.u64 %s2, table; add.s64 %s2, %s2, %s1; ld.global.u64 %s3, [%s2];\n"
           "P: .callprototype (.param .b32 _) _ (.param .b32 _);\n" CALL("", "%s3", ", P"), t & 1 ? x * x : 2 * x);
    EXPECT(DOUBLE_AND_SQUARE, "mov.u64 %s3, square; P: .callprototype (.param .b32 _) _ (.param .b32 _);\n" CALL("", "%s3", ", P"), x * x);
    EXPECT(DOUBLE_AND_SQUARE, "setp.lt.u32 %p1, %t, 50;" CALL("@%p1 ", "twice", "") " @!%p1 mov.u32 %d, 9;", t < 50 ? 2 * x : 9);
}

static void functions_may_call_themselves(void **state)
{
    (void)state;
    assert_int_equal(cuCtxSetLimit(CU_LIMIT_STACK_SIZE, 16384), CUDA_SUCCESS); /* a GPU has 1024 bytes for a thread */
    EXPECT(".func (.param .b32 r) sum(.param .b32 n)\n{\n.reg .b32 %v, %w; .reg .pred %p; ld.param.b32 %v, [n]; mov.u32 %w, 0;\n"
           "setp.eq.u32 %p, %v, 0; @%p bra DONE;\n{ .param .b32 a; .param .b32 b; sub.u32 %w, %v, 1; st.param.b32 [a], %w; call (b), sum, (a);\n"
           "ld.param.b32 %w, [b]; }\nadd.u32 %w, %w, %v; DONE: st.param.b32 [r], %w; ret;\n}\n",
           "{ .param .b32 p; .param .b32 q; st.param.b32 [p], %t; call (q), sum, (p); ld.param.b32 %d, [q]; }", t * (t + 1) / 2);
}

/* ---- Spins --------------------------------------------------------------------------------------- */
#define LOCK(id) "LOCK" id ": atom.global.cas.b32 %r1, [lock], 0, 1; setp.ne.u32 %p1, %r1, 0; @%p1 bra LOCK" id ";\n"
#define UNLOCK "membar.gl; atom.global.exch.b32 %r4, [lock], 0;\n"

/* The lane that has the lock waits behind the loop for those that ask for it. */
static void lanes_take_a_lock_one_by_one(void **state)
{
    const char *memory = ".global .u32 lock; .global .u32 count;";
    (void)state;
    EXPECT(memory, LOCK("") "ld.global.u32 %r2, [count]; add.u32 %r2, %r2, 1; st.global.u32 [count], %r2;\n" UNLOCK
                   "bar.sync 0; ld.global.u32 %d, [count];", THREADS);
    /* Within a loop, and with work behind it that needs what was read. */
    EXPECT(memory, "mov.u32 %r8, 0; AGAIN:\n" LOCK("") "ld.global.u32 %r2, [count]; add.u32 %r2, %r2, %r8; st.global.u32 [count], %r2;\n" UNLOCK
                   "add.u32 %d, %d, %r8; add.u32 %r8, %r8, 1; setp.lt.u32 %p2, %r8, 4; @%p2 bra AGAIN; bar.sync 0;\n"
                   "ld.global.u32 %r9, [count]; add.u32 %d, %d, %r9;", 6 + 6 * THREADS);
}

/* What a load widens gets the sign or the zeros that the load names; what a store narrows loses its upper bits. */
static void parameters_go_into_wider_registers(void **state)
{
    (void)state;
    const char *bytes = ".func (.param .b32 r) bytes(.param .b8 a, .param .b8 b)\n{\n.reg .b16 %v; .reg .b32 %w, %x;\n"
                        "ld.param.s8 %w, [a]; ld.param.u8 %v, [b]; cvt.u32.u16 %x, %v; shl.b32 %x, %x, 16; add.u32 %w, %w, %x; st.param.b32 [r], %w; ret;\n}\n";
    EXPECT(bytes, "{ .reg .b16 %h; .param .b8 p; .param .b8 q; .param .b32 s; st.param.b8 [p], %x; cvt.u16.u32 %h, %x; st.param.b8 [q], %h;\n"
                  "call (s), bytes, (p, q); ld.param.b32 %d, [s]; }", (uint32_t)(int8_t)x + ((x & 255) << 16));
    EXPECT(".func (.param .b16 r) same(.param .b16 a)\n{\n.reg .b64 %w; ld.param.u16 %w, [a]; st.param.b16 [r], %w; ret;\n}\n",
           "{ .param .b16 p; .param .b16 q; st.param.b16 [p], %x; call (q), same, (p); ld.param.s16 %d, [q]; }", (uint32_t)(int16_t)x);
}

static void warps_wait_for_one_another_in_loops(void **state)
{
    (void)state;
    EXPECT(".shared .u32 turn;", "shr.u32 %r1, %t, 5; mov.u32 %r2, 2; sub.u32 %r1, %r2, %r1; setp.ne.u32 %p0, %t, 0; @%p0 bra READY; mov.u32 %r3, 0;\n"
           "st.shared.u32 [turn], %r3; READY: bar.sync 0;\nWAIT: ld.volatile.shared.u32 %r4, [turn]; setp.ne.u32 %p1, %r4, %r1; @%p1 bra WAIT;\n"
           "add.u32 %d, %r4, 1; bar.warp.sync -1; st.volatile.shared.u32 [turn], %d;", 3 - t / 32);
}

/* Every block adds to a count and waits for the others, twice. Each thread of the last block writes what it saw. */
static void blocks_of_a_cooperative_launch_wait_for_one_another(void **state)
{
    (void)state;
    blocks = 4;
    together = true;
    EXPECT(".global .u32 count;", "bar.sync 0; setp.ne.u32 %p0, %t, 0; @%p0 bra ARRIVED; atom.global.add.u32 %r1, [count], 1; ARRIVED:\n"
           "W1: ld.volatile.global.u32 %r2, [count]; setp.lt.u32 %p1, %r2, 4; @%p1 bra W1; bar.sync 0; @%p0 bra AGAIN;\n"
           "atom.global.add.u32 %r1, [count], 1; AGAIN: W2: ld.volatile.global.u32 %d, [count]; setp.lt.u32 %p1, %d, 8; @%p1 bra W2;", 8);
    blocks = 1;
    together = false;
}

/* In a context of its own, which the fault ends. */
static void expect_fault(const char *variables, const char *code)
{
    CUcontext own, before;
    char name[8] = "";
    assert_int_equal(cuDeviceGetName(name, sizeof name, 0), CUDA_SUCCESS);
    if (memcmp(name, "Cairn", 5) != 0)
        skip(); /* a GPU waits for ever */
    assert_int_equal(cuCtxGetCurrent(&before), CUDA_SUCCESS);
    assert_int_equal(cuCtxCreate(&own, 0, 0), CUDA_SUCCESS);
    assert_int_equal(run(variables, code), CUDA_ERROR_LAUNCH_FAILED);
    cuCtxDestroy(own);
    assert_int_equal(cuCtxSetCurrent(before), CUDA_SUCCESS);
}

static void a_spin_that_never_ends_is_a_fault(void **state)
{
    (void)state;
    setenv("CAIRN_CUDA_PATIENCE", "0.2", 1);
    expect_fault(".global .u32 flag;", "W: ld.volatile.global.u32 %d, [flag]; setp.eq.u32 %p0, %d, 0; @%p0 bra W;");
    unsetenv("CAIRN_CUDA_PATIENCE");
}

/* The member mask names all lanes, and half of them go elsewhere: to their end, or to where they would meet the others. */
#define HALF_GO "and.b32 %r0, %t, 31; setp.ge.u32 %p0, %r0, 16; @%p0 bra NEXT; shfl.sync.idx.b32 %d, %t, 3, 31, -1;"
static void lanes_that_only_end_need_not_come(void **state)
{
    (void)state;
    EXPECT("", HALF_GO "NEXT:", t % 32 < 16 ? w + 3 : 0);
    EXPECT("", HALF_GO "NEXT: setp.lt.u32 %p1, %r0, 8; @%p1 bra LAST; add.u32 %d, %d, 1; LAST:",
           (t % 32 < 16 ? w + 3 : 0) + (t % 32 >= 8));
}

static void lanes_that_may_meet_others_must_come(void **state)
{
    (void)state;
    expect_fault("", HALF_GO "NEXT: shfl.sync.idx.b32 %r1, %t, 5, 31, -1;");
    expect_fault("", HALF_GO "NEXT: bar.sync 0;");
}

/* Each pair adds a bit where its comparison holds: a grows from thread to thread, b is its row. */
#define COMPARISONS(X)                                                                                              \
    X("setp.lt.s32 %p0, %r0, 8;", (int32_t)a < 8)                                                                    \
    X("setp.le.s32 %p0, %r0, 31;", (int32_t)a <= 31)                                                                 \
    X("setp.gt.u32 %p0, %r0, 31;", a > 31)                                                                           \
    X("setp.ge.u32 %p0, 64, %r0;", 64 >= a)                                                                          \
    X("setp.eq.s32 %p0, %r0, 15;", a == 15)                                                                          \
    X("setp.ne.s32 %p0, %r0, 95;", a != 95)                                                                          \
    X("setp.lt.u32 %p0, %r1, 40;", a - 9 < 40)                                                                       \
    X("setp.lt.s32 %p0, %r1, 40;", (int32_t)(a - 9) < 40)                                                            \
    X("setp.hs.s32 %p0, %r1, 0x80000000;", a - 9 >= 0x80000000)                                                      \
    X("setp.ge.s32 %p0, %r2, 0;", (int32_t)(0x7ffffff0 + a) >= 0)                                                    \
    X("setp.gt.u32 %p0, %r3, 20;", 60 - a > 20)                                                                      \
    X("setp.le.s32 %p0, %r3, 44;", (int32_t)(60 - a) <= 44)                                                          \
    X("max.s32 %r5, %r0, %r4; setp.ge.s32 %p0, %r5, 33;", a >= 33 || b >= 33)                                        \
    X("min.u32 %r5, %r0, 40; setp.ge.u32 %p0, %r5, 32;", a >= 32)                                                    \
    X("max.s32 %r5, %r0, %r3; setp.ge.s32 %p0, %r5, 50;", a >= 50 || (int32_t)(60 - a) >= 50)                        \
    X("setp.lt.u32 %p1, %r0, 5; setp.ne.u32 %p2, %r4, 1; and.pred %p0, %p1, %p2;", a < 5 && b != 1)                  \
    X("setp.eq.s32 %p1, %r0, 0; setp.eq.s32 %p2, %r4, 0; or.pred %p3, %p1, %p2; setp.eq.s32 %p4, %r0, 95;\n"          \
      "or.pred %p0, %p3, %p4;", a == 0 || b == 0 || a == 95)                                                         \
    X("setp.gt.u32 %p1, %r0, 31; not.pred %p2, %p1; setp.lt.u32 %p3, %r0, 64; and.pred %p0, %p2, %p3;", a <= 31)     \
    X("setp.lt.u32 %p1, %r0, 32; setp.gt.u32 %p2, %r0, 15; xor.pred %p0, %p1, %p2;", (a < 32) != (a > 15))           \
    X("setp.lt.u32 %p1, %r0, 32; setp.lt.u32 %p0, %x, 0x80000000; and.pred %p0, %p0, %p1;", a < 32 && x < 0x80000000)

static uint32_t comparisons(uint32_t a, uint32_t b, uint32_t x)
{
    uint32_t bits = 0, bit = 1;
#define X(text, holds) bits |= (holds) ? bit : 0, bit *= 2;
    COMPARISONS(X)
#undef X
    return bits;
}

/* Bounds at the ends of warps, within them, and where numbers wrap; both ways of the branch do something. */
static void lanes_compare_each_for_itself(void **state)
{
    static const char *const texts[] = {
#define X(text, holds) text,
        COMPARISONS(X)
#undef X
    };
    (void)state;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int row = 0; row < 2; row++) {
            unsigned n = shapes[i][0];
            char body[6000] = "mov.u32 %r4, %tid.y; mov.u32 %r6, 1;\n";
            strcat(body, row ? "mov.u32 %r0, %tid.x;" : "mov.u32 %r0, %t;");
            strcat(body, "sub.u32 %r1, %r0, 9; add.u32 %r2, %r0, 0x7ffffff0; sub.u32 %r3, 60, %r0;\n");
            for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
                sprintf(body + strlen(body), "%s\n@%%p0 bra YES%zu; add.u32 %%r6, %%r6, 0; bra.uni NEXT%zu; YES%zu: or.b32 %%d, %%d, %u; NEXT%zu:\n",
                        texts[k], k, k, k, 1u << k, k);
            set_shape(n, shapes[i][1]);
            EXPECT("", body, comparisons(row ? t % n : t, t / n, x));
        }
    set_shape(THREADS, 1);
}

static uint32_t part_and_meet(uint32_t t, uint32_t x)
{
    uint32_t d = 0, last = 5 + (t < 64 ? 0 : x & 3), i = 0;
    do {
        bool yes = i & 1 ? x >> i & 1 : i & 2;
        d = yes ? d * 3 + i : d ^ (x + i);
        d += input[t];
    } while (i++ < last);
    return d;
}

/* All lanes this way, some that way, and together again; the last warp's lanes leave one after the other. */
static void lanes_part_and_come_together_in_a_loop(void **state)
{
    (void)state;
    EXPECT("", "and.b32 %r2, %x, 3; setp.lt.u32 %p0, %t, 64; selp.u32 %r2, 0, %r2, %p0; add.u32 %r2, %r2, 5; mov.u32 %r0, 0;\n"
               "LOOP: and.b32 %r3, %r0, 1; setp.eq.u32 %p1, %r3, 0; @%p1 bra EVEN; shr.u32 %r4, %x, %r0; and.b32 %r4, %r4, 1; bra.uni DECIDE;\n"
               "EVEN: and.b32 %r4, %r0, 2; DECIDE: setp.ne.u32 %p2, %r4, 0; @%p2 bra YES; add.u32 %r5, %x, %r0; xor.b32 %d, %d, %r5; bra.uni MEET;\n"
               "YES: mad.lo.u32 %d, %d, 3, %r0; MEET: ld.global.u32 %r6, [%s0]; add.u32 %d, %d, %r6; setp.lt.u32 %p3, %r0, %r2; add.u32 %r0, %r0, 1; @%p3 bra LOOP;",
           part_and_meet(t, x));
}

/* %s1 is widened in both arms: one base for all lanes. In the loop it is another in each round, and lanes take theirs along. */
static void an_index_widened_in_two_places_is_each_lanes_own(void **state)
{
    (void)state;
    EXPECT("", "and.b32 %r1, %x, 1; setp.ne.u32 %p0, %r1, 0; @%p0 bra ODD; cvt.s64.s32 %s1, %t; mov.u32 %d, 7; bra.uni MEET; ODD: cvt.s64.s32 %s1, %t;\n"
               "mov.u32 %d, 9; MEET: shl.b64 %s2, %s1, 2; add.s64 %s3, %in, %s2; ld.global.u32 %r2, [%s3]; add.u32 %d, %d, %r2;", x + (x & 1 ? 9 : 7));
    EXPECT("", "mov.u32 %r3, 0; and.b32 %r4, %x, 3; LOOP: mad.lo.u32 %r2, %r3, 5, %t; setp.eq.u32 %p0, %r3, %r4; @%p0 bra LEAVE; setp.eq.u32 %p1, %r3, 2;\n"
               "cvt.s64.s32 %s1, %r2; @%p1 bra OUT; add.u32 %r3, %r3, 1; bra.uni LOOP; LEAVE: cvt.s64.s32 %s1, %r2; OUT:\n"
               "cvt.u32.u64 %d, %s1; add.u32 %d, %d, %r3;", t + 6 * ((x & 3) < 2 ? x & 3 : 2));
}

/* Lanes of t's warp before it that hold its low three bits: atomics of a warp go in the order of its lanes. */
static uint32_t equals_before(uint32_t t)
{
    uint32_t n = 0;
    for (uint32_t i = t / 32 * 32; i < t; i++)
        n += ((input[i] ^ input[t]) & 7) == 0;
    return n;
}

static uint32_t equals(uint32_t t, uint32_t by)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < THREADS; i++)
        n += ((input[i] ^ input[t]) & 7) == 0 ? by ? i : 1 : 0;
    return n;
}

static void lanes_meet_at_one_place_in_shared_memory(void **state)
{
    const char *box = ".shared .align 4 .b32 box[8];";
    const char *begin = "and.b32 %r0, %x, 7; mul.wide.u32 %s1, %r0, 4; mov.u64 %s2, box; add.u64 %s1, %s1, %s2; mov.u32 %r2, 0; st.shared.u32 [%s1], %r2; bar.sync 0;\n";
    char text[600];
    (void)state;
    EXPECT(".shared .align 4 .b32 box[24];", "and.b32 %r0, %x, 7; shr.u32 %r1, %t, 5; shl.b32 %r1, %r1, 3; add.u32 %r0, %r0, %r1; mul.wide.u32 %s1, %r0, 4; mov.u64 %s2, box;\n"
           "add.u64 %s1, %s1, %s2; mov.u32 %r2, 0; st.shared.u32 [%s1], %r2; atom.shared.add.u32 %d, [%s1], 1;", equals_before(t));
    snprintf(text, sizeof text, "%s red.shared.add.u32 [%%s1], 1; bar.sync 0; ld.shared.u32 %%d, [%%s1];", begin);
    EXPECT(box, text, equals(t, 0));
    snprintf(text, sizeof text, "%s atom.shared.add.s32 %%r3, [%%s1], %%t; bar.sync 0; ld.shared.u32 %%d, [%%s1];", begin);
    EXPECT(box, text, equals(t, 1));
    snprintf(text, sizeof text, "%s setp.ne.u32 %%p0, %%t, 40; @%%p0 red.shared.add.u32 [%%s1], 1; bar.sync 0; ld.shared.u32 %%d, [%%s1];", begin);
    EXPECT(box, text, equals(t, 0) - (((input[40] ^ x) & 7) == 0));
    EXPECT(".shared .align 4 .b32 box[96];", "mul.wide.u32 %s1, %t, 4; mov.u64 %s2, box; add.u64 %s1, %s1, %s2; mov.u32 %r2, 6; st.shared.u32 [%s1], %r2;\n"
           "red.shared.or.b32 [%s1], 9; red.shared.xor.b32 [%s1], %t; red.shared.and.b32 [%s1], 11; ld.shared.u32 %d, [%s1];", (15 ^ t) & 11);
}

static CUcontext context;

static int begin(void **state)
{
    (void)state;
    srand(5);
    for (int i = 0; i < WORDS; i++)
        input[i] = (uint32_t)rand() * 2654435761u;
    return cuInit(0) || cuCtxCreate(&context, 0, 0) || cuMemHostRegister(input, sizeof input, CU_MEMHOSTREGISTER_PORTABLE) ||
           cuMemHostRegister(output, sizeof output, CU_MEMHOSTREGISTER_PORTABLE);
}

static int end(void **state)
{
    (void)state;
    return cuCtxDestroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redux_joins_the_members),
        cmocka_unit_test(match_finds_equal_values),
        cmocka_unit_test(barriers_count_predicates),
        cmocka_unit_test(arriving_does_not_wait),
        cmocka_unit_test(barriers_in_shared_memory_have_phases),
        cmocka_unit_test(asynchronous_copies_fill_with_zeros),
        cmocka_unit_test(rows_shorter_than_a_warp_load_what_their_threads_ask_for),
        cmocka_unit_test(a_register_read_before_it_is_written_does_not_hide_lanes),
        cmocka_unit_test(whole_accesses_bring_each_lane_its_own),
        cmocka_unit_test(lanes_far_apart_load_sixteen_bytes),
        cmocka_unit_test(functions_are_called_by_their_address),
        cmocka_unit_test(functions_may_call_themselves),
        cmocka_unit_test(parameters_go_into_wider_registers),
        cmocka_unit_test(lanes_take_a_lock_one_by_one),
        cmocka_unit_test(warps_wait_for_one_another_in_loops),
        cmocka_unit_test(blocks_of_a_cooperative_launch_wait_for_one_another),
        cmocka_unit_test(a_spin_that_never_ends_is_a_fault),
        cmocka_unit_test(lanes_that_only_end_need_not_come),
        cmocka_unit_test(lanes_that_may_meet_others_must_come),
        cmocka_unit_test(lanes_meet_at_one_place_in_shared_memory),
        cmocka_unit_test(lanes_compare_each_for_itself),
        cmocka_unit_test(lanes_part_and_come_together_in_a_loop),
        cmocka_unit_test(an_index_widened_in_two_places_is_each_lanes_own),
        cmocka_unit_test(halves_are_added_atomically),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
