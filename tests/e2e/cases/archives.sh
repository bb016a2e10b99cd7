# The expected results of cases/archives.py; each function takes the path of its case.

archive_docker_save_many() {
  local names="docker.io/library/nginx:latest docker.io/library/redis:latest registry.test:5000/team/app:latest" name
  local redis=docker.io/library/redis:latest
  copies_all "a copy has all three images of one tag" "$1"
  same "ls -l tells them apart" "$names" "$(layoutfs ls -l "$1" | grep -o "[^ ]*/[^ ]*:latest" | xargs)"
  for name in $names; do
    reads "$name is found" "$name" "$1:$name" name
  done
  for name in redis:latest library/redis:latest; do
    reads "$name is $redis" "$redis" "$1:$name" name
  done
}

archive_dot_slash() { reads "names that begin with ./ are found" x "$1" f; }

archive_no_dir_entries() { reads "entries of directories are not needed" x "$1" f; }

archive_in_folder() {
  if layoutfs ls "$1" >/dev/null 2>&1; then
    reads "a layout in a directory of the archive is found" x "$1" f
  else
    explains "a layout in a directory of the archive: the error names it" "layout/" ls "$1"
  fi
}

archive_null_manifests() { prints "no manifests are an empty layout" "" ls "$1"; }

archive_legacy_symlinks() {
  explains "an old docker archive is called one" "docker(-| )archive" ls "$1"
  check "and how to convert it is said" grep -q "skopeo copy docker-archive:.* oci" "$TMP/stderr"
}

archive_ostree_commit() { explains "a tar of something else is refused" "not an image layout" ls "$1"; }
