# ssh-agent: a socket in a directory of mode 0700 in /tmp.
eval "$(ssh-agent -s)" > /dev/null
test "$(stat -c %a "$(dirname "$SSH_AUTH_SOCK")")" = 700
ssh-keygen -q -t ed25519 -N '' -f /tmp/key
ssh-add -q /tmp/key
ssh-add -l | grep -q ED25519
ssh-agent -k > /dev/null
for _ in $(seq 200); do if test ! -e "$SSH_AUTH_SOCK"; then break; fi; sleep 0.05; done
test ! -e "$SSH_AUTH_SOCK"
