/* PTX text as tokens. */
#ifndef RUNTIME_PTX_LEX_H
#define RUNTIME_PTX_LEX_H
#include "runtime/ptx/ptx.h"

typedef enum token_kind {
    TOKEN_END,
    TOKEN_WORD,        /* ld, %r1, $L__BB0_1, WARP_SZ */
    TOKEN_DOT_WORD,    /* .global, .f32, .shared::cta; start is behind the dot */
    TOKEN_INTEGER,     /* bits */
    TOKEN_REAL,        /* 0f3F800000, 0d..., 1.5; bits are a double's for REAL_DOUBLE */
    TOKEN_STRING,
    TOKEN_PUNCTUATION, /* punctuation holds the character */
    TOKEN_BAD
} token_kind;

typedef struct token {
    token_kind kind;
    const char *start;
    int length, line;
    char punctuation;
    uint8_t real;      /* real_kind */
    uint64_t bits;
} token;

typedef struct lexer {
    const char *at, *end;
    int line;
} lexer;

token lex_next(lexer *lex);
bool token_is(const token *t, const char *text);

#endif
