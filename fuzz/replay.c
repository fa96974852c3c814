/*
 * replay.c - runs a fuzz target over the files of its corpus, each whole and
 * cut short at a few places.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLAY_MAX (4u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* A block of exactly its size, so that a sanitizer sees every overrun. */
static void
replay_bytes(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size != 0 ? size : 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}


static int
replay_file(const char *path)
{
    size_t   i, n;
    FILE    *f = fopen(path, "rb");
    uint8_t *data = malloc(REPLAY_MAX);

    if (f == NULL || data == NULL) {
        free(data);
        return 0;
    }

    n = fread(data, 1, REPLAY_MAX, f);
    fclose(f);
    for (i = 0; i <= 16; i++) {
        replay_bytes(data, n * i / 16);
    }
    free(data);
    return 1;
}


int
main(int argc, char **argv)
{
    int            files = 0;
    char           path[4096];
    DIR           *dir = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *e;

    if (dir == NULL) {
        fprintf(stderr, "usage: replay CORPUS\n");
        return 2;
    }

    replay_bytes((const uint8_t *) "", 0);
    while ((e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof(path), "%s/%s", argv[1], e->d_name);
            files += replay_file(path);
        }
    }
    closedir(dir);

    printf("%d files\n", files);
    return files != 0 ? 0 : 1; /* an empty corpus tests nothing */
}
