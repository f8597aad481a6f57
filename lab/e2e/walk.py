# Prints every file below the folders in argv as a line: mtime, type and mode,
# owner, digest or target of a link, path. Runs on a host.
import hashlib, os, stat, sys

def digest(path, info):
    if stat.S_ISLNK(info.st_mode):
        return os.readlink(path)
    if not stat.S_ISREG(info.st_mode):
        return "-"
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()

def show(path):
    try:
        info = os.lstat(path)
        print(info.st_mtime_ns, "%o" % info.st_mode, "%d:%d" % (info.st_uid, info.st_gid), digest(path, info), path, sep="\t")
    except FileNotFoundError:
        pass # deleted meanwhile

skip = set(sys.argv[1].split(","))
for root in sys.argv[2:]:
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if os.path.join(folder, f) not in skip]
        for name in folders + files:
            show(os.path.join(folder, name))
