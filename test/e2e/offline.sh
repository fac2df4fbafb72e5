#!/usr/bin/env bash
# Hostile files given to the commands that work without a server: each gets a clear answer in bounded time
# and memory. Rows are those of the list of hostile inputs. Usage: offline.sh TROUPE
set -u
exec python3 - "$1" <<'PY'
import os, subprocess, sys, tempfile
troupe = sys.argv[1]
failed = 0
work = tempfile.TemporaryDirectory(prefix='troupe-offline.')

def run(arguments, text):
    """Exit code, what it said, seconds of CPU and MiB, of one run with the text as its file."""
    path = os.path.join(work.name, 'input')
    with open(path, 'wb') as f: f.write(text if isinstance(text, bytes) else text.encode())
    p = subprocess.Popen([troupe, *arguments, '-f', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = p.stdout.read()
    _, status, used = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    return p.returncode, said.decode(errors='replace'), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024

_, _, _, least = run(['validate'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n')

def case(what, text, code, says, seconds=1.0, mib=20, verb=('validate',)):
    global failed
    got, said, took, used = run(list(verb), text)
    faults = []
    if got != code: faults.append(f'exit code {got}, not {code}')
    if says not in said: faults.append(f'it does not say "{says}"')
    if took > seconds: faults.append(f'{took:.2f} s of CPU, not {seconds}')
    if used - least > mib: faults.append(f'{used - least:.0f} MiB, not {mib}')
    if faults:
        failed += 1
        print(f'FAILED: {what}: {"; ".join(faults)}\n  {said[:300]}')
    else:
        print(f'ok: {what}')

head = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n'
def yaml(rest): return head + rest
def js(rest): return '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},' + rest + '}'
crd = lambda value: '{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"name":"a"},"spec":' + value + '}'

bomb = 'a0: &a0 [x,x,x,x,x,x,x,x,x]\n' + ''.join(f'a{i}: &a{i} [{",".join([f"*a{i-1}"] * 9)}]\n' for i in range(1, 10))
case('11: aliases of aliases', yaml(bomb), 1, 'alias')
case('12: an alias of itself', yaml('data: &a [*a]\n'), 1, 'alias')
for depth in (510, 100_000): case(f'13: YAML {depth} deep', yaml('data: ' + '[' * depth + ']' * depth), 1, 'deep', mib=40)
case('13: blocks 2000 deep', yaml('data:\n' + ''.join(' ' * i + 'a:\n' for i in range(1, 2000))), 1, 'deep')
case('14: a key twice in YAML', yaml('data: {a: b, a: c}\n'), 1, 'a')
case('14: a key twice in JSON', js('"data":{"a":"b","a":"c"}'), 1, 'a')
case('15: JSON 10,000 deep', crd('[' * 10_000 + ']' * 10_000), 1, 'deep')
case('15: 1,500,000 elements', crd('{"a":[' + '1,' * 1_499_999 + '1]}'), 0, '', seconds=3, mib=150)
case('15: 200,000 keys', js('"data":{' + ','.join(f'"k{i}":""' for i in range(200_000)) + '}'), 0, '', seconds=3, mib=150)
case('16: a number that no number can hold', '{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"a"},"spec":{"replicas":1e400}}', 1, 'replicas')
case('16: a number of 20 digits', '{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"a"},"spec":{"replicas":18446744073709551616}}', 1, 'replicas')
case('16: no number', '{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"a"},"spec":{"replicas":NaN}}', 1, 'replicas')
case('16: half a surrogate', js('"data":{"a":"\\ud800"}'), 1, '')
case('16: bad UTF-8', js('"data":{"a":"').encode()[:-1] + b'\xff"}}', 1, '')
case('16: something behind the end', js('"data":{}') + ' x', 1, '')
case('19: a quantity out of range', '{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1e1000000"}}}}', 1, 'storage')
case('19: a quantity of a million digits', '{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"a"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"' + '9' * 1_000_000 + '"}}}}', 1, 'storage')
cron = lambda s, tz='': '{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"a"},"spec":{' + tz + '"schedule":"' + s + '","jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Never","containers":[{"name":"a","image":"b"}]}}}}}}'
for schedule in ('61 * * * *', '*/0 * * * *', '@every 1ns'): case(f'20: {schedule}', cron(schedule), 1, 'spec.schedule')
case('20: a zone that leads elsewhere', cron('* * * * *', '"timeZone":"../../etc/passwd",'), 1, 'spec.timeZone')
for name in ('a' * 254, '..', '%2e%2e/', 'A', 'é', 'a\\u0000'): case(f'22: named {name[:8]}', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"' + name + '"}}', 1, 'metadata.name')
case('23: a key that leads elsewhere', js('"data":{"../x":"y"}'), 1, 'data[../x]')
case('23: too much data', js('"data":{"a":"' + 'x' * ((1 << 20) + 1) + '"}'), 1, 'Too long')
case('40: escapes are not passed on to the terminal', '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\\u001b]0;x"}}', 1, 'metadata.name')
if '\x1b' in run(['validate'], '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"\\u001b]0;x"}}')[1]:
    failed += 1; print('FAILED: 40: an escape reaches the terminal')
case('a file of zeros', b'\0' * 1_000_000, 1, '')
case('no file, but noise', os.urandom(1_000_000), 1, '')
case('convert: aliases of aliases', yaml(bomb), 1, 'alias', verb=('convert', '-o', 'json'))
case('convert: protobuf that is cut', b'k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\xff\xff\xff\x7f', 1, '', verb=('convert', '-o', 'json'))
sys.exit(1 if failed else 0)
PY
