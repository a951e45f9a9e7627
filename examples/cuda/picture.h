/* A field as a picture: a PPM file, blue below zero, red above. */
#ifndef EXAMPLES_CUDA_PICTURE_H
#define EXAMPLES_CUDA_PICTURE_H
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

static inline void write_picture(const char *file, const std::vector<float> &field, int width, int height)
{
    std::vector<float> sizes(field.size());
    for (size_t i = 0; i < field.size(); i++)
        sizes[i] = std::fabs(field[i]);
    std::nth_element(sizes.begin(), sizes.begin() + sizes.size() * 99 / 100, sizes.end());
    float top = std::fmax(sizes[sizes.size() * 99 / 100], 1e-20f);
    FILE *out = std::fopen(file, "wb");
    if (!out) {
        std::fprintf(stderr, "cannot write %s\n", file);
        return;
    }
    std::fprintf(out, "P6\n%d %d\n255\n", width, height);
    for (float x : field) {
        float t = std::fmin(std::fmax(x / top, -1.0f), 1.0f), fade = 255 * (1 - std::fabs(t));
        unsigned char pixel[3] = {(unsigned char)(t > 0 ? 255 : fade), (unsigned char)fade, (unsigned char)(t < 0 ? 255 : fade)};
        std::fwrite(pixel, 1, 3, out);
    }
    std::fclose(out);
}

#endif
