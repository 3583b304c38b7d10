# Fresh roots of Debian releases, and commands in them. Sourced by tools/check-platforms and tools/check-fresh, which run at
# the top of the source.
#
# A minimal root is made once by debootstrap and kept as a tarball for 30 days; each use unpacks it into a folder of its
# own, which is gone when the script ends. The packages that apt fetches are kept too. NODEWISE_ROOTS is where.

roots=${NODEWISE_ROOTS:-${XDG_CACHE_HOME:-$HOME/.cache}/nodewise/roots}
mirror=${NODEWISE_MIRROR:-http://deb.debian.org/debian}
source_folder=/nodewise
root=
keep_root=no
entered=

# codename RELEASE: of a release's number.
codename() {
  case $1 in
  12) echo bookworm ;;
  13) echo trixie ;;
  *) echo "$1" ;;
  esac
}

# waited COMMAND…: in the background, so that a signal to this script is not left waiting for it; with the signals'
# defaults, which the background would lack.
waited() {
  local status=0
  env --default-signal=INT,QUIT nice "$@" </dev/null &
  entered=$!
  wait "$entered" || status=$?
  entered=
  return "$status"
}

# What this machine's apt is told of the mirror holds in the root, too: a proxy, a mirror whose lists are old.
carry_on_apt() {
  apt-config dump | grep -E '^Acquire::(Check-Valid-Until|http::Proxy|Retries) ' >"$root/etc/apt/apt.conf.d/90machine" || true
}

# base_root CODENAME: its tarball is there, or is made now.
base_root() {
  local tarball=$roots/$1.tar.gz
  mkdir -p "$roots/$1.archives/partial"
  [ -z "$(find "$tarball" -mtime -30 2>/dev/null)" ] || return 0
  install_packages "${root_packages[@]}" || return
  root=$(mktemp -d "$roots/$1.XXXXXX")
  chmod 755 "$root"
  # What debootstrap mounts goes with its namespace.
  waited unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase "$1" "$root" "$mirror" >"$roots/$1.log" 2>&1 || {
    tail -n 5 "$roots/$1.log" >&2
    return 1
  }
  carry_on_apt
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/not-for-long"
  rm -rf "$root"/var/cache/apt/archives/*.deb
  tar -C "$root" --numeric-owner -czf "$tarball.new" . && mv "$tarball.new" "$tarball" && remove_folder "$root"
}

# new_root CODENAME: unpacks one, and clones this commit into it; $root is its folder.
new_root() {
  base_root "$1" || return
  root=$(mktemp -d "$roots/$1.XXXXXX")
  chmod 755 "$root"
  tar -C "$root" --numeric-owner -xzf "$roots/$1.tar.gz" || return
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  git clone -q --no-hardlinks . "$root$source_folder" || return
  git -C "$root$source_folder" checkout -q --detach "$(git rev-parse HEAD)"
}

# old_root FOLDER: one that was kept; the commit comes to it, and what was built there stays.
old_root() {
  root=$(realpath "$1")
  keep_root=yes
  git -C "$root$source_folder" fetch -q "$PWD" HEAD && git -C "$root$source_folder" reset -q --hard FETCH_HEAD
}

# in_root CODENAME COMMAND…: in the source's folder there.
in_root() {
  local release=$1
  shift
  ARCHIVES=$roots/$release.archives waited tools/enter-root "$root" env -C "$source_folder" "$@"
}

# Processes of a namespace that ends may still write for a moment.
remove_folder() {
  local tries
  for tries in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf --one-file-system "$1" 2>/dev/null && return
    sleep 0.3
  done
  echo "left behind: $1" >&2
}

# Ends what runs in the root, and with it its mounts; removes the root.
leave_root() {
  [ -z "$entered" ] || { kill -KILL "$entered" 2>/dev/null; wait "$entered" 2>/dev/null; }
  entered=
  [ -n "$root" ] || return 0
  if [ "$keep_root" = yes ]; then echo "kept: $root (tools/enter-root $root bash)" >&2
  else remove_folder "$root"; fi
  root=
}

trap leave_root EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
