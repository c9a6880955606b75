# An editor with swap and backup files beside the text, both ways to write.
cd /tmp
seq 1000 > text
vi=$(command -v vim.tiny || command -v vim)
for copy in yes no auto; do
	TERM=dumb $vi -u NONE -N -es -c 'set swapfile directory=. backup backupcopy='$copy' writebackup' -c '%s/5/five/g' -c 'swapname' -c 'wq' text < /dev/null > /dev/null || true
	grep -q five text
	sed -i 's/five/5/g' text
done
test "$(wc -l < text)" = 1000
test "$(stat -c %a text)" = 600
ls -A | grep -v '^text~\?$' && exit 1
# The swap file of a killed editor is found.
TERM=dumb $vi -u NONE -N -es -c 'set swapfile directory=. updatecount=1' -c 'normal Gonew line' -c 'preserve' -c '!kill -KILL $PPID' text < /dev/null > /dev/null 2>&1 || true
test -e .text.swp
