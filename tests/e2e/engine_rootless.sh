#!/usr/bin/env bash
# `layoutfs engine podman --user` for an ordinary user with subordinate ids: the printed command mounts in the user's
# namespaces, and podman finds the images and the owners of their files.
. "$(dirname "$0")/lib.sh"
need_root
need_fuse
need_own_mounts
need podman newuidmap busybox python3 zstd jq
prepare_nobody
mount --bind "$TMP/fuse" /dev/fuse || skip "cannot cover /dev/fuse here"
for file in subuid subgid; do
  echo nobody:100000:65536 >"$TMP/$file"
  # The file need not exist.
  [ -e /etc/$file ] || : >/etc/$file
  mount --bind "$TMP/$file" /etc/$file || skip "cannot cover /etc/$file here"
done
L=$TMP/home/img
python3 "$HERE/make-store-image.py" "$L" "$(command -v busybox)" || exit 1
mkdir -p "$TMP/home/.config/containers" "$TMP/run" "$TMP/home/tmp"
chmod 700 "$TMP/run"
printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_backend = "none"\n' >"$TMP/home/.config/containers/containers.conf"
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >"$TMP/home/.config/containers/policy.json"
chown -R nobody:nogroup "$TMP/home" "$TMP/run"
# user COMMAND...: runs it as that user. A program, so that checks with a time limit can run it.
mkdir "$TMP/programs"
cat >"$TMP/programs/user" <<END
#!/bin/sh
cd "$TMP/home" && exec timeout $PATIENCE setpriv --reuid=nobody --regid=nogroup --clear-groups env -i HOME="$TMP/home" XDG_RUNTIME_DIR="$TMP/run" \\
  PATH="$TMP/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" TMPDIR="$TMP/home/tmp" LC_ALL=C "\$@"
END
chmod +x "$TMP/programs/user"
PATH=$TMP/programs:$PATH
store=$TMP/home/.local/share/layoutfs-podman/img
# The namespaces of podman live as long as its process that holds them, or the server in them.
end_namespaces() {
  local code=$?
  user podman rm -af >/dev/null 2>&1
  user podman unshare "$TMP/bin/layoutfs" umount -z "$store" >/dev/null 2>&1
  [ ! -f "$TMP/run/libpod/tmp/pause.pid" ] || kill "$(cat "$TMP/run/libpod/tmp/pause.pid")"
  return $code
}
trap 'end_namespaces; finish' EXIT
user unshare --user --map-root-user true || skip "ordinary users cannot create user namespaces here"

# Before any other command of podman, which would choose a storage driver.
user layoutfs engine podman --user --install "$L" >"$TMP/out" 2>&1 || not_ok "engine podman --user --install" "$(cat "$TMP/out")"
command=$(sed -n 's/^systemd does not run here; mount it with: //p' "$TMP/out")
same "--install prints the command that mounts" "podman unshare layoutfs mount -o view=containers-storage -- $L $store" "$command"
check "this command mounts" user sh -c "$command"
same "podman images lists the images" "localhost/busy:1 true
localhost/busy:base true" "$(user podman images --format '{{.Repository}}:{{.Tag}} {{.ReadOnly}}' | sort)"

mount_at "$TMP/plain" -o kernel=no "$L:busy:1"
owners='find . -mindepth 1 -printf "%P %y %U %G %m %s %l\n" | sort'
container=$(user podman create busy:1 /bin/true)
same "podman mount shows the tree with the owners of the image" "$(cd "$TMP/plain" && eval "$owners" | sha256sum)" \
  "$(user podman unshare sh -c "cd \$(podman mount $container) && $owners" | sha256sum)"
same "a user's file has its owner" "1000 1000" "$(user podman unshare sh -c "stat -c '%u %g' \$(podman mount $container)/owned")"
unmount "$TMP/plain"
check "a file of a container is written" user podman unshare sh -c "echo more >>\$(podman mount $container)/owned"
check "podman commit succeeds" user podman commit -q "$container" made
check "podman push to a layout succeeds" user podman push -q made "oci:out:1"
diff_ids() { local config manifest=${1#*:}; config=$(jq -r .config.digest "$L/blobs/sha256/$manifest"); jq -r '.rootfs.diff_ids[]' "$L/blobs/sha256/${config#*:}" | cut -d: -f2; }
same "the layers below the committed one are the original ones" "$(diff_ids "$(jq -r '.manifests[0].digest' "$L/index.json")")" \
  "$(python3 "$HERE/pushed_layers.py" "$TMP/home/out" | sed -n 1,3p)"
run=(podman run --rm --network none --cgroups=disabled --runtime crun --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 busy:1)
if has crun; then
  if user "${run[@]}" true >"$TMP/out" 2>&1; then
    same "podman run shows the owners" "1000 600" "$(user "${run[@]}" stat -c '%u %a' /owned)"
  else
    left_out "crun cannot run a container here: $(tail -n 1 "$TMP/out" | cut -c 1-150)" || true
  fi
fi

user podman rm -af >/dev/null
check "podman rmi of the committed image succeeds" user podman rmi made
check "umount in the user's namespaces succeeds" user podman unshare layoutfs umount "$store"
same "without the mount, podman finds no image, and no error" "0" "$(user podman images --format json | jq length)"
check "--remove succeeds" user layoutfs engine podman --user --remove "$L"
same "--remove leaves no file" "" "$(cd "$TMP/home" && find .config/systemd .config/containers/storage.conf .local/share/layoutfs-podman -type f 2>/dev/null)"
