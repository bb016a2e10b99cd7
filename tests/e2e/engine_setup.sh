#!/usr/bin/env bash
# `layoutfs engine podman`: the files that it writes and removes, and podman's use of them.
. "$(dirname "$0")/lib.sh"
need_root
need_own_mounts
need jq podman systemd-analyze
# Directories of this test cover those of the machine, so that its files stay unchanged and systemd is not found.
covered=(/etc/containers /etc/layoutfs /etc/systemd/system /var/lib/containers /var/lib/layoutfs-podman /run/systemd /run/containers)
for place in "${covered[@]}"; do
  mkdir -p "$place" && mount -t tmpfs -o mode=755 tmpfs "$place" || skip "cannot cover $place here"
done
# podman needs a policy, of which Debian's accepts everything.
echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
make_layouts single
L=$TMP/layouts/single
conf=/etc/containers/storage.conf unit_conf=/etc/layoutfs/podman-single.conf store=/var/lib/layoutfs-podman/single
drop_in=/etc/systemd/system/layoutfs@podman-single.service.d/podman.conf
# podman writes below its own directories.
written() { (cd / && find "${covered[@]:0:3}" /var/lib/layoutfs-podman -type f ! -name policy.json | sort); }

echo "-- printing"
layoutfs engine podman "$L" >"$TMP/printed" || not_ok "engine podman prints the setup"
same "engine podman prints the paths of all files" "$unit_conf $drop_in $conf commands" \
  "$(sed -n 's/^# ==> //p' "$TMP/printed" | tr '\n' ' ' | sed 's/ $//')"
same "printing writes nothing" "" "$(written)"

echo "-- installing"
prints_notice() { layoutfs engine podman "$@" 2>&1 >"$TMP/stdout"; }
said=$(prints_notice --install "$L")
same "--install names the files, and how to mount without systemd" \
  "wrote $unit_conf
wrote $drop_in
wrote $conf
systemd does not run here; mount it with: layoutfs mount -o view=containers-storage,allow_other -- $L $store" "$said"
same "the files are those printed" "$(sed '/^# ==> commands/,$d; /^# ==> /d; /^$/d' "$TMP/printed")" \
  "$(cat "$unit_conf" "$drop_in" "$conf" | sed '/^$/d')"
check "the mount point exists" test -d "$store"
same "--install again has nothing to do" "$store: nothing to do" "$(prints_notice --install "$L" | head -n 1)"
cp "$SOURCE/tools/layoutfs@.service" /etc/systemd/system/layoutfs@.service
sed -i "s|^ExecStart=layoutfs |ExecStart=$LAYOUTFS |" /etc/systemd/system/layoutfs@.service
same "systemd-analyze verify finds no problems in the service" "0 " \
  "$(said=$(limited systemd-analyze verify --man=no layoutfs@podman-single.service 2>&1) && echo "$? $said")"
rm /etc/systemd/system/layoutfs@.service

echo "-- podman"
sh -c ". $unit_conf"' && exec "$0" mount -q $OPTIONS -- "$LAYOUT" "$MOUNTPOINT"' "$LAYOUTFS" || not_ok "the configuration mounts"
same "podman finds the image" "true" "$(limited podman images --format json | jq '[.[] | .ReadOnly] | all and length > 0')"
refused "--remove refuses while the store is mounted" 9 engine podman --remove "$L"
layoutfs umount "$store" || not_ok "umount"
same "without the mount, podman finds no image, and no error" "0" "$(limited podman images --format json | jq length)"

echo "-- removing"
layoutfs engine podman --install -q "$L"
said=$(prints_notice --remove "$L")
same "--remove names each file" "4" "$(grep -c '^removed or changed /' <<<"$said")"
same "--remove leaves nothing" " " "$(written) $(ls /var/lib/layoutfs-podman)"
same "--remove again has nothing to do" "$store: nothing to do" "$(prints_notice --remove "$L")"

echo "-- a configuration that exists"
printf '[storage]\ndriver = "overlay"\n[storage.options] # mine\nadditionalimagestores = ["/srv/a"]\n' >$conf
cp $conf "$TMP/conf"
layoutfs engine podman --install -q "$L"
same "--install adds one entry" "additionalimagestores = [\"$store\", \"/srv/a\"]" "$(grep '^add' $conf)"
layoutfs engine podman --install -q --name other "$L"
same "another name is another store" 2 "$(grep -o '/var/lib/layoutfs-podman/[a-z]*' $conf | sort -u | wc -l)"
layoutfs engine podman --remove -q --name other "$L"
rm -r "${L:?}"
layoutfs engine podman --remove -q "$L" || not_ok "--remove needs no layout"
same "--remove restores the configuration" "$(cat "$TMP/conf")" "$(cat $conf)"

echo "-- bad input"
make_layouts single
before=$(written | xargs sha256sum)
refused "a layout is needed" 2 engine podman
refused "the layout must exist" 3 engine podman --install "$TMP/none"
refused "a name must be one" 2 engine podman --install --name 'a/b' "$L"
refused "a name for several layouts is refused" 2 engine podman --install --name a "$L" "$L"
refused "two layouts of the same name are refused" 2 engine podman --install "$L" "$L"
refused "--install and --remove exclude each other" 2 engine podman --install --remove "$L"
echo 'storage = { options = { additionalimagestores = [] } }' >$conf
refused "a configuration in another form stays as it is" 6 engine podman --install "$L"
grep -q "^hint: add it there by hand: additionalimagestores = \[\"$store\"\]" "$TMP/stderr" || not_ok "the hint shows the line"
cp "$TMP/conf" $conf
echo "LAYOUT=/srv/mine" >$unit_conf
refused "a file of somebody else stays" 9 engine podman --install "$L"
rm $unit_conf
same "after errors nothing has changed" "$before" "$(written | xargs sha256sum)"

echo "-- of a user"
export HOME=$TMP/home XDG_RUNTIME_DIR=$TMP/run
mkdir "$HOME" "$XDG_RUNTIME_DIR"
unset XDG_CONFIG_HOME XDG_DATA_HOME
mkdir -p "$HOME/.local/share/containers/storage/vfs"
refused "a store of podman with the driver vfs is refused, as podman would refuse every command" 6 engine podman --user --install "$L"
same "after that error no file was written" "" "$(find "$HOME" -type f)"
rmdir "$HOME/.local/share/containers/storage/vfs"
layoutfs engine podman --user --install -q "$L" || not_ok "--user --install"
unit=$HOME/.config/systemd/user/layoutfs-podman-single.service
same "the service mounts in podman unshare" \
  "podman unshare layoutfs mount -o view=containers-storage -- $L $HOME/.local/share/layoutfs-podman/single" "$(sed -n 's/^ExecStart=//p' "$unit")"
same "systemd-analyze verify finds no problems in the user's service" "0 " "$(
  PATH=$PATH:$(dirname "$LAYOUTFS")
  sed -i "s|=podman |=$(command -v podman) |" "$unit"
  said=$(limited systemd-analyze --user verify --man=no "$unit" 2>&1)
  echo "$? $said"
)"
check "the user's configuration has the store" grep -q "$HOME/.local/share/layoutfs-podman/single" "$HOME/.config/containers/storage.conf"
layoutfs engine podman --user --remove -q "$L"
same "--user --remove leaves no file" "" "$(find "$HOME" -type f)"
finish
