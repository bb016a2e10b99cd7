#!/usr/bin/env bash
# Completion with the tab key in bash, zsh or fish: completion_shell.sh SHELL. The test types into a real shell with the
# installed scripts.
. "$(dirname "$0")/lib.sh"
shell=$1
need "$shell" python3 jq
make_layouts sample
# A directory without other names.
T=$TMP/t
L=$T/own/sample
mkdir -p "$TMP/bin" "$T/own" "$T/with blank"
ln -s "$LAYOUTFS" "$TMP/bin/layoutfs"
mv "$TMP/layouts/sample" "$L"
touch "$L-file"
cp -r "$L" "$T/with blank/store"
odd="odd \$(touch $T/owned) \`touch $T/owned\`; touch $T/owned 'x\" * & ~ \\\\ !a"
jq --arg name "$odd" '.manifests[3].annotations["org.opencontainers.image.ref.name"] = $name' "$L/index.json" >"$TMP/index"
cp "$TMP/index" "$L/index.json"
manifest=$(jq -r '.manifests[0].digest' "$L/index.json")

export HOME=$T PATH=$TMP/bin:$PATH TERM=xterm
unset XDG_DATA_HOME XDG_CONFIG_HOME
scripts=$SOURCE/tools/completion
case $shell in
  bash)
    [ -f /usr/share/bash-completion/bash_completion ] || skip "the package bash-completion is not installed"
    install -D "$scripts/layoutfs.bash" "$T/share/bash-completion/completions/layoutfs"
    export XDG_DATA_DIRS=$T/share
    echo '. /usr/share/bash-completion/bash_completion' >"$T/rc"
    command=(bash --noprofile --rcfile "$T/rc" -i)
    ;;
  zsh)
    install -D "$scripts/_layoutfs" "$T/share/zsh/site-functions/_layoutfs"
    export ZDOTDIR=$T
    echo "fpath=('$T/share/zsh/site-functions' \$fpath); autoload -U compinit; compinit -u -D" >"$T/.zshrc"
    command=(zsh -d -i)
    ;;
  fish)
    install -D "$scripts/layoutfs.fish" "$T/share/fish/vendor_completions.d/layoutfs.fish"
    export XDG_DATA_DIRS=$T/share
    command=(fish -i)
    ;;
  *)
    echo "completion_shell.sh bash|zsh|fish" >&2
    exit 2
    ;;
esac

typed=() sentences=() expected=()
# becomes SENTENCE TYPED WORD...: TYPED after "layoutfs" must become these words in the shell. END is typed after the
# tab: it is a separate word if the shell added a blank.
becomes() {
  sentences+=("$1")
  typed+=("layoutfs $2")
  shift 2
  expected+=("$(jq -cn '$ARGS.positional' --args -- layoutfs "$@")")
}
becomes "a command" "umo" umount END
becomes "a command of a group" "index ver" index verify END
becomes "the common prefix of several options" "mount -o allow_" mount -o allow_END
becomes "an option" "mount --log-f" mount --log-format END
becomes "a fixed value" "blob put --algorithm sha5" blob put --algorithm sha512 END
becomes "a fixed value after =" "mount --verify=of" mount --verify=off END
becomes "a mount option with a value" "mount -o ro,ver" mount -o ro,verify=END
becomes "the value of a mount option" "mount -o ro,verify=of" mount -o ro,verify=off END
becomes "a mount option without a value" "mount -o ro,auto_" mount -o ro,auto_unmount END
becomes "a path" "ls $L-" ls "$L-file" END
becomes "a path after an option" "ls --layout=$L-" ls "--layout=$L-file" END
becomes "a path with a blank" "ls $T/with\\ blank/st" ls "$T/with blank/store/END"
becomes "a directory as a mount point" "mount $L:multi $T/ow" mount "$L:multi" "$T/own/END"
becomes "a directory after a mount option" "mount -o ro,cache_dir=$T/ow" mount -o "ro,cache_dir=$T/own/END"
becomes "a reference" "ls $L:te" ls "$L:team/project/app" END
becomes "a reference that contains a colon" "ls $L:ap" ls "$L:app:1.0" END
becomes "the part of a reference after its colon" "ls $L:app:1" ls "$L:app:1.0" END
becomes "a reference after oci:" "ls oci:$L:te" ls "oci:$L:team/project/app" END
becomes "a reference of a layout in the home directory" "ls ~/own/sample:te" ls "$L:team/project/app" END
becomes "a reference in quotes" "ls \"$L:te" ls "$L:team/project/app" END
becomes "a reference of a layout with a blank" "ls $T/with\\ blank/store:te" ls "$T/with blank/store:team/project/app" END
becomes "a reference in quotes, of a layout with a blank" "ls '$T/with blank/store:te" ls "$T/with blank/store:team/project/app" END
becomes "a digest" "ls $L@${manifest:0:20}" ls "$L@$manifest" END
becomes "a reference as an operand" "ref rm $L te" ref rm "$L" team/project/app END
becomes "a reference as an operand, of a layout with a blank" "ref rm $T/with\\ blank/store te" ref rm "$T/with blank/store" team/project/app END
becomes "a blob" "blob get $L ${manifest:0:20}" blob get "$L" "$manifest" END
becomes "a repository" "tags $L te" tags "$L" team/project/app END
becomes "a tag" "pull $L app 1" pull "$L" app 1.0 END
becomes "a directory as a store" "repos $T/ow" repos "$T/own/END"
becomes "a reference with characters that a shell would interpret" "ls $L:od" ls "$L:$odd" END
# bash cannot quote the reference, so it is not offered there.
[ "$shell" = bash ] || becomes "such a reference in double quotes" "ls \"$L:od" ls "$L:$odd" END
[ "$shell" = bash ] || becomes "such a reference in single quotes" "ls '$L:od" ls "$L:$odd" END
becomes "a file of an image" "cat $L:app:1.0 /etc/na" cat "$L:app:1.0" /etc/name END
becomes "a directory of an image" "ls $L:app:1.0 sr" ls "$L:app:1.0" srv/END
becomes "a path of an image, if no directory matches" "extract $L:app:1.0 etc/na" extract "$L:app:1.0" etc/name END
becomes "no further than the common prefix of srv/ in the image and a directory" "extract $L:app:1.0 s" extract "$L:app:1.0" sEND
becomes "a program of an image" "chroot $L:app:1.0 to" chroot "$L:app:1.0" tool END
becomes "a platform" "ls --platform linux/risc" ls --platform linux/riscv64 END
becomes "a platform of the image" "ls $L:multi --platform=linux/s3" ls "$L:multi" --platform=linux/s390x END
becomes "a file after oci-archive:" "copy oci-archive:$L-" copy "oci-archive:$L-file" END
becomes "a directory after oci-repositories:" "copy oci-repositories:$T/ow" copy "oci-repositories:$T/own/END"
becomes "nothing if no reference matches" "ls $L:zz" ls "$L:zzEND"
becomes "nothing for a directory that is not a layout" "ls $T/own:te" ls "$T/own:teEND"

# A directory without accidental matches.
cd "$T/own" || exit 1
# The program limits the time of each line.
printf '%s\n' "${typed[@]}" |
  PATIENCE=$((PATIENCE * 5)) limited python3 "$HERE/type_in_shell.py" "$TMP" "${command[@]}" >"$TMP/answers" 2>"$TMP/stderr" ||
  not_ok "the test types into $shell" "$(cat "$TMP/stderr")"
mapfile -t got <"$TMP/answers"
for i in "${!typed[@]}"; do
  same "$shell completes ${sentences[i]}: (${typed[i]//"$TMP"/...})" "${expected[i]}" "$(jq -c . <<<"${got[i]-null}")"
done
check "no shell runs a command in a name" test ! -e "$T/owned"
