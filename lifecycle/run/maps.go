package run

import (
	"strconv"
	"sync"

	"vanishfs/fs"
)

// The daemon has to know what the command's processes have mapped (see
// fs.Options.MayMap). For an ordinary user it cannot look: they are in
// init's user namespace, which is not its own (kernel/ptrace.c,
// __ptrace_may_access). Init can, so the daemon asks it, over a line that is
// for nothing else.

// An asker is the daemon's end. Its method may be called from any goroutine.
type asker struct {
	mu   sync.Mutex // one question at a time
	line line
}

func newAsker(l line) *asker { return &asker{line: l} }

// mayMap is yes without an answer.
func (a *asker) mayMap(pid uint32, ino uint64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	question := message{kind: msgQuestion, number: int(pid), text: strconv.FormatUint(ino, 10)}
	if a.line.send(question) != nil {
		return true
	}
	m, err := a.line.receive()
	return err != nil || m.number != notMapped
}

// notMapped is the number of an answer that is no.
const notMapped = 1

// answerMaps is init's end. It returns when the daemon has died. All processes that it looks at are the one user's.
func answerMaps(l line) {
	defer l.close()
	looks := fs.NewLooks(fs.MayMap)
	for {
		m, err := l.receive()
		if err != nil {
			return
		}
		answer := message{kind: msgQuestion}
		if ino, err := strconv.ParseUint(m.text, 10, 64); err == nil && !looks.MayMap(uint32(m.number), 0, ino) {
			answer.number = notMapped
		}
		if l.send(answer) != nil {
			return
		}
	}
}
