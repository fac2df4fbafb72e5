# systemd_machine.sh WORK TAG PROGRAMS: becomes systemd, as the first process of a machine of its own: all namespaces,
# the files of this machine with whatever is written kept in memory, control groups below TAG,
# the programs of a directory in /opt/troupe. Run it on a terminal.
set -eu
work=$1 tag=$2 programs=$3
# The control groups first: what the new namespaces see as their root is below this.
if [ "${4:-}" != inside ]; then
  for h in /sys/fs/cgroup /sys/fs/cgroup/*/; do
    [ -w "$h/cgroup.procs" ] || continue
    mkdir -p "$h/$tag" && echo $$ >"$h/$tag/cgroup.procs" || true
  done
  exec unshare --pid --fork --mount --net --uts --ipc --cgroup --kill-child bash "$0" "$work" "$tag" "$programs" inside
fi
mkdir -p "$work/layer" "$work/root"
mount -t tmpfs none "$work/layer"
mkdir "$work/layer/upper" "$work/layer/work"
mount -t overlay overlay -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" "$work/root"
cd "$work/root"
rm -rf etc/systemd/system etc/troupe; mkdir -p etc/systemd/system opt/troupe
cp "$programs"/troupe "$programs"/troupe-shim "$programs"/troupe-hello opt/troupe
# A store is kept on a disk only, and an overlay is none.
mkdir "$work/lib"; mount --bind "$work/lib" var/lib
mount -t tmpfs none run
mount -t proc proc proc
mount -t sysfs sysfs sys
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 sys/fs/cgroup
else
  mount -t tmpfs none sys/fs/cgroup
  mkdir sys/fs/cgroup/systemd sys/fs/cgroup/unified
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
fi
terminal=$(tty)
mount -t tmpfs none dev
for d in null zero urandom random full; do touch dev/$d; mount --bind /dev/$d dev/$d; done
ln -s /proc/self/fd dev/fd
touch dev/console; mount --bind "$terminal" dev/console
ip link set lo up
printf '[Unit]\nDescription=A machine for tests\nDefaultDependencies=no\n' >etc/systemd/system/test.target
exec env -i container=test PATH="$PATH" chroot . /lib/systemd/systemd --system --unit=test.target --log-target=console
