/* Switching stacks: a fiber keeps its callee-saved registers on its own stack. */
#ifndef RUNTIME_EXEC_FIBER_H
#define RUNTIME_EXEC_FIBER_H
#include <stddef.h>

/* Saves the caller's place in *from and goes on where `to` was saved. */
void fiber_switch(void **from, void *to);
/* A place that calls entry(argument) on the stack [base, base + bytes); entry must never return. */
void *fiber_prepare(void *base, size_t bytes, void (*entry)(void *), void *argument);

#endif
