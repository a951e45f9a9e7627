/* Sentences in two languages. */
#include "doctor/judge.h"

#include <string.h>

static const char *const sentences[][2] = {
#define TEXT(name, english, chinese) {english, chinese},
#include "doctor/text.def"
#undef TEXT
};

const char *text_of(text_id id, cairn_language language)
{
    return sentences[id][language == CAIRN_CHINESE];
}

/* The argument that a "{3}" names; NULL where there is none. */
static const char *argument(const char *at, int count, const char *const *arguments)
{
    int index = at[0] == '{' && at[1] >= '0' && at[1] <= '9' && at[2] == '}' ? at[1] - '0' : -1;
    if (index < 0 || index >= count)
        return NULL;
    return arguments[index] ? arguments[index] : "?";
}

const char *text_fill(arena *memory, cairn_language language, text_id id, int count,
                      const char *const *arguments)
{
    const char *sentence = text_of(id, language);
    size_t length = 1;
    for (const char *p = sentence; *p; p++) {
        const char *a = argument(p, count, arguments);
        length += a ? strlen(a) : 1;
    }
    char *out = arena_take(memory, length), *to = out;
    if (!out || arena_failed(memory))
        return "";
    for (const char *p = sentence; *p; p++) {
        const char *a = argument(p, count, arguments);
        if (a) {
            memcpy(to, a, strlen(a));
            to += strlen(a);
            p += 2;
        } else {
            *to++ = *p;
        }
    }
    *to = '\0';
    return out;
}
