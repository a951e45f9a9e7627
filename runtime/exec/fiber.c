#include "runtime/exec/fiber.h"
#include <stdint.h>

#if defined(__x86_64__)
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, @function\n"
        "fiber_switch:\n"
        "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
        "  mov %rsp, (%rdi)\n"
        "  mov %rsi, %rsp\n"
        "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n"
        "  ret\n"
        ".size fiber_switch, .-fiber_switch\n"
        /* The first switch to a fiber returns here, with entry in r12 and its argument in r13. */
        ".globl fiber_begin\n"
        ".hidden fiber_begin\n"
        ".type fiber_begin, @function\n"
        "fiber_begin:\n"
        "  mov %r13, %rdi\n"
        "  call *%r12\n"
        "  ud2\n"
        ".size fiber_begin, .-fiber_begin\n");
void fiber_begin(void);

void *fiber_prepare(void *base, size_t bytes, void (*entry)(void *), void *argument)
{
    uintptr_t *top = (uintptr_t *)(((uintptr_t)base + bytes) & ~(uintptr_t)63);
    *--top = 0;                        /* two words keep the stack aligned at the call */
    *--top = 0;
    *--top = (uintptr_t)fiber_begin;
    *--top = 0;                        /* rbp, rbx */
    *--top = 0;
    *--top = (uintptr_t)entry;         /* r12 */
    *--top = (uintptr_t)argument;      /* r13 */
    *--top = 0;                        /* r14, r15 */
    *--top = 0;
    return top;
}
#elif defined(__aarch64__)
__asm__(".text\n"
        ".globl fiber_switch\n"
        ".hidden fiber_switch\n"
        ".type fiber_switch, %function\n"
        "fiber_switch:\n"
        "  sub sp, sp, #160\n"
        "  stp x19, x20, [sp]\n  stp x21, x22, [sp, #16]\n  stp x23, x24, [sp, #32]\n"
        "  stp x25, x26, [sp, #48]\n  stp x27, x28, [sp, #64]\n  stp x29, x30, [sp, #80]\n"
        "  stp d8, d9, [sp, #96]\n  stp d10, d11, [sp, #112]\n  stp d12, d13, [sp, #128]\n  stp d14, d15, [sp, #144]\n"
        "  mov x9, sp\n  str x9, [x0]\n  mov sp, x1\n"
        "  ldp x19, x20, [sp]\n  ldp x21, x22, [sp, #16]\n  ldp x23, x24, [sp, #32]\n"
        "  ldp x25, x26, [sp, #48]\n  ldp x27, x28, [sp, #64]\n  ldp x29, x30, [sp, #80]\n"
        "  ldp d8, d9, [sp, #96]\n  ldp d10, d11, [sp, #112]\n  ldp d12, d13, [sp, #128]\n  ldp d14, d15, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  ret\n"
        ".globl fiber_begin\n"
        ".hidden fiber_begin\n"
        ".type fiber_begin, %function\n"
        "fiber_begin:\n"
        "  mov x0, x20\n  blr x19\n  brk #1\n");
void fiber_begin(void);

void *fiber_prepare(void *base, size_t bytes, void (*entry)(void *), void *argument)
{
    uintptr_t *top = (uintptr_t *)(((uintptr_t)base + bytes) & ~(uintptr_t)63) - 20;
    top[0] = (uintptr_t)entry;
    top[1] = (uintptr_t)argument;
    top[11] = (uintptr_t)fiber_begin;
    return top;
}
#else
#error "fiber.c: this processor needs its own switch"
#endif
