# flags: --permissions=posix
# Tests of standard packages that are hard on a file system, with their temporary files here.
export TMPDIR=/tmp GOTMPDIR=/tmp
export GOFLAGS=
cd "$HOME"
go test -count=1 -short io/ioutil path/filepath archive/tar internal/poll
# In a user namespace os's tests trip over groups that have no number there, on any filesystem.
if [ "$(id -u)" != 0 ]; then exit 0; fi
# Files of any FUSE filesystem can be polled, which this one test takes for a fault (fs/fuse/file.c, fuse_file_poll).
go test -count=1 -short -skip TestNonpollableDeadline os
