# clone, commit, branch, gc, fsck of a repository with a history.
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.test GIT_COMMITTER_NAME=c GIT_COMMITTER_EMAIL=c@example.test
cd /tmp
git init -q -b main origin && cd origin
for i in $(seq 30); do
	mkdir -p d$((i % 5))
	seq $((i * 50)) > d$((i % 5))/f$i
	printf '#!/bin/sh\necho %d\n' $i > run.sh && chmod +x run.sh
	git add -A && git commit -q -m "commit $i"
done
git gc -q --aggressive
cd ..
git clone -q --no-local origin clone
git clone -q origin hardlinks
git clone -q --bare file:///tmp/origin bare.git
cd clone
git fsck --full --strict
test "$(git log --oneline | wc -l)" = 30
test -z "$(git status --porcelain)"
test "$(./run.sh)" = 30
git checkout -q -b topic HEAD~10 && echo more >> d0/f5 && git commit -q -am topic && git rebase -q main && git stash list
git worktree add -q ../tree main && git -C ../tree status --porcelain
git push -q origin topic
git gc -q --prune=now && git fsck --full
cd ../bare.git && git repack -q -a -d && git fsck --full
cd .. && rm -rf origin clone hardlinks bare.git tree && test -z "$(ls -A)"
