/* The sticky first error of each thread.
 *
 * Only the first one is kept: what follows it is mostly its consequence (a NULL operand gives NULL all
 * the way up), and the cause is what a person wants to read. */
#include "base/error.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Thread_local cairn_source_line cairn_here;

/* The message is inside the thread, so that "out of memory" needs none. `silent`: between aside_begin and aside_end. */
static _Thread_local error_aside error;

enum { ON_ERROR_UNREAD = -1 };
static atomic_int on_error = ON_ERROR_UNREAD;

static cairn_on_error read_environment(void)
{
    const char *text = getenv("CAIRN_ON_ERROR");
    if (!text || !*text || !strcmp(text, "print"))
        return CAIRN_ON_ERROR_PRINT;
    if (!strcmp(text, "quiet"))
        return CAIRN_ON_ERROR_QUIET;
    if (!strcmp(text, "abort"))
        return CAIRN_ON_ERROR_ABORT;
    fprintf(stderr, "cairn: CAIRN_ON_ERROR=%s is none of print, quiet, abort; errors are printed\n", text);
    return CAIRN_ON_ERROR_PRINT;
}

static cairn_on_error what_to_do(void)
{
    int now = atomic_load(&on_error);
    if (now != ON_ERROR_UNREAD)
        return (cairn_on_error)now;
    /* Lost when somebody called cairn_set_on_error meanwhile: that overrides the environment. */
    if (!atomic_compare_exchange_strong(&on_error, &now, (int)read_environment()))
        return (cairn_on_error)now;
    return (cairn_on_error)atomic_load(&on_error);
}

void cairn_set_on_error(cairn_on_error what)
{
    atomic_store(&on_error, (int)what);
}

cairn_status error_set(cairn_status status, const char *format, ...)
{
    if (error.status != CAIRN_OK)
        return status;
    error.status = status;
    error.where = cairn_here;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error.message, sizeof error.message, format, arguments);
    va_end(arguments);
    if (error.silent)
        return status;

    cairn_on_error what = what_to_do();
    if (what != CAIRN_ON_ERROR_QUIET && error.where.file)
        fprintf(stderr, "%s:%d: cairn: %s\n", error.where.file, error.where.line, error.message);
    else if (what != CAIRN_ON_ERROR_QUIET)
        fprintf(stderr, "cairn: %s\n", error.message);
    if (what == CAIRN_ON_ERROR_ABORT)
        abort();
    return status;
}

cairn_status cairn_error(void)
{
    return error.status;
}

const char *cairn_error_message(void)
{
    return error.message;
}

cairn_source_line cairn_error_where(void)
{
    return error.where;
}

void cairn_error_clear(void)
{
    error.status = CAIRN_OK;
    error.where = (cairn_source_line){NULL, 0};
    error.message[0] = '\0';
}

void error_aside_begin(error_aside *a)
{
    *a = error;
    cairn_error_clear();
    error.silent = true;
}

cairn_status error_aside_end(error_aside *a, char message[ERROR_MESSAGE_BYTES])
{
    cairn_status status = error.status;
    memcpy(message, error.message, sizeof error.message);
    error = *a;
    return status;
}
