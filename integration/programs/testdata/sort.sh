# sort with its temporary files here, 200 MB of them.
cd /tmp
awk 'BEGIN { srand(1); for (i = 0; i < 4000000; i++) printf "%09d %030d\n", int(rand() * 999999999), i }' | sort -S 8M -T /tmp --parallel=2 -o sorted
sort -c -S 8M sorted
test "$(wc -l < sorted)" = 4000000
test "$(ls -A)" = sorted
