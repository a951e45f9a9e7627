/* The verdict as JSON. */
#include "doctor/arena.h"

#include "base/error.h"

#include <jansson.h>
#include <string.h>

static void put(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value ? value : json_null());
}

/* Texts come from files that may hold anything; JSON wants UTF-8. */
static json_t *text(const char *value)
{
    if (!value)
        return json_null();
    json_t *json = json_string(value);
    if (json)
        return json;
    char plain[1024];
    size_t i = 0;
    for (; value[i] && i < sizeof plain - 1; i++)
        plain[i] = (unsigned char)value[i] < 128 ? value[i] : '?';
    plain[i] = '\0';
    return json_string(plain);
}

static json_t *texts(const cairn_texts *list)
{
    json_t *out = json_array();
    for (int i = 0; i < list->count; i++)
        json_array_append_new(out, text(list->items[i]));
    return out;
}

static const char *severity_name(cairn_severity severity, const char *lowest)
{
    return severity == CAIRN_FAIL ? "fail" : severity == CAIRN_WARN ? "warn" : lowest;
}

static json_t *gpu(const cairn_gpu *g)
{
    json_t *out = json_object();
    put(out, "pci", text(g->pci));
    put(out, "name", text(g->name));
    put(out, "cc", text(g->cc));
    return out;
}

static json_t *finding(const cairn_finding *f)
{
    json_t *out = json_object();
    put(out, "code", text(f->code));
    put(out, "severity", text(severity_name(f->severity, "note")));
    put(out, "why", text(f->why));
    put(out, "evidence", texts(&f->evidence));
    put(out, "fix", texts(&f->fix));
    put(out, "needs_root", json_boolean(f->needs_root));
    if (f->follows_from >= 0)
        put(out, "follows_from", json_integer(f->follows_from));
    return out;
}

static json_t *build(const cairn_build *b, bool runs)
{
    json_t *out = json_object();
    put(out, "torch", text(b->torch));
    put(out, "build", text(b->build));
    put(out, "torchvision", text(b->torchvision));
    put(out, "python", text(b->python));
    put(out, "driver", text(b->driver));
    put(out, runs ? "warn" : "codes", texts(&b->warn));
    if (runs) {
        put(out, "why", text(b->why));
        put(out, "install", text(b->install));
        put(out, "uv", text(b->uv));
        if (b->conda)
            put(out, "conda", text(b->conda));
    } else {
        put(out, "change", text(b->change));
    }
    return out;
}

char *cairn_verdict_write(const cairn_verdict *verdict)
{
    json_t *out = json_object(), *gpus = json_array(), *findings = json_array(), *plan = json_array(),
           *rejected = json_array();
    for (int i = 0; i < verdict->gpus.count; i++)
        json_array_append_new(gpus, gpu(&verdict->gpus.items[i]));
    for (int i = 0; i < verdict->findings.count; i++)
        json_array_append_new(findings, finding(&verdict->findings.items[i]));
    for (int i = 0; i < verdict->plan.count; i++)
        json_array_append_new(plan, build(&verdict->plan.items[i], true));
    for (int i = 0; i < verdict->rejected.count; i++)
        json_array_append_new(rejected, build(&verdict->rejected.items[i], false));
    put(out, "verdict", text(severity_name(verdict->severity, "ok")));
    put(out, "data_date", text(verdict->data_date));
    put(out, "gpus", gpus);
    put(out, "findings", findings);
    put(out, "plan", plan);
    if (verdict->rejected.known)
        put(out, "rejected", rejected);
    else
        json_decref(rejected);
    if (verdict->candidates.count)
        put(out, "candidates", texts(&verdict->candidates));
    char *json = out ? json_dumps(out, JSON_INDENT(2)) : NULL;
    json_decref(out);
    if (!json)
        error_set(CAIRN_E_MEMORY, "verdict: out of memory");
    return json;
}
