# A script with mktemp and trap, here-documents, process substitution and a pipe in /tmp.
(
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	file=$(mktemp "$work/XXXXXX")
	cat > "$file" <<-TEXT
		one
		two
	TEXT
	mkfifo "$work/pipe"
	sort -r "$file" > "$work/pipe" &
	test "$(head -1 "$work/pipe")" = two
	wait
	exec 3<> "$file"
	rm "$file"
	read -r line <&3
	test "$line" = one
	diff <(seq 10) <(seq 10)
	set -C
	: > "$work/lock"
	if (: > "$work/lock") 2> /dev/null; then exit 9; fi
	set +C
	flock "$work/lock" sh -c 'flock -n "$0" true && exit 8 || exit 0' "$work/lock"
	install -m 755 -D /bin/true "$work/bin/prog" && "$work/bin/prog"
	split -b 100 -d <(seq 1000) "$work/part" && cat "$work"/part* | cmp - <(seq 1000)
	patch --version > /dev/null 2>&1 || true
	sed -i s/x/y/ "$work/lock"
	tee "$work/a" "$work/b" <<< both > /dev/null && cmp "$work/a" "$work/b"
)
test -z "$(ls -A /tmp)"
