/* The names that base.h gives to things: element types, statuses, the version. */
#include <cairn/base.h>

const char *cairn_dtype_name(cairn_dtype type)
{
    static const char *const names[] = {
#define X(name, text, bytes) text,
        CAIRN_DTYPES(X)
#undef X
    };
    return (unsigned)type < CAIRN_DTYPE_COUNT ? names[type] : "?";
}

int cairn_dtype_bytes(cairn_dtype type)
{
    static const unsigned char sizes[] = {
#define X(name, text, bytes) bytes,
        CAIRN_DTYPES(X)
#undef X
    };
    return (unsigned)type < CAIRN_DTYPE_COUNT ? sizes[type] : 0;
}

const char *cairn_status_name(cairn_status status)
{
    static const char *const names[] = {
#define X(name, text) #name,
        CAIRN_STATUSES(X)
#undef X
    };
    return (unsigned)status < CAIRN_STATUS_COUNT ? names[status] : "?";
}

const char *cairn_version(void)
{
    return CAIRN_VERSION;
}
