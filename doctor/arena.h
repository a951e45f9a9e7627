/* An arena: memory that is given back all at once.
 *
 * A failed allocation is remembered and hands out a scrap that may be written but is never used, so
 * that code which only gathers things need not check every step: it checks arena_failed() at its end. */
#ifndef DOCTOR_ARENA_H
#define DOCTOR_ARENA_H
#include <cairn/doctor.h>

#include <stdarg.h>

typedef struct arena arena;

arena *arena_new(void); /* NULL when out of memory */
void arena_free(arena *a);
bool arena_failed(const arena *a);

/* Zeroed memory. */
void *arena_take(arena *a, size_t bytes);
const char *arena_copy(arena *a, const char *text, size_t bytes); /* up to `bytes` or its NUL */
const char *arena_text(arena *a, const char *text);               /* NULL stays NULL */
const char *arena_format(arena *a, const char *format, ...) CAIRN_PRINTF(2, 3);

/* One more item at the end of a CAIRN_LIST; the list becomes known. */
void *list_grow(arena *a, void *list, size_t item_bytes);
#define LIST_ADD(a, list) ((__typeof__((list)->items))list_grow((a), (list), sizeof *(list)->items))
void texts_add(arena *a, cairn_texts *list, const char *text);
bool texts_contain(const cairn_texts *list, const char *text);
void pairs_add(arena *a, cairn_pairs *list, const char *key, const char *value);
/* The value of a key; NULL when it is not there or has none. */
const char *pairs_get(const cairn_pairs *list, const char *key);

/* Text helpers. */
bool text_is(const char *a, const char *b); /* both there and equal */
bool text_has(const char *text, const char *part);
bool text_starts(const char *text, const char *start);
bool text_ends(const char *text, const char *end);
static inline bool known(const char *text) { return text && *text; }
static inline bool absent(const char *text) { return text && !*text; }

#endif
