#!/usr/bin/env python3
"""Writes include/cairn/lines.h from the public headers: one macro a function that notes the caller's line.

    python3 scripts/make_lines.py            writes it
    python3 scripts/make_lines.py --check    exit status 1 when it is out of date
"""
import pathlib
import re
import sys

HEADERS = ["tensor.h", "ops.h", "nn.h", "optim.h", "functional.h", "data.h", "io.h"]
# Not calls that can go wrong, or on the fast path of every loop.
SKIP = {"cairn_scope_push", "cairn_scope_pop", "cairn_scope_pop_list", "cairn_keep", "cairn_drop", "cairn_tensor_count"}
HEAD = """/* Which line called: written by scripts/make_lines.py from the public headers.
 *
 * Each call notes its file and line before it runs, so that an error says where it happened:
 *     train.c:31: cairn: matmul: inner sizes differ: [4, 3] @ [5, 7]
 * Define CAIRN_NO_LINES before including <cairn/cairn.h> to leave that out. */
#ifndef CAIRN_LINES_H
#define CAIRN_LINES_H
#include <cairn/base.h>

static inline void cairn_at_line(const char *file, int line)
{
    cairn_here.file = file;
    cairn_here.line = line;
}
#define CAIRN_AT(call) (cairn_at_line(__FILE__, __LINE__), call)

"""


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / "include" / "cairn"
    names = []
    for header in HEADERS:
        path = root / header
        text = path.read_text() if path.exists() else ""
        names += re.findall(r"^CAIRN_API[^;(]*?\b(cairn_\w+)\(", text, re.M)
    rows = [f"#define {n}(...) CAIRN_AT({n}(__VA_ARGS__))\n" for n in dict.fromkeys(names) if n not in SKIP]
    text = HEAD + "".join(rows) + "\n#endif\n"
    target = root / "lines.h"
    if "--check" in sys.argv[1:]:
        return 0 if target.exists() and target.read_text() == text else 1
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
