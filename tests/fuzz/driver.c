/* Runs a fuzz target without libFuzzer: every file of the seed folder, mutations of them, and noise.
 *
 *     fuzz_npy tests/fuzz/seeds/npy
 *
 * The mutations are the same every time (the generator's seed is fixed): this is a regression test that
 * any compiler can run. libFuzzer, which searches, runs in `make test-long`. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_BYTES = 1 << 16, MUTATIONS = 2000, NOISE = 10000 };

static uint64_t state = 1;

static uint32_t random_below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* Flips, overwrites with values that break arithmetic, cuts, doubles. Returns the new size. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, '{', '"', '\n'};
    for (uint32_t times = 1 + random_below(6); times && size; times--) {
        size_t at = random_below((uint32_t)size);
        switch (random_below(5)) {
        case 0: data[at] ^= (uint8_t)(1u << random_below(8)); break;
        case 1: data[at] = edges[random_below(sizeof edges)]; break;
        case 2: memset(data + at, edges[random_below(5)], size - at < 8 ? size - at : 8); break;
        case 3: size = at; break;
        case 4:
            if (size + (size - at) <= MOST_BYTES) {
                memmove(data + size, data + at, size - at);
                size += size - at;
            }
        }
    }
    return size;
}

/* The target gets memory of its exact size, so that the address sanitizer sees every byte too far. */
static void feed(const uint8_t *data, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        exit(1);
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

static void run_seed(const uint8_t *seed, size_t size)
{
    static uint8_t work[MOST_BYTES];
    feed(seed, size);
    for (int i = 0; i < MUTATIONS; i++) {
        memcpy(work, seed, size);
        feed(work, mutate(work, size));
    }
}

static int run_file(const char *folder, const char *name)
{
    static uint8_t data[MOST_BYTES];
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return 0;
    size_t size = fread(data, 1, sizeof data, f);
    fclose(f);
    run_seed(data, size);
    return 1;
}

int main(int argc, char **argv)
{
    int seeds = 0;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            seeds += run_file(argv[1], entry->d_name);
    if (folder)
        closedir(folder);
    feed((const uint8_t *)"", 0);
    uint8_t noise[256];
    for (int round = 0; round < NOISE; round++) {
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)random_below(256);
        feed(noise, round % 2 ? sizeof noise : 64);
    }
    run_seed(noise, 64);
    printf("%d seeds, %d mutations of each, noise %d times\n", seeds, MUTATIONS, NOISE);
    return 0;
}
