#!/bin/sh
# The guest's first process: mounts what programs expect, runs /lab/command, and powers off. It has four serial lines: the
# console, the command's output, its errors, its exit status. arm64 machines have the first as another kind than the others.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts /tmp /run /root
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
chmod 1777 /dev/shm /tmp
ip link set lo up
for module in /lab/modules/*; do [ -e "$module" ] && insmod "$module"; done
console=ttyS0 output=ttyS1 errors=ttyS2 status=ttyS3
[ ! -e /dev/ttyAMA0 ] || console=ttyAMA0 output=ttyS0 errors=ttyS1 status=ttyS2
for line in $console $output $errors $status; do stty -F /dev/$line raw -echo 2>/dev/null; done
export HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LAB=1
echo "lab: begun" >/dev/$console
if [ -e /lab/shell ]; then
  stty -F /dev/$output sane
  setsid sh -c "exec /bin/sh -i </dev/$output >/dev/$output 2>&1"
  echo 0 >/dev/$status
else
  /bin/sh /lab/command </dev/null >/dev/$output 2>/dev/$errors
  echo $? >/dev/$status
fi
poweroff -f
