/* curve.png: training loss and test accuracy over the epochs. */
#include "tools/tool.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 400, LEFT = 60, RIGHT = 70, TOP = 40, BOTTOM = 40, SCALE = 2, TICKS = 5 };

typedef struct colour { uint8_t r, g, b; } colour;
static const colour black = {40, 40, 40}, grey = {225, 225, 225}, blue = {31, 119, 180}, orange = {230, 110, 10};

typedef struct canvas {
    uint8_t pixels[3][HEIGHT][WIDTH];
} canvas;

static void put(canvas *c, int x, int y, colour k)
{
    if (x < 0 || x >= WIDTH || y < 0 || y >= HEIGHT)
        return;
    c->pixels[0][y][x] = k.r;
    c->pixels[1][y][x] = k.g;
    c->pixels[2][y][x] = k.b;
}

static void line(canvas *c, double x0, double y0, double x1, double y1, int thick, colour k)
{
    int steps = (int)fmax(fabs(x1 - x0), fabs(y1 - y0)) + 1;
    for (int i = 0; i <= steps; i++)
        for (int d = 0; d < thick * thick; d++)
            put(c, (int)(x0 + (x1 - x0) * i / steps) + d % thick, (int)(y0 + (y1 - y0) * i / steps) + d / thick, k);
}

/* ---- Letters of 3 x 5 dots, those that are needed; three bits a row from the top */

static const struct { char letter; uint16_t dots;
} font[] = {
    {'0', 075557}, {'1', 026227}, {'2', 071747}, {'3', 071717}, {'4', 055711}, {'5', 074717}, {'6', 074757},
    {'7', 071122}, {'8', 075757}, {'9', 075717}, {'.', 000002}, {'%', 051245}, {'a', 007757}, {'c', 007447},
    {'e', 075747}, {'g', 075717}, {'h', 044755}, {'i', 020222}, {'l', 022223}, {'n', 006555}, {'o', 007557},
    {'p', 075744}, {'r', 007444}, {'s', 003636}, {'t', 027223}, {'u', 005557}, {'y', 055717}, {'-', 000700},
};

static uint16_t dots_of(char letter)
{
    for (size_t i = 0; i < sizeof font / sizeof *font; i++)
        if (font[i].letter == letter)
            return font[i].dots;
    return 0;
}

static void text(canvas *c, int x, int y, const char *s, colour k)
{
    for (; *s; s++, x += 4 * SCALE)
        for (int i = 0; i < 15 * SCALE * SCALE; i++) {
            int dot = i / (SCALE * SCALE), within = i % (SCALE * SCALE);
            if (dots_of(*s) >> (14 - dot) & 1)
                put(c, x + dot % 3 * SCALE + within % SCALE, y + dot / 3 * SCALE + within / SCALE, k);
        }
}

/* ---- The plot */

/* A range that holds all values, with a little air. */
static void range(int64_t n, const epoch_record *r, bool loss, double *low, double *high)
{
    *low = INFINITY, *high = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
        double v = loss ? r[i].loss : r[i].accuracy;
        *low = fmin(*low, v);
        *high = fmax(*high, v);
    }
    double air = fmax((*high - *low) * 0.08, loss ? 0.01 : 0.5);
    *low = fmax(*low - air, 0);
    *high = loss ? *high + air : fmin(*high + air, 100);
}

static double x_of(int64_t i, int64_t n)
{
    return LEFT + (n > 1 ? (double)i / (double)(n - 1) : 0.5) * (WIDTH - LEFT - RIGHT);
}

static double y_of(double v, double low, double high)
{
    return HEIGHT - BOTTOM - (v - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
}

static void axis(canvas *c, double low, double high, bool loss)
{
    for (int i = 0; i <= TICKS; i++) {
        char number[32];
        double v = low + (high - low) * i / TICKS, y = y_of(v, low, high);
        if (loss)
            line(c, LEFT, y, WIDTH - RIGHT, y, 1, grey);
        snprintf(number, sizeof number, loss ? "%.3f" : "%.1f%%", v);
        text(c, loss ? 6 : WIDTH - RIGHT + 10, (int)y - 5, number, loss ? blue : orange);
    }
}

static void curve(canvas *c, int64_t n, const epoch_record *r, bool loss, double low, double high)
{
    for (int64_t i = 0; i < n; i++) {
        double v = loss ? r[i].loss : r[i].accuracy, x = x_of(i, n), y = y_of(v, low, high);
        if (i)
            line(c, x_of(i - 1, n), y_of(loss ? r[i - 1].loss : r[i - 1].accuracy, low, high), x, y, 2,
                 loss ? blue : orange);
        line(c, x - 2, y - 2, x + 2, y - 2, 5, loss ? blue : orange);
    }
}

static void epochs_below(canvas *c, int64_t n)
{
    int64_t every = n / 10 + 1;
    for (int64_t i = 0; i < n; i += every) {
        char number[32];
        snprintf(number, sizeof number, "%lld", (long long)i + 1);
        text(c, (int)x_of(i, n) - 4, HEIGHT - BOTTOM + 8, number, black);
    }
    text(c, WIDTH / 2 - 20, HEIGHT - 14, "epoch", black);
}

bool write_curve(const char *path, int64_t epochs, const epoch_record *record)
{
#ifndef HAVE_PNG
    printf("%s is left out: Cairn was built without libpng (package libpng-dev)\n", path);
    return true;
#endif
    canvas *c = malloc(sizeof *c);
    if (!c)
        return false;
    memset(c, 255, sizeof *c);
    for (int loss = 1; loss >= 0; loss--) {
        double low, high;
        range(epochs, record, loss, &low, &high);
        axis(c, low, high, loss);
        curve(c, epochs, record, loss, low, high);
    }
    line(c, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM, 1, black);
    epochs_below(c, epochs);
    text(c, LEFT, 12, "training loss", blue);
    text(c, WIDTH - RIGHT - 104, 12, "test accuracy", orange);
    cairn_mark m = cairn_scope_push();
    cairn_status status = cairn_save_png(path, cairn_from(c->pixels, CAIRN_SHAPE(3, HEIGHT, WIDTH), CAIRN_U8));
    cairn_scope_pop(m, NULL);
    free(c);
    return !status;
}
