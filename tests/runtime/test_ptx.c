/* The PTX loader: what it accepts, and that everything else is refused with file, line and instruction. */
#include "base/error.h"
#include "runtime/ptx/shapes.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define HEAD ".version 7.8\n.target sm_80\n.address_size 64\n"
#define KERNEL(body) HEAD ".visible .entry k(.param .u64 p, .param .u32 n)\n{\n.reg .pred %p<4>;\n.reg .b32 %r<9>;\n" \
                          ".reg .b64 %d<9>;\n.reg .f32 %f<9>;\n" body "\n}\n"

static ptx_module *parse(const char *text) { return ptx_parse("t.ptx", text, strlen(text)); }

static void refused(const char *text, const char *message)
{
    ptx_module *m = parse(text);
    assert_null(m);
    char got[400];
    snprintf(got, sizeof got, "%s", cairn_error_message());
    cairn_error_clear();
    if (!strstr(got, message))
        fail_msg("got \"%s\", expected \"%s\"", got, message);
}

static void unknown_instructions_are_named_with_their_line(void **state)
{
    (void)state;
    refused(KERNEL("frobnicate.u32 %r1, %r2;"), "t.ptx:10: instruction 'frobnicate' is not supported");
    refused(KERNEL("wgmma.fence.sync.aligned;"), "t.ptx:10: instruction 'wgmma'");
    refused(KERNEL("add.v7.u32 %r1, %r2, %r3;"), "t.ptx:10: add with '.v7' is not supported");
    refused(KERNEL("ld.shared::cluster.u32 %r1, [%d1];"), "shared::cluster is not supported");
}

static void operands_must_fit_their_instruction(void **state)
{
    (void)state;
    refused(KERNEL("add.u64 %r1, %d1, %d2;"), "register %r1 is .b32 where .u64 is needed");
    refused(KERNEL("add.u32 %r1, %r2;"), "expected ','");
    refused(KERNEL("add.u32 5, %r2, %r3;"), "only a register can be written");
    refused(KERNEL("@%r1 bra L; L: ret;"), "the guard is not a predicate");
    refused(KERNEL("mul.u32 %r1, %r2, %r3;"), ".lo, .hi or .wide is needed");
    refused(KERNEL("ld.global.v2.f32 %f1, [%d1];"), "does not fit .v2");
    refused(KERNEL("atom.global.cas.b32 %r1, [%d1], %r2;"), "cas needs two values");
    refused(KERNEL("add.u32 %r1, %r2, %nothing;"), "unknown name '%nothing'");
}

static void labels_must_exist_once(void **state)
{
    (void)state;
    refused(KERNEL("bra NOWHERE;"), "label 'NOWHERE' is not set");
    refused(KERNEL("L: ret;\nL: ret;"), "label 'L' is set twice");
    ptx_module *m = parse(KERNEL("{ bra IN; IN: bra OUT; }\n{ IN: bra IN; }\nOUT: ret;"));
    assert_non_null(m);
    ptx_free(m);
}

static void modules_are_checked_too(void **state)
{
    (void)state;
    refused("", "a module begins with .version");
    refused(".version 99.0\n", "is not supported");
    refused(".version 77777777777777777777.8\n", "is not supported");
    refused(HEAD ".global .u32 x[2] = {1, 2, 3};", "longer than its 8 bytes");
    refused(HEAD ".global .u32 x;\n.global .u32 x;", "'x' is declared twice");
    refused(HEAD ".global .u32 x;\n.extern .global .u64 x;", "'x' is declared differently");
    refused(HEAD ".visible .entry k() { ret;", "has no end");
}

#define FUNC(linkage, name, value) linkage " .func (.param .b32 r) " name "() { st.param.b32 [r], " #value "; ret; }\n"

static int64_t value_of(const ptx_module *m, const char *name)
{
    const ptx_function *f = module_find(m, name);
    assert_non_null(f);
    assert_true(f->code_count > 0);
    return f->code[0].src[0].offset;
}

static void modules_in_one_text_are_linked(void **state)
{
    (void)state;
    ptx_module *m = parse(HEAD ".extern .global .u32 x;\n.extern .func (.param .b32 r) two();\n" FUNC(".weak", "one", 1) FUNC("", "mine", 5)
                          HEAD ".visible .global .u32 x = 7;\n" FUNC(".visible", "two", 2) FUNC(".weak", "one", 9) FUNC("", "mine", 6)
                          ".extern .global .u32 x;\n");
    assert_non_null(m);
    assert_int_equal(m->variable_count, 1);
    assert_false(m->variables[0].external);
    assert_int_equal(m->variables[0].initial[0], 7);
    assert_int_equal(value_of(m, "one"), 1);
    assert_int_equal(value_of(m, "two"), 2);
    assert_int_equal(m->function_count, 4);
    ptx_free(m);
    refused(HEAD FUNC(".visible", "one", 1) HEAD FUNC(".visible", "one", 2), "'one' is defined twice");
    refused(HEAD ".visible .global .u32 x;\n" HEAD ".visible .global .u32 x;\n", "'x' is declared twice");
}

static void initialisers_hold_values_and_addresses(void **state)
{
    (void)state;
    ptx_module *m = parse(HEAD ".global .align 4 .f32 f[3] = {0f3F800000, 2.5, -1.0};\n.global .align 8 .u64 at = generic(f)+8;\n"
                               ".global .b8 text[4] = {104, 105};\n");
    assert_non_null(m);
    const float *f = (const float *)m->variables[0].initial;
    assert_true(f[0] == 1.0f && f[1] == 2.5f && f[2] == -1.0f);
    assert_int_equal(m->variables[1].relocation_count, 1);
    assert_int_equal(m->variables[1].relocations[0].addend, 8);
    assert_memory_equal(m->variables[2].initial, "hi\0\0", 4);
    ptx_free(m);
}

/* ---- Passes -------------------------------------------------------------------------------------- */
typedef struct analysis {
    ptx_module *m;
    arena a;
    flow g;
    shape shapes[64];
} analysis;

static void analyse(analysis *x, const char *text, block_class c)
{
    *x = (analysis){.m = parse(text)};
    assert_non_null(x->m);
    assert_int_equal(flow_build(&x->g, &x->a, x->m, &x->m->functions[0]), CAIRN_OK);
    shapes_find(&x->g, c, x->shapes);
}

static shape shape_named(const analysis *x, const char *name)
{
    for (int i = 0; i < x->g.f->register_count; i++)
        if (strcmp(x->g.f->registers[i].name, name) == 0)
            return x->shapes[i];
    fail_msg("no register %s", name);
    return (shape){0};
}

static void finish(analysis *x)
{
    arena_free(&x->a);
    ptx_free(x->m);
}

static const block_class whole = {true, true};

static void thread_numbers_make_unit_strides(void **state)
{
    analysis x;
    (void)state;
    analyse(&x, KERNEL("mov.u32 %r1, %tid.x; mov.u32 %r2, %ctaid.x; mov.u32 %r3, %ntid.x; mad.lo.u32 %r4, %r2, %r3, %r1;\n"
                       "mul.wide.u32 %d1, %r4, 4; ld.param.u64 %d2, [p]; add.u64 %d3, %d2, %d1; ld.global.f32 %f1, [%d3];\n"
                       "and.b32 %r5, %r1, 31; shr.u32 %r6, %r1, 5; xor.b32 %r7, %r1, 1; ret;"), whole);
    assert_int_equal(shape_named(&x, "%r4").stride, 1);
    assert_int_equal(shape_named(&x, "%d3").stride, 4);
    assert_true(is_uniform(shape_named(&x, "%d2")));
    assert_int_equal(shape_named(&x, "%r5").stride, 1);
    assert_true(is_uniform(shape_named(&x, "%r6")));
    assert_int_equal(shape_named(&x, "%r7").kind, SHAPE_VECTOR);
    finish(&x);
    analyse(&x, KERNEL("mov.u32 %r1, %tid.x; mov.u32 %r2, %tid.y; mad.lo.u32 %r3, %r2, 16, %r1; shr.u32 %r4, %r3, 4; and.b32 %r5, %r3, 15;\n"
                       "shl.b32 %r6, %r2, 7; or.b32 %r7, %r6, %r1; ret;"), class_of_block((unsigned[]){16, 16, 1}));
    assert_true(shape_named(&x, "%r3").kind == SHAPE_ROWS && shape_named(&x, "%r3").stride == 1);
    assert_true(is_level(shape_named(&x, "%r4")) && !is_uniform(shape_named(&x, "%r4")));
    assert_int_equal(shape_named(&x, "%r5").stride, 1);
    assert_true(shape_named(&x, "%r7").kind == SHAPE_ROWS && shape_named(&x, "%r7").stride == 1);
    finish(&x);
    analyse(&x, KERNEL("mov.u32 %r1, %tid.x; ret;"), (block_class){false, true});
    assert_int_equal(shape_named(&x, "%r1").kind, SHAPE_VECTOR);
    finish(&x);
}

static void joins_of_divergent_branches_make_vectors(void **state)
{
    analysis x;
    (void)state;
    analyse(&x, KERNEL("mov.u32 %r1, %laneid; setp.lt.u32 %p1, %r1, 5; mov.u32 %r2, 1; mov.u32 %r4, 9;\n@%p1 bra L; mov.u32 %r2, 2;\n"
                       "mov.u32 %r3, %r2;\nL: add.u32 %r5, %r2, 1; add.u32 %r6, %r4, 1; ret;"), whole);
    assert_int_equal(shape_named(&x, "%r2").kind, SHAPE_VECTOR);
    assert_int_equal(shape_named(&x, "%r5").kind, SHAPE_VECTOR);
    assert_true(is_uniform(shape_named(&x, "%r6")));
    finish(&x);
}

static void both_arms_of_a_branch_may_widen_one_index(void **state)
{
    analysis x;
    (void)state;
    analyse(&x, KERNEL("mov.u32 %r1, %laneid; setp.lt.u32 %p1, %r1, 5; @%p1 bra L; cvt.s64.s32 %d1, %r1; bra.uni M;\n"
                       "L: cvt.s64.s32 %d1, %r1; M: shl.b64 %d2, %d1, 2; ret;"), whole);
    assert_int_equal(shape_named(&x, "%d2").stride, 4);
    finish(&x);
    /* What lanes that have left the loop keep is not what the others compute next. */
    analyse(&x, KERNEL("mov.u32 %r1, %laneid; mov.u32 %r3, 0; LOOP: add.u32 %r2, %r3, %r1; cvt.s64.s32 %d1, %r2; add.u32 %r3, %r3, 1;\n"
                       "setp.lt.u32 %p1, %r3, %r1; @%p1 bra LOOP; shl.b64 %d2, %d1, 2; ret;"), whole);
    assert_int_equal(shape_named(&x, "%d2").kind, SHAPE_VECTOR);
    finish(&x);
}

static void loops_that_lanes_leave_at_different_times_make_vectors_outside(void **state)
{
    analysis x;
    (void)state;
    const char *text = KERNEL("mov.u32 %r1, %laneid; mov.u32 %r2, 0;\nLOOP: add.u32 %r2, %r2, 1; setp.lt.u32 %p1, %r2, %r1;\n"
                              "@%p1 bra LOOP; mov.u32 %r3, %r2; ret;");
    analyse(&x, text, whole);
    assert_int_equal(shape_named(&x, "%r2").kind, SHAPE_VECTOR);
    assert_true(x.g.loops[0].divergent);
    finish(&x);
    analyse(&x, KERNEL("ld.param.u32 %r1, [n]; mov.u32 %r2, 0;\nLOOP: add.u32 %r2, %r2, 1; setp.lt.u32 %p1, %r2, %r1;\n"
                       "@%p1 bra LOOP; mov.u32 %r3, %r2; ret;"), whole);
    assert_true(is_uniform(shape_named(&x, "%r3")));
    assert_false(x.g.loops[0].divergent);
    finish(&x);
}

static void loops_with_two_entries_are_refused(void **state)
{
    ptx_module *m = parse(KERNEL("setp.eq.u32 %p1, %r1, 0; @%p1 bra B;\nA: add.u32 %r1, %r1, 1;\nB: add.u32 %r1, %r1, 2;\n"
                                 "setp.lt.u32 %p2, %r1, 9; @%p2 bra A; ret;"));
    arena a = {0};
    flow g;
    (void)state;
    assert_int_equal(flow_build(&g, &a, m, &m->functions[0]), CAIRN_E_UNSUPPORTED);
    assert_non_null(strstr(cairn_error_message(), "can be entered at two places"));
    cairn_error_clear();
    arena_free(&a);
    ptx_free(m);
}

static void allocation_failures_are_errors(void **state)
{
    const char *text = KERNEL("add.u32 %r1, %r2, 3; L: setp.lt.u32 %p1, %r1, 4; @%p1 bra L; ret;");
    (void)state;
    for (int64_t n = 0;; n++) {
        mem_fail_after(n);
        ptx_module *m = parse(text);
        mem_fail_after(-1);
        cairn_error_clear();
        ptx_free(m);
        if (m)
            return;
        assert_true(n < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_instructions_are_named_with_their_line),
        cmocka_unit_test(operands_must_fit_their_instruction),
        cmocka_unit_test(labels_must_exist_once),
        cmocka_unit_test(modules_are_checked_too),
        cmocka_unit_test(modules_in_one_text_are_linked),
        cmocka_unit_test(initialisers_hold_values_and_addresses),
        cmocka_unit_test(thread_numbers_make_unit_strides),
        cmocka_unit_test(joins_of_divergent_branches_make_vectors),
        cmocka_unit_test(both_arms_of_a_branch_may_widen_one_index),
        cmocka_unit_test(loops_that_lanes_leave_at_different_times_make_vectors_outside),
        cmocka_unit_test(loops_with_two_entries_are_refused),
        cmocka_unit_test(allocation_failures_are_errors),
    };
    cairn_set_on_error(CAIRN_ON_ERROR_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
