"""The patterns of tempfile on /tmp; it fails by an exception."""
import fcntl, mmap, multiprocessing, os, pathlib, shutil, socket, stat, subprocess, sys, tempfile

assert tempfile.gettempdir() == "/tmp", tempfile.gettempdir()


def empty():
    return os.listdir("/tmp") == []


with tempfile.TemporaryFile() as f:  # O_TMPFILE
    f.write(b"x" * 100_000)
    f.seek(0)
    assert len(f.read()) == 100_000
    assert os.fstat(f.fileno()).st_nlink == 0
    assert empty()
    m = mmap.mmap(f.fileno(), 4096)
    m[:3] = b"map"
    m.flush()
    m.close()
    f.seek(0)
    assert f.read(3) == b"map"

with tempfile.TemporaryFile("w+") as f:
    print("text\n" * 1000, file=f)
    f.seek(0)
    assert f.readline() == "text\n"

with tempfile.NamedTemporaryFile() as f:
    f.write(b"named")
    f.flush()
    assert open(f.name, "rb").read() == b"named"
    assert stat.S_IMODE(os.stat(f.name).st_mode) == 0o600
    assert subprocess.run(["cat", f.name], capture_output=True, check=True).stdout == b"named"
assert empty()

f = tempfile.NamedTemporaryFile(delete=False, suffix=".txt", prefix="keep-")
f.write(b"kept")
f.close()
assert open(f.name, "rb").read() == b"kept"
os.chmod(f.name, 0o644)
os.replace(f.name, "/tmp/other")
os.unlink("/tmp/other")

if sys.version_info >= (3, 12):
    with tempfile.NamedTemporaryFile(delete_on_close=False) as f:
        f.write(b"reopened")
        f.close()
        assert open(f.name, "rb").read() == b"reopened"
else:  # what delete_on_close=False is, before it was
    f = tempfile.NamedTemporaryFile(delete=False)
    with f:
        f.write(b"reopened")
    with open(f.name, "r+b") as again:
        assert again.read() == b"reopened"
    os.unlink(f.name)
assert empty()

with tempfile.SpooledTemporaryFile(max_size=1000) as f:
    f.write(b"a" * 500)
    f.write(b"b" * 5000)  # rolls over to a file
    f.seek(0)
    assert len(f.read()) == 5500

with tempfile.TemporaryDirectory() as d:
    for i in range(200):
        pathlib.Path(d, f"f{i}").write_text(str(i))
    os.makedirs(d + "/a/b/c")
    os.symlink("f1", d + "/link")
    os.chmod(d + "/a", 0o500)
    os.chmod(d + "/a", 0o700)
    shutil.copytree(d, d + "-copy", symlinks=True)
    shutil.rmtree(d + "-copy")
assert empty()

fd, name = tempfile.mkstemp()
os.write(fd, b"stemp")
assert os.pread(fd, 5, 0) == b"stemp"
os.close(fd)
os.unlink(name)
name = tempfile.mkdtemp(prefix="dir")
assert stat.S_IMODE(os.stat(name).st_mode) == 0o700
os.rmdir(name)
try:
    os.open(tempfile.mkstemp(dir="/tmp")[1], os.O_CREAT | os.O_EXCL)
    raise AssertionError("O_EXCL made what was there")
except FileExistsError:
    pass
for left in os.listdir("/tmp"):
    os.unlink("/tmp/" + left)

# A descriptor passed to another process.
with tempfile.TemporaryFile() as f:
    f.write(b"passed")
    f.flush()
    out = subprocess.run([sys.executable, "-c", f"import os; print(os.pread({f.fileno()}, 6, 0))"], pass_fds=[f.fileno()], capture_output=True, check=True)
    assert out.stdout.strip() == b"b'passed'"
    a, b = socket.socketpair()
    socket.send_fds(a, [b"x"], [f.fileno()])
    _, fds, _, _ = socket.recv_fds(b, 10, 1)
    assert os.pread(fds[0], 6, 0) == b"passed"
    os.close(fds[0])


# A lock file between processes, and a counter that it guards.
def count(n):
    for _ in range(n):
        with open("/tmp/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with open("/tmp/counter", "r+") as c:
                value = int(c.read() or 0)
                c.seek(0)
                c.write(str(value + 1))


open("/tmp/counter", "w").close()
workers = [multiprocessing.get_context("fork").Process(target=count, args=(200,)) for _ in range(4)]
for w in workers:
    w.start()
for w in workers:
    w.join()
    assert w.exitcode == 0
assert open("/tmp/counter").read() == "800", open("/tmp/counter").read()

# lockf, and a manager that listens on a socket in /tmp.
with open("/tmp/lock", "w") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
with multiprocessing.Manager() as manager:
    shared = manager.dict()
    shared["x"] = 1
    assert dict(shared) == {"x": 1}
