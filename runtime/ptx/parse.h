/* The parser's state, shared by parse.c (modules, variables, functions) and parse_code.c (bodies). */
#ifndef RUNTIME_PTX_PARSE_H
#define RUNTIME_PTX_PARSE_H
#include "runtime/ptx/lex.h"
#include "runtime/ptx/names.h"

typedef struct parser {
    lexer lex;
    token t;                 /* the token to look at */
    ptx_module *m;
    ptx_function *f;         /* whose body is being parsed */
    name_table names;
    int depth;
    int module_names;        /* names from here on belong to the module text that is being parsed */
    int label_scope;         /* labels from here on belong to the innermost braces */
    int source_file, source_line; /* of the latest .loc */
} parser;

void advance(parser *p);
bool at_punctuation(const parser *p, char c);
bool accept(parser *p, char c);
bool expect(parser *p, char c);
bool accept_dot(parser *p, const char *word);

/* Records "FILE:LINE: ..." and returns false. */
bool refuse(parser *p, const char *format, ...) CAIRN_PRINTF(2, 3);
bool refuse_at(parser *p, int line, const char *format, ...) CAIRN_PRINTF(3, 4);

bool parse_type(parser *p, ptx_type *type);
/* The rest of a variable's declaration behind its space: alignment, type, name, sizes, initialiser. */
bool parse_variable(parser *p, ptx_space space, ptx_variable *v);
/* Adds a variable of a body (.local, .param, .shared). */
bool parse_body_variable(parser *p, ptx_space space);
bool parse_body(parser *p);
/* Lays out `bytes` at the end of *total. */
int64_t place(int64_t *total, int64_t bytes, int align);

#endif
