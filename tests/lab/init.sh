#!/bin/sh
# The guest's first process: mounts what programs expect, runs /lab/command, and powers off. ttyS0 is the console,
# ttyS1 the command's output, ttyS2 its errors, ttyS3 its exit status.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /dev/pts /tmp /run /root
mount -t tmpfs tmpfs /dev/shm
mount -t devpts devpts /dev/pts
chmod 1777 /dev/shm /tmp
ip link set lo up
for module in /lab/modules/*; do [ -e "$module" ] && insmod "$module"; done
for line in 0 1 2 3; do stty -F /dev/ttyS$line raw -echo 2>/dev/null; done
export HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LAB=1
echo "lab: begun" >/dev/ttyS0
if [ -e /lab/shell ]; then
  stty -F /dev/ttyS1 sane
  setsid sh -c 'exec /bin/sh -i </dev/ttyS1 >/dev/ttyS1 2>&1'
  echo 0 >/dev/ttyS3
else
  /bin/sh /lab/command </dev/null >/dev/ttyS1 2>/dev/ttyS2
  echo $? >/dev/ttyS3
fi
poweroff -f
