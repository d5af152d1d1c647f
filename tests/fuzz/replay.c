/* SPDX-License-Identifier: ISC */
/*
 * A main() for fuzz targets where libFuzzer is not linked: runs the target over each file given,
 * and over each file in the folders given. A fault ends the program by signal or sanitizer; 0 means
 * that every input passed. Finding new inputs is libFuzzer's part (./dev fuzz).
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t inputs;

static void replay_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;

	if (!file || fstat(fileno(file), &st) != 0) {
		perror(path);
		exit(2);
	}

	/* Exactly as large as the input, so that a sanitizer sees each byte read past it. */
	size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);

	if (!data || fread(data, 1, size, file) != size) {
		perror(path);
		exit(2);
	}
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
}

static void replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	char name[4096];

	if (!folder) {
		perror(path);
		exit(2);
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		int length = snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		if (length < 0 || (size_t)length >= sizeof(name)) {
			fprintf(stderr, "%s: path too long\n", entry->d_name);
			exit(2);
		}
		replay_file(name);
	}
	closedir(folder);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_folder(argv[i]);
		else
			replay_file(argv[i]);
	}
	printf("%zu inputs\n", inputs);
	return inputs > 0 ? 0 : 2;
}
