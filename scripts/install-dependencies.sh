#!/usr/bin/env bash
# Installs the missing Debian packages that layoutfs needs. Does nothing if all are installed.
#
# usage: scripts/install-dependencies.sh [--demo] [--quick] [--test] [--full] [--bench]
#   (nothing)  for the build and for packages
#   --demo     also for the image of scripts/demo.sh
#   --quick    also for scripts/test.sh --quick
#   --test     also for scripts/test.sh
#   --full     also for scripts/test.sh --full
#   --bench    also for scripts/bench.sh
set -eu

packages=(g++ cmake ninja-build pkg-config libfuse3-dev fuse3 rapidjson-dev libre2-dev libcurl4-openssl-dev libzstd-dev zlib1g-dev libssl-dev
  libxxhash-dev libisal-dev libtoml11-dev libflatbuffers-dev flatbuffers-compiler libgtest-dev libgmock-dev dpkg-dev file)
for argument; do
  case $argument in
    --demo) packages+=(mmdebstrap umoci) ;;
    --quick) packages+=(umoci skopeo busybox-static jq python3 attr groff-base procps strace) ;;
    --test) packages+=(erofs-utils mmdebstrap umoci skopeo buildah podman crun runc fuse-overlayfs uidmap busybox-static jq zstd pigz python3 attr groff-base procps bash-completion zsh fish rsync fio xfsprogs
      git strace bubblewrap openssl curl docker-registry clang-19 libclang-rt-19-dev)
      # Debian's containerd would replace Docker's.
      [ "$(dpkg-query -W -f '${db:Status-Status}' containerd.io 2>/dev/null)" = installed ] || packages+=(containerd stargz-snapshotter)
      ;;
    --bench) packages+=(docker-registry libbenchmark-dev libisal-dev python3 procps util-linux mmdebstrap umoci skopeo podman openssl squashfuse squashfs-tools pigz tar zstd) ;;
    --full) packages+=(clang-format-19 clang-tidy-19) ;;
    -h | --help)
      sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "$0"
      exit
      ;;
    *)
      sed -n '2,/^set/{/^set/d; s/^# \{0,1\}//; p}' "$0" >&2
      exit 2
      ;;
  esac
done

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || status=
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} != 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  echo "install-dependencies.sh: these packages are missing, and only root can install them:" >&2
  echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
  exit 1
fi
echo "Installing: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed() {
  tail -n 15 "$log" >&2
  echo "install-dependencies.sh: $1" >&2
  exit 1
}
# apt ARGUMENT...: runs apt-get with its output in the log. On a terminal one line shows the progress, and the time left of a download.
apt() {
  if ! [ -t 1 ] || [ "${TERM-dumb}" = dumb ]; then
    apt-get "$@" >"$log" 2>&1
    return
  fi
  apt-get -o APT::Status-Fd=3 "$@" 3>&1 >"$log" 2>&1 | awk -F: '
    /^(dl|pm)status:/ {
      left = match($4, /\([^)]* remaining\)/) ? " " substr($4, RSTART, RLENGTH) : ""
      printf "\r\033[K%s ... %d %%%s", ($1 == "dlstatus" ? "Downloading" : "Installing"), $3, left
      fflush()
    }
    END { printf "\r\033[K" }'
  return "${PIPESTATUS[0]}"
}
export DEBIAN_FRONTEND=noninteractive
apt update || failed "apt-get update failed (above); check the network and /etc/apt/sources.list"
# Recommended packages would multiply the size of buildah and skopeo, which do not need them for local layouts.
apt install -y --no-install-recommends "${missing[@]}" ||
  failed "apt-get install failed (above); where it speaks of broken or held packages, run: apt-get --fix-broken install && apt-get full-upgrade"
