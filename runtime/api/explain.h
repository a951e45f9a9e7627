/* What `cairn ptx` asks of libcairn-cuda. */
#ifndef RUNTIME_API_EXPLAIN_H
#define RUNTIME_API_EXPLAIN_H
#include <cairn/base.h>
#include <stdio.h>

/* Writes, for each kernel of the text: its blocks in the order of execution, where lanes wait, how registers vary over a warp, how memory
 * is accessed and why, for launches with blocks of this size; with `llvm` the code too. `name` is what errors call the text. */
CAIRN_API cairn_status cairn_ptx_explain(const char *name, const char *text, size_t bytes, const unsigned block[3], bool llvm, FILE *to);
typedef cairn_status ptx_explain_function(const char *, const char *, size_t, const unsigned *, bool, FILE *);

#endif
