"""Rows about new images of changes, and about questions that the indexes of an image answer."""
import os
import shutil

import layouts
from harness import by_turns, run
from rows import limited, within

FILES, BYTES = 10_000, 200 << 20
SECONDS = 0.2  # for an answer


def commits(b):
    """Commits a directory of changes, of real files, to a small image."""
    base, upper, packed = b.work / "base", b.work / "upper", b.work / "upper.tar.zst"
    layouts.many(base, 1, 1)
    left, chosen = BYTES, []
    for path, size in b.files:
        if len(chosen) == FILES:
            break
        if size <= left:
            chosen.append(path)
            left -= size
    for path in chosen:
        (upper / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(b.tree / path, upper / path)
    b.settle()
    image = "%s:application-0:1.0" % base

    def ours():
        b.settle()
        return run(b.layoutfs, "commit", "--force", "--no-progress", "--cache-dir", b.work / "no-cache", upper, image, "new")

    def tar_and_zstd():
        b.settle()
        return run("sh", "-c", 'tar -C "$0" -cf - . | zstd -qf -3 -o "$1" && sync "$1"', upper, packed)

    times = by_turns(b.rounds(5), ours=ours, tar=tar_and_zstd)
    what = "commit %d files of %d MB" % (len(chosen), (BYTES - left) // 1_000_000)
    note = "%.3f of the bytes of `zstd -3`" % (layer_bytes(base) / os.path.getsize(packed))
    yield within("commit", what, times["ours"], "tar, zstd -3 and sync", times["tar"], 1.3, note)
    shutil.rmtree(upper)
    yield from answers(b)


def layer_bytes(layout):
    return max(path.stat().st_size for path in (layout / "blobs/sha256").iterdir())


def answers(b):
    """Asks about an image with a second layer of 100 changed files, and about the image below it."""
    pair, upper = b.work / "pair", b.work / "changed"
    run(b.layoutfs, "copy", "-q", b.image("gzip"), "%s:one" % pair)
    for path, _ in b.files[:: max(1, len(b.files) // 100)]:
        (upper / path).parent.mkdir(parents=True, exist_ok=True)
        (upper / path).write_text("changed\n")
    one, two = "%s:one" % pair, "%s:two" % pair
    run(b.layoutfs, "commit", "--no-progress", "--cache-dir", b.cache, upper, one, "two")
    run(b.layoutfs, "ls", "--no-progress", "--cache-dir", b.cache, two, "/")
    commands = {
        "diff": ("diff", one, two),
        "blame": ("blame", two),
        "du": ("du", two),
        "history": ("history", two),
        "find": ("find", two, "-name", "*.h"),
    }
    sides = {
        name: lambda words=words: run(b.layoutfs, words[0], "--cache-dir", b.cache, *words[1:], allow=(0, 1))
        for name, words in commands.items()
    }
    times = by_turns(b.rounds(5), **sides)
    for name, sample in times.items():
        yield limited("answer-" + name, "`%s` of an image of %d entries" % (name, b.entries), sample, sample.median, "s", SECONDS)
    shutil.rmtree(pair)
