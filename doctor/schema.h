/* The facts document as tables: one row a key. Reading, writing and checking all walk these tables. */
#ifndef DOCTOR_SCHEMA_H
#define DOCTOR_SCHEMA_H
#include <cairn/doctor.h>

typedef enum field_kind {
    FIELD_TEXT,    /* const char *; null is "" */
    FIELD_ANSWER,  /* cairn_answer; true, false */
    FIELD_NUMBER,  /* cairn_number */
    FIELD_TEXTS,   /* cairn_texts */
    FIELD_PAIRS,   /* cairn_pairs: an object whose values are texts or null */
    FIELD_OBJECT,  /* a struct that begins with cairn_answer known; null is NO */
    FIELD_OBJECTS, /* a list of structs */
    FIELD_NODES,   /* a list of structs whose first member is the key in a JSON object */
} field_kind;

typedef struct schema schema;
typedef struct field {
    const char *key;
    field_kind kind;
    size_t offset;
    const schema *of; /* of the struct in OBJECT, OBJECTS, NODES */
} field;
struct schema {
    size_t bytes;
    int count;
    const field *fields;
};

extern const schema facts_schema;

#endif
