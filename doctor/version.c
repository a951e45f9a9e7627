/* Versions and compute capabilities as texts. */
#include "doctor/version.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LARGEST_PART = 999999999 };

/* Reads one number and moves past it; false when there is none. */
static bool take_number(const char **at, int *out)
{
    const char *p = *at;
    if (!isdigit((unsigned char)*p))
        return false;
    long n = 0;
    for (; isdigit((unsigned char)*p); p++)
        n = n > LARGEST_PART / 10 ? LARGEST_PART : n * 10 + (*p - '0');
    *out = (int)n;
    *at = p;
    return true;
}

/* The next number of a version: after the first one, a dot must come before it. */
static int next_part(const char **at, bool first)
{
    int n;
    const char *p = *at;
    if (!first && *p++ != '.')
        return -1;
    if (!take_number(&p, &n))
        return -1;
    *at = p;
    return n;
}

int version_compare(const char *a, const char *b)
{
    for (bool first = true;; first = false) {
        int x = next_part(&a, first), y = next_part(&b, first);
        if (x < 0 && y < 0)
            return 0;
        x = x < 0 ? 0 : x;
        y = y < 0 ? 0 : y;
        if (x != y)
            return x < y ? -1 : 1;
    }
}

int version_part(const char *version, int index)
{
    int part = -1;
    for (int i = 0; version && i <= index; i++)
        if ((part = next_part(&version, i == 0)) < 0)
            return -1;
    return part;
}

bool version_matches(const char *version, const char *prefix)
{
    for (int i = 0;; i++) {
        int wanted = version_part(prefix, i);
        if (wanted < 0)
            return i > 0;
        if (version_part(version, i) != wanted)
            return false;
    }
}

bool version_valid(const char *version)
{
    if (!version || !isdigit((unsigned char)*version))
        return false;
    for (const char *p = version; *p; p++) {
        if (!isdigit((unsigned char)*p) && *p != '.')
            return false;
        if (*p == '.' && !isdigit((unsigned char)p[1]))
            return false;
    }
    return true;
}

int cc_parse(const char *text)
{
    int major = version_part(text, 0), minor = version_part(text, 1);
    if (major < 1 || major > 99 || minor < 0 || minor > 9)
        return 0;
    return major * 10 + minor;
}

bool arch_parse(const char *text, arch *out)
{
    *out = (arch){.cubin = true};
    const char *end = text;
    if (!strncmp(text, "sm_", 3) || !strncmp(text, "compute_", 8)) {
        out->ptx = text[0] == 'c';
        out->cubin = !out->ptx;
        char *stop;
        long cc = strtol(strchr(text, '_') + 1, &stop, 10);
        out->cc = cc >= 10 && cc <= 999 ? (int)cc : 0;
        end = stop;
    } else {
        out->cc = cc_parse(text);
        end += strspn(text, "0123456789.");
    }
    if (*end == 'a' || *end == 'f')
        out->suffix = *end++;
    if (!strcmp(end, "+PTX")) {
        out->ptx = true;
        end += 4;
    }
    return out->cc && (!*end || !strcmp(end, "?"));
}
