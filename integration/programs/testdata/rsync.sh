# rsync -a into here and within: nothing to do the second time.
mkdir -p "$HOME/src/sub"
cd "$HOME/src"
for i in $(seq 200); do head -c $((i * 37)) /dev/urandom > sub/$i; done
ln -s sub/1 link && ln sub/2 hard && chmod 700 sub/3 && chmod 600 sub/4
umask 077 && chmod -R go= .
rsync -aH --numeric-ids "$HOME/src/" /tmp/dst/
test -z "$(rsync -aHi --numeric-ids "$HOME/src/" /tmp/dst/)"
echo changed > sub/5 && rm sub/6
test "$(rsync -aHi --delete "$HOME/src/" /tmp/dst/ | grep -c 'sub/[56]$')" = 2
rsync -a --inplace /tmp/dst/ /tmp/dst2/
rsync -aAX --partial --sparse /tmp/dst/ /tmp/dst3/ 2> /tmp/log || { grep -qi 'not supported' /tmp/log; }
diff -r /tmp/dst /tmp/dst2
