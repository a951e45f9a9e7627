/* Files of the system: the loader's cache, the package databases, and logs. The first byte chooses. */
#include "doctor/collect.h"

#include <stdlib.h>
#include <string.h>

static void ld_cache(const uint8_t *bytes, size_t size, arena *memory)
{
    ldcache cache;
    cairn_texts names = {0}, paths = {0};
    file_text text = {.bytes = malloc(size + 1), .count = size};
    if (!text.bytes)
        return;
    memcpy(text.bytes, bytes, size);
    text.bytes[size] = '\0';
    ldcache_open(&cache, text, false);
    ldcache_names(&cache, memory, "lib", &names);
    ldcache_find(&cache, memory, "libcuda.so.1", &paths);
    free(text.bytes);
}

static void packages(const uint8_t *bytes, size_t size, cairn_facts *facts, bool rpm)
{
    collector c = {.facts = facts, .memory = facts->memory, .root = ""};
    char *text = malloc(size + 1);
    if (!text)
        return;
    memcpy(text, bytes, size);
    text[size] = '\0';
    if (rpm)
        packages_of_rpm(&c, text, size);
    else
        packages_of_dpkg(&c, text);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static cairn_doctor_data *data;
    if (!data)
        data = cairn_doctor_data_load(NULL);
    cairn_facts *facts = size ? cairn_facts_new() : NULL;
    if (!facts)
        return 0;
    switch (bytes[0] % 4) {
    case 0: ld_cache(bytes + 1, size - 1, facts->memory); break;
    case 1: packages(bytes + 1, size - 1, facts, false); break;
    case 2: packages(bytes + 1, size - 1, facts, true); break;
    case 3:
        cairn_verdict_free(cairn_doctor_explain((const char *)bytes + 1, size - 1, data, CAIRN_ENGLISH));
        break;
    }
    cairn_facts_free(facts);
    cairn_error_clear();
    return 0;
}
