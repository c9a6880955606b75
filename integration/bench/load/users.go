package load

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// firstUser is the number of the first of Job.Users.
const firstUser = 200_000

// runUsers measures an operation by several users, one after the other: all have their files, open where the
// operation has them open, while each works. What one process of one user does in the same time can be
// compared with it; several at once would show what the CPUs are.
func runUsers(j *Job, o operation) (float64, error) {
	users := j.Users
	if o.large {
		users = 1
	}
	sizes := j.Sizes.share(users)
	var crew workers
	defer crew.end()
	for i := range users {
		dir := j.userDir(i)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Chown(dir, firstUser+i, firstUser+i)); err != nil {
			return 0, err
		}
		if err := crew.add(order{Operation: o.name, Dir: dir, User: firstUser + i, Sample: j.Sample / time.Duration(users), Steps: j.Steps, Sizes: sizes}); err != nil {
			return 0, err
		}
	}
	return crew.inTurn()
}

// userDir is beside the job's directory, which nobody else may enter.
func (j *Job) userDir(i int) string { return j.Dir + userDirs + strconv.Itoa(i) }

const userDirs = ".user"

// clean removes everything of the job's.
func (j *Job) clean() error {
	dirs, err := filepath.Glob(j.Dir + userDirs + "*")
	for _, dir := range append(dirs, j.Dir) {
		err = errors.Join(err, os.RemoveAll(dir))
	}
	return err
}
