#include "runtime/ptx/lex.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_word_start(char c) { return isalpha((unsigned char)c) || c == '_' || c == '$' || c == '%'; }
static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$'; }

static char peek(const lexer *lex, int ahead)
{
    return lex->end - lex->at > ahead ? lex->at[ahead] : '\0';
}

static void skip_block_comment(lexer *lex)
{
    lex->at += 2;
    while (lex->at < lex->end && !(lex->at[0] == '*' && peek(lex, 1) == '/'))
        lex->line += *lex->at++ == '\n';
    lex->at += lex->end - lex->at >= 2 ? 2 : lex->end - lex->at;
}

static void skip_blanks(lexer *lex)
{
    while (lex->at < lex->end) {
        if (*lex->at == '/' && peek(lex, 1) == '/')
            while (lex->at < lex->end && *lex->at != '\n')
                lex->at++;
        else if (*lex->at == '/' && peek(lex, 1) == '*')
            skip_block_comment(lex);
        else if (isspace((unsigned char)*lex->at))
            lex->line += *lex->at++ == '\n';
        else
            return;
    }
}

static token finish(const lexer *lex, token t)
{
    t.length = (int)(lex->at - t.start);
    return t;
}

/* 0fXXXXXXXX and 0dXXXXXXXXXXXXXXXX: the bits of a float or double. */
static token lex_hexadecimal_real(lexer *lex, token t)
{
    t.kind = TOKEN_REAL;
    t.real = tolower((unsigned char)lex->at[1]) == 'f' ? REAL_SINGLE : REAL_DOUBLE;
    int digits = t.real == REAL_SINGLE ? 8 : 16;
    lex->at += 2;
    for (; digits && isxdigit((unsigned char)peek(lex, 0)); digits--, lex->at++) {
        char c = (char)tolower((unsigned char)*lex->at);
        t.bits = t.bits << 4 | (uint64_t)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
    }
    if (digits)
        t.kind = TOKEN_BAD;
    return finish(lex, t);
}

/* The number's characters, bounded, so that strtoull and strtod see a terminated string. */
static size_t copy_number(const lexer *lex, char *out, size_t size)
{
    size_t n = 0;
    for (; n + 1 < size && (isalnum((unsigned char)peek(lex, (int)n)) || peek(lex, (int)n) == '.'); n++) {
        out[n] = lex->at[n];
        if (tolower((unsigned char)out[n]) == 'e' && !(out[0] == '0' && tolower((unsigned char)out[1]) == 'x') &&
            n + 2 < size && (peek(lex, (int)n + 1) == '-' || peek(lex, (int)n + 1) == '+')) {
            out[n + 1] = lex->at[n + 1];
            n++;
        }
    }
    out[n] = '\0';
    return n;
}

static token lex_number(lexer *lex, token t)
{
    char next = (char)tolower((unsigned char)peek(lex, 1));
    if (*lex->at == '0' && (next == 'f' || next == 'd'))
        return lex_hexadecimal_real(lex, t);
    char number[80], *stop;
    size_t n = copy_number(lex, number, sizeof number);
    bool hexadecimal = number[0] == '0' && (number[1] == 'x' || number[1] == 'X');
    if (!hexadecimal && strpbrk(number, ".eE")) {
        double value = strtod(number, &stop);
        memcpy(&t.bits, &value, sizeof t.bits);
        t.kind = TOKEN_REAL;
        t.real = REAL_DOUBLE;
    } else {
        bool binary = number[0] == '0' && (number[1] == 'b' || number[1] == 'B');
        t.bits = binary ? strtoull(number + 2, &stop, 2) : strtoull(number, &stop, 0);
        t.kind = TOKEN_INTEGER;
    }
    stop += *stop == 'U' || *stop == 'u';
    if (*stop || stop == number)
        t.kind = TOKEN_BAD;
    lex->at += n;
    return finish(lex, t);
}

static token lex_string(lexer *lex, token t)
{
    t.kind = TOKEN_STRING;
    for (lex->at++; lex->at < lex->end && *lex->at != '"'; lex->at++)
        lex->line += *lex->at == '\n';
    if (lex->at == lex->end)
        t.kind = TOKEN_BAD;
    else
        lex->at++;
    return finish(lex, t);
}

/* A dotted word keeps "::" parts: .shared::cta, .L2::128B. */
static token lex_dot_word(lexer *lex, token t)
{
    t.kind = TOKEN_DOT_WORD;
    t.start = ++lex->at;
    while (is_word(peek(lex, 0)) || (peek(lex, 0) == ':' && peek(lex, 1) == ':' && is_word(peek(lex, 2))))
        lex->at += *lex->at == ':' ? 2 : 1;
    return finish(lex, t);
}

token lex_next(lexer *lex)
{
    skip_blanks(lex);
    token t = {.kind = TOKEN_END, .start = lex->at, .line = lex->line};
    if (lex->at == lex->end)
        return t;
    char c = *lex->at;
    if (is_word_start(c)) {
        t.kind = TOKEN_WORD;
        for (lex->at++; is_word(peek(lex, 0));)
            lex->at++;
        return finish(lex, t);
    }
    if (isdigit((unsigned char)c))
        return lex_number(lex, t);
    if (c == '.' && is_word(peek(lex, 1)))
        return lex_dot_word(lex, t);
    if (c == '"')
        return lex_string(lex, t);
    t.kind = TOKEN_PUNCTUATION;
    t.punctuation = c;
    lex->at++;
    return finish(lex, t);
}

bool token_is(const token *t, const char *text)
{
    return strlen(text) == (size_t)t->length && memcmp(t->start, text, (size_t)t->length) == 0;
}
