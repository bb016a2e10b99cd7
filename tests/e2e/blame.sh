#!/usr/bin/env bash
# `layoutfs blame`: the layer and the build step of each file, the files that layers took away, and random layers
# against a slow model.
. "$(dirname "$0")/lib.sh"
need jq python3
python3 - "$CORPUS" "$TMP/img" <<'PYTHON' || exit 1
import sys
sys.path.insert(0, sys.argv[1])
from ocilib import Layout, Tar, sha
layers = [
    Tar().dir("usr").dir("usr/bin").file("usr/bin/tool", "1").symlink("bin", "usr/bin").dir("etc").file("etc/old", "x").file("etc/kept", "x"),
    Tar().file("bin/more", "2").dir("etc", mode=0o700).whiteout("etc/old").dir("cache").file("cache/a", "a").file("cache/b", "b"),
    Tar().file("usr/bin/tool", "3").opaque("cache").file("cache/c").add("usr/bin/same", "hardlink", target="usr/bin/more"),
]
layout = Layout()
history = [{"created_by": "ADD rootfs.tar /"}, {"created_by": "ENV A=b", "empty_layer": True},
           {"created_by": "RUN install more things, with a command that is\t long"}, {"created_by": "COPY tool /usr/bin"}]
config = layout.config([sha(tar.bytes()) for tar in layers], history=history)
layout.tag("app", layout.manifest(config, [layout.layer(tar) for tar in layers]))
layout.tag("bare", layout.image(layers[:1]))
layout.tag("empty", layout.image([]))
layout.tag("odd", layout.image([Tar().dir("a").file("a/b").hardlink("c", "none")]))
layout.write(sys.argv[2])
PYTHON
L=$TMP/img

echo "-- files"
prints "blame prints the layer and the build step of each file" "LAYER  CREATED BY                                PATH
    0  ADD rootfs.tar /                          /
    0  ADD rootfs.tar /                          /bin
    1  RUN install more things, with a comma...  /cache
    2  COPY tool /usr/bin                        /cache/c
    1  RUN install more things, with a comma...  /etc
    0  ADD rootfs.tar /                          /etc/kept
    0  ADD rootfs.tar /                          /usr
    0  ADD rootfs.tar /                          /usr/bin
    1  RUN install more things, with a comma...  /usr/bin/more
    2  COPY tool /usr/bin                        /usr/bin/same
    2  COPY tool /usr/bin                        /usr/bin/tool" blame "$L:app"
prints "blame PATH prints only the files below it" "LAYER  CREATED BY                                PATH
    1  RUN install more things, with a comma...  /etc
    0  ADD rootfs.tar /                          /etc/kept" blame "$L:app" /etc/
prints "blame PATH follows symlinks of directories, and prints the place of the file" "LAYER  CREATED BY                                PATH
    1  RUN install more things, with a comma...  /usr/bin/more" blame "$L:app" bin/more
prints "blame prints a symlink itself" "LAYER  CREATED BY                                PATH
    0  ADD rootfs.tar /                          /bin" blame "$L:app" bin
prints "blame --no-trunc prints whole commands" "LAYER  CREATED BY                                            PATH
    1  RUN install more things, with a command that is long  /usr/bin/more" blame --no-trunc --layout "$L" --ref app bin/more
prints "blame of an image without a history prints the layers" "LAYER  CREATED BY  PATH
    0              /etc/kept" blame "$L:bare" etc/kept
prints "blame of an image without layers prints only the header" "LAYER  CREATED BY  PATH" blame "$L:empty"
layoutfs blame --json "$L:app" >"$TMP/json"
same "blame --json has the layers with their digests and build steps" \
  "$(layoutfs inspect --json "$L:app" | jq -c '[1, [.layers[].digest], .layers[1].createdBy]')" \
  "$(jq -c '[.version, [.layers[].digest], .layers[1].createdBy]' "$TMP/json")"
same "blame --json has the layer of each file" '["etc/kept","file",0,0]' "$(jq -c '.files[] | select(.path == "etc/kept") | [.path, .type, .layer, .contentLayer]' "$TMP/json")"
same "blame --json has the layer of the content of a hard link" '[2,1]' "$(jq -c '.files[] | select(.path == "usr/bin/same") | [.layer, .contentLayer]' "$TMP/json")"
same "blame lists the files that ls lists" "$(layoutfs ls -R --json "$L:app" | jq -r '.files[].path' | sort)" "$(jq -r '.files[].path | select(. != "")' "$TMP/json" | sort)"

echo "-- deleted files"
prints "blame --deleted prints the layer that had each file, and the one that took it away" "LAYER  HOW          BY  CREATED BY                                PATH
    0  whiteout      1  RUN install more things, with a comma...  /etc/old
    0  replaced      2  COPY tool /usr/bin                        /usr/bin/tool
    1  opaque        2  COPY tool /usr/bin                        /cache/a
    1  opaque        2  COPY tool /usr/bin                        /cache/b" blame --deleted "$L:app"
prints "blame --deleted PATH accepts a deleted file" "LAYER  HOW          BY  CREATED BY                                PATH
    0  whiteout      1  RUN install more things, with a comma...  /etc/old" blame --deleted "$L:app" /etc/old
prints "blame --deleted prints only the header if nothing is deleted" "LAYER  HOW          BY  CREATED BY                                PATH" blame --deleted "$L:app" /etc/kept
same "blame --deleted --json has the same" '[["etc/old","file",0,"whiteout",1],["usr/bin/tool","file",0,"replaced",2],["cache/a","file",1,"opaque",2],["cache/b","file",1,"opaque",2]]' \
  "$(layoutfs blame --deleted --json "$L:app" | jq -c '[.deleted[] | [.path, .type, .layer, .how, .by]]')"

echo "-- faults"
refused "blame refuses to run without an image" 2 blame
refused "blame refuses two paths" 2 blame "$L:app" etc bin
refused "blame refuses an unknown reference" 3 blame "$L:none"
refused "blame refuses a path that does not exist" 3 blame "$L:app" none
refused "blame refuses a deleted path without --deleted" 3 blame "$L:app" etc/old
refused "blame --deleted refuses a path that never existed" 3 blame --deleted "$L:app" none
refused "blame refuses a path below a file" 3 blame "$L:app" etc/kept/x
layoutfs blame --json "$L:odd" >"$TMP/json" 2>"$TMP/stderr"
same "blame exits with 7 if an entry cannot be applied, and prints the rest" "7 [1,3]" "$? $(jq -c '[(.problems | length), (.files | length)]' "$TMP/json")"

echo "-- random layers"
mkdir "$TMP/random"
python3 "$HERE/blame_model.py" "$LAYOUTFS" "$TMP/random" || not_ok "blame finds the layers that the model finds"
