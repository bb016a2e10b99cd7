# The expected results of cases/archives.py; each function takes the path of its case.

archive_docker_save_many() {
  local names="docker.io/library/nginx:latest docker.io/library/redis:latest registry.test:5000/team/app:latest" name
  local redis=docker.io/library/redis:latest
  copies_all "copy of an archive with three images of one tag" "$1"
  same "ls -l lists images of one tag by their full names" "$names" "$(layoutfs ls -l "$1" | grep -o "[^ ]*/[^ ]*:latest" | xargs)"
  for name in $names; do
    reads "cat finds $name by its full name" "$name" "$1:$name" name
  done
  for name in redis:latest library/redis:latest; do
    reads "cat finds $redis by $name" "$redis" "$1:$name" name
  done
}

archive_dot_slash() { reads "names that begin with ./ are found" x "$1" f; }

archive_no_dir_entries() { reads "entries of directories are not needed" x "$1" f; }

archive_in_folder() {
  if layoutfs ls "$1" >/dev/null 2>&1; then
    reads "cat finds a layout in a directory of an archive" x "$1" f
  else
    explains "the error for a layout in a directory of an archive names the directory" "layout/" ls "$1"
  fi
}

archive_null_manifests() { prints "ls of an archive without manifests prints nothing" "" ls "$1"; }

archive_legacy_symlinks() {
  explains "ls refuses an old docker archive and names its format" "docker(-| )archive" ls "$1"
  check "the error for an old docker archive has the command to convert it" grep -q "skopeo copy docker-archive:.* oci" "$TMP/stderr"
}

archive_ostree_commit() { explains "ls refuses a tar of an ostree commit" "not an image layout" ls "$1"; }
