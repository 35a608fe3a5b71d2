/* embed OUT NAME=FILE...: a C source in which each file is a text under its name. A program of the
 * build's, not of the library's. */
#include <stdio.h>
#include <string.h>

static int embed(FILE *out, const char *name, const char *path) {
    FILE *in = fopen(path, "rb");
    if (!in) return 0;
    fprintf(out, "    {\"%s\",\n     \"", name);
    for (int c; (c = fgetc(in)) != EOF;) {
        if (c == '"' || c == '\\') fputc('\\', out);
        if (c == '\n')
            fputs("\\n\"\n     \"", out);
        else
            fputc(c, out);
    }
    fputs("\"},\n", out);
    return fclose(in) == 0;
}

int main(int argc, char **argv) {
    FILE *out = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (!out) return 1;
    fputs("#include \"cuda/runtime/cuda_compile_internal.h\"\n\n"
          "const reel__cuda_header reel__cuda_headers[] = {\n",
          out);
    for (int i = 2; i < argc; i++) {
        char *path = strchr(argv[i], '=');
        if (!path) return 1;
        *path++ = 0;
        if (!embed(out, argv[i], path)) {
            fprintf(stderr, "embed: %s can't be read\n", path);
            return 1;
        }
    }
    fprintf(out, "};\nconst int reel__cuda_header_count = %d;\n", argc - 2);
    return fclose(out) != 0;
}
