/* The verdict and its findings; plans and their table. */
#include "doctor/print.h"

#include <stdio.h>
#include <string.h>

static color color_of(cairn_severity severity)
{
    return severity == CAIRN_FAIL ? COLOR_RED : severity == CAIRN_WARN ? COLOR_YELLOW : COLOR_GREY;
}

static const char *word_of(const printer *p, cairn_severity severity)
{
    return text_of(severity == CAIRN_FAIL   ? TEXT_WORD_FAIL
                   : severity == CAIRN_WARN ? TEXT_WORD_WARN
                                            : TEXT_WORD_NOTE,
                   p->language);
}

static void print_commands(const printer *p, int indent, const cairn_texts *fix)
{
    for (int i = 0; i < fix->count; i++) {
        printf("%*s", indent, "");
        print_padded(p, COLOR_GREEN, 5, text_of(i ? TEXT_WORD_OR : TEXT_WORD_FIX, p->language));
        print_safe(fix->items[i]);
        putchar('\n');
    }
}

static void print_finding(const printer *p, const cairn_verdict *v, int index, int depth)
{
    enum { DEEPEST = 4, STEP = 4 };
    const cairn_finding *f = &v->findings.items[index];
    int indent = 2 + depth * STEP;
    printf("\n%*s", indent - 2, "");
    print_padded(p, color_of(f->severity), 6, word_of(p, f->severity));
    print_colored(p, COLOR_BOLD, f->code);
    printf("\n%*s", indent, "");
    print_wrapped(p, indent, f->why);
    for (int i = 0; i < f->evidence.count; i++) {
        printf("%*s- ", indent, "");
        print_wrapped(p, indent + 2, f->evidence.items[i]);
    }
    print_commands(p, indent, &f->fix);
    for (int i = 0; depth < DEEPEST && i < v->findings.count; i++)
        if (v->findings.items[i].follows_from == index)
            print_finding(p, v, i, depth + 1);
}

void print_verdict(const printer *p, const cairn_verdict *v)
{
    static const text_id verdicts[] = {TEXT_VERDICT_OK, TEXT_VERDICT_WARN, TEXT_VERDICT_FAIL};
    static const color colors[] = {COLOR_GREEN, COLOR_YELLOW, COLOR_RED};
    print_padded(p, COLOR_BOLD, 16, text_of(TEXT_ROW_VERDICT, p->language));
    print_colored(p, colors[v->severity], text_of(verdicts[v->severity], p->language));
    putchar('\n');
    for (int i = 0; i < v->findings.count; i++)
        if (v->findings.items[i].follows_from < 0)
            print_finding(p, v, i, 0);
}

/* ---- Plans --------------------------------------------------------------------------------------*/

static void print_build(const printer *p, const cairn_build *b)
{
    char name[96];
    snprintf(name, sizeof name, "torch %s+%s", b->torch, b->build);
    printf("\n  ");
    print_padded(p, COLOR_BOLD, 22, name);
    printf("Python %s, %s %s", b->python, text_of(TEXT_PLAN_DRIVER, p->language),
           b->driver ? b->driver : "?");
    for (int i = 0; i < b->warn.count; i++) {
        printf(", ");
        print_colored(p, COLOR_YELLOW, b->warn.items[i]);
    }
    printf("\n    ");
    print_wrapped(p, 4, b->why);
    const struct {
        const char *name, *command;
    } commands[] = {{"pip", b->install}, {"uv", b->uv}, {"conda", b->conda}};
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (commands[i].command) {
            printf("    ");
            print_padded(p, COLOR_GREEN, 7, commands[i].name);
            print_safe(commands[i].command);
            putchar('\n');
        }
}

static void print_rejected(const printer *p, const cairn_build *b)
{
    char name[96];
    snprintf(name, sizeof name, "torch %s+%s", b->torch, b->build);
    printf("  ");
    print_padded(p, COLOR_PLAIN, 22, name);
    for (int i = 0; i < b->warn.count; i++)
        printf("%s%s", i ? ", " : "", b->warn.items[i]);
    printf(" -> ");
    print_safe(b->change ? b->change : "");
    putchar('\n');
}

void print_plan(const printer *p, const cairn_verdict *v, bool all)
{
    enum { SHOWN = 5 };
    int runs = all || v->plan.count < SHOWN ? v->plan.count : SHOWN;
    int not = all || v->rejected.count < SHOWN ? v->rejected.count : SHOWN;
    print_colored(p, COLOR_BOLD, text_of(v->plan.count ? TEXT_PLAN_RUNS : TEXT_PLAN_NONE, p->language));
    putchar('\n');
    for (int i = 0; i < runs; i++)
        print_build(p, &v->plan.items[i]);
    if (runs < v->plan.count)
        printf("\n  ... +%d (--all)\n", v->plan.count - runs);
    if (not) {
        putchar('\n');
        print_colored(p, COLOR_BOLD, text_of(TEXT_PLAN_REJECTED, p->language));
        putchar('\n');
    }
    for (int i = 0; i < not; i++)
        print_rejected(p, &v->rejected.items[i]);
    if (not < v->rejected.count)
        printf("  ... +%d (--all)\n", v->rejected.count - not);
    putchar('\n');
    print_verdict(p, v);
}

/* ---- The table of versions and builds ------------------------------------------------------------*/

enum { MOST_TAGS = 32 };

static int compare_tags(const char *a, const char *b)
{
    size_t x = strlen(a), y = strlen(b);
    return x != y ? (x < y ? -1 : 1) : strcmp(a, b);
}

/* The builds of a list, each tag once, in order of CUDA. */
static int add_tags(const cairn_build *items, int count, const char **tags, int n)
{
    for (int i = 0; i < count; i++) {
        int at = 0;
        while (at < n && compare_tags(tags[at], items[i].build) < 0)
            at++;
        if ((at < n && !strcmp(tags[at], items[i].build)) || n == MOST_TAGS)
            continue;
        memmove(tags + at + 1, tags + at, (size_t)(n - at) * sizeof *tags);
        tags[at] = items[i].build;
        n++;
    }
    return n;
}

static const cairn_build *find_build(const cairn_build *items, int count, const char *torch, const char *tag)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(items[i].torch, torch) && !strcmp(items[i].build, tag))
            return &items[i];
    return NULL;
}

static void matrix_cell(const printer *p, const cairn_verdict *v, const char *torch, const char *tag)
{
    const cairn_build *runs = find_build(v->plan.items, v->plan.count, torch, tag);
    const cairn_build *fails = find_build(v->rejected.items, v->rejected.count, torch, tag);
    if (runs)
        print_padded(p, runs->warn.count ? COLOR_YELLOW : COLOR_GREEN, 7, runs->warn.count ? "warn" : "ok");
    else
        print_padded(p, COLOR_GREY, 7, fails ? "-" : "");
}

void print_matrix(const printer *p, const cairn_verdict *v, const cairn_doctor_data *data)
{
    enum { COLUMN = 7, NAME = 10 };
    const char *tags[MOST_TAGS + 1];
    int n = add_tags(v->plan.items, v->plan.count, tags, 0);
    int most = (p->columns - NAME) / COLUMN, skip = n > most ? n - most : 0;
    print_padded(p, COLOR_BOLD, NAME, "torch");
    for (int t = skip; t < n; t++)
        print_padded(p, COLOR_BOLD, COLUMN, tags[t]);
    putchar('\n');
    for (int i = data->torch.count - 1; i >= 0; i--) {
        const char *torch = data->torch.items[i].torch;
        bool again = i + 1 < data->torch.count && !strcmp(torch, data->torch.items[i + 1].torch), any = false;
        for (int t = skip; t < n && !again; t++)
            any |= find_build(v->plan.items, v->plan.count, torch, tags[t]) != NULL;
        if (again || !any)
            continue;
        print_padded(p, COLOR_PLAIN, NAME, torch);
        for (int t = skip; t < n; t++)
            matrix_cell(p, v, torch, tags[t]);
        putchar('\n');
    }
    if (!n)
        puts(text_of(TEXT_PLAN_NONE, p->language));
}

void print_candidates(const printer *p, const cairn_verdict *v)
{
    fprintf(stderr, "%s\n", text_of(TEXT_AMBIGUOUS, p->language));
    for (int i = 0; i < v->candidates.count; i++)
        fprintf(stderr, "  %s\n", v->candidates.items[i]);
}
