# An archive of everything tar knows, out and in again, and by cpio's and rsync's side.
cd /tmp
mkdir -p tree/sub/deep && cd tree
head -c 300000 /dev/urandom > random
truncate -s 10M sparse && printf x | dd of=sparse bs=1 seek=5000000 conv=notrunc status=none
ln random hard && ln -s random soft && ln -s /nowhere dangling && mkfifo pipe
touch -d '2001-02-03 04:05:06.123456789' sub/old && printf '#!/bin/sh\n' > sub/run && chmod 755 sub/run
for i in $(seq 500); do echo $i > sub/deep/$i; done
cd ..
tar --format=pax -cSf a.tar tree
mkdir out && tar -xpf a.tar -C out
diff <(cd tree; find . ! -type p -printf '%p %y %s %m %n %T@\n' | sort) <(cd out/tree; find . ! -type p -printf '%p %y %s %m %n %T@\n' | sort)
tar -df a.tar
# Of 20480 blocks; one huge page may be behind the one byte.
test "$(stat -c %b out/tree/sparse)" -le 4096
test -x out/tree/sub/run
tar -czf - tree | tar -tzf - | wc -l > /dev/null
tar -cf - -C tree . | tar -xf - -C out
cp -a tree copy && diff -r --no-dereference -x pipe tree copy
rm -rf tree out copy a.tar && test -z "$(ls -A)"
