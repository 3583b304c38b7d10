# Debian packages that the project needs, and their installation. Sourced by tools/quickstart, tools/check and
# what runs them in fresh roots.

# To build the shim, the command and the presets.
build_packages=(dpkg-dev gcc g++ libc6-dev meson ninja-build pkg-config binutils libhwloc-dev libtomlplusplus-dev libjansson-dev
  libcmocka-dev libmicrohttpd-dev libncurses-dev libnuma-dev libssl-dev liburing-dev)
# What quickstart shows a placement of.
show_packages=(redis-server redis-tools procps)
# Programs that the tests place, shells whose completion they try, and tools that they ask.
test_packages=(git gdb strace valgrind fakeroot faketime eatmydata libjemalloc2 python3 python3-jsonschema python3-yaml systemd python3-numpy libopenblas0-pthread libgomp1 libunwind8 memcached
  bash-completion zsh fish tmux mariadb-server nodejs golang-go postgresql nginx-light openmpi-bin libopenmpi-dev default-jdk-headless librsvg2-bin chromium hwloc-nox numactl busybox-static musl-tools mandoc podman crun clang clang-format libclang-rt-dev zstd
  gcc-aarch64-linux-gnu libc6-dev-arm64-cross libc6-dev-riscv64-cross libc6-dev-ppc64el-cross libc6-dev-s390x-cross libc6-i386)
# Emulated machines with several nodes; the kernel of tests/lab is fetched with apt, not installed.
lab_packages=(qemu-system-x86 busybox-static numactl)
# Another architecture, tools/check --arch: built here, run under emulation; its libraries are fetched, not installed.
cross_packages=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user qemu-system-arm)
# Roots of other releases: tools/check-platforms, tools/check-fresh.
root_packages=(debootstrap git util-linux)
# To make Debian packages and to look at them: tools/package, tools/check-package.
package_packages=(build-essential debhelper dpkg-dev git libopenmpi-dev lintian mandoc python3 python3-jsonschema python3-yaml xz-utils)
# Allocators and tools to be compared with, and programs to compare them on: tools/bench/allocators, tools/bench/locality,
# tools/bench/telemetry, tools/bench/tasks.
bench_packages=(openssl libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 sqlite3 strace numactl likwid numad libtbb-dev libboost-dev libreaderwriterqueue-dev
  cargo librust-rayon-dev librust-crossbeam-channel-dev
  redis-server memcached postgresql default-jdk-headless qemu-system-x86 busybox-static valgrind)

# in_release PACKAGE: its name in this machine's Debian, where it has a version inside: libclang-rt-dev stands for
# libclang-rt-14-dev where clang is clang-14.
in_release() {
  local clang
  case $1 in
  libclang-rt-dev)
    clang=$(apt-cache depends clang 2>/dev/null | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
    echo "libclang-rt-${clang:+$clang-}dev"
    ;;
  *) echo "$1" ;;
  esac
}

is_installed() {
  dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed
}

# Installs what is missing of the given packages. Services must not start: the tests start their own.
install_packages() {
  local package missing=()
  # Without lists, which a fresh machine lacks, apt cannot say what a package is called.
  apt-cache show gcc >/dev/null 2>&1 || apt-get update -qq >/tmp/nodewise-apt.log 2>&1 || true
  for package in "$@"; do
    package=$(in_release "$package")
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  echo "installing: ${missing[*]}" >&2
  local guard=/usr/sbin/policy-rc.d ours=no
  if [ ! -e "$guard" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$guard"
    chmod 755 "$guard"
    ours=yes
  fi
  local status=0
  {
    apt-get update -qq &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >/tmp/nodewise-apt.log 2>&1 || status=$?
  [ "$ours" = yes ] && rm -f "$guard"
  if [ "$status" -ne 0 ]; then
    tail -n 20 /tmp/nodewise-apt.log >&2
    echo "the packages could not be installed (the whole log: /tmp/nodewise-apt.log)" >&2
  fi
  return "$status"
}
