/* The loop of statMissing in C: prints nanoseconds per call. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

int main(int argc, char **argv)
{
	int n = atoi(argv[1]);
	char name[64];
	struct stat st;
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof name, "n%s-%d", argv[2], 1000000 + i);
		if (stat(name, &st) == 0)
			return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &b);
	printf("%f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / n);
	return 0;
}
