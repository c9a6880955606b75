# tmux: server, socket and client all live in /tmp.
export TERM=xterm SHELL=/bin/sh
tmux -f /dev/null new-session -d -s one 'echo from tmux > /tmp/said; exec sleep 1000'
tmux list-sessions | grep -q '^one:'
for _ in $(seq 200); do if test -s /tmp/said; then break; fi; sleep 0.05; done
test "$(cat /tmp/said)" = 'from tmux'
test -S "/tmp/tmux-$(id -u)/default"
tmux kill-server
