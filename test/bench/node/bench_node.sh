#!/usr/bin/env bash
# How fast pods start and go on one machine, beside what bare runc takes for the same program in the same
# run. Usage: bench_node.sh TROUPE. Needs root and runc; prints figures, judges nothing.
set -u
troupe=$1
. "$(dirname "$0")/../../e2e/machine.sh"
machine node
cleanup_hook() { on node "$troupe" uninstall --yes --data "$work/data" --run "$work/run" >/dev/null; }
nsenter --net="$(at node)" "$troupe" up --data "$work/data" --run "$work/run" --port 6443 --name one >"$work/out" 2>"$work/up.log" &
pids=($!)
wait_for 20 grep -q Ctrl-C "$work/out" || fail "the cluster did not come up"
head -1 "$work/out"
sleep 3 # two seconds after a start, what only starting needed is given back
awk '/VmRSS/ {print "idle: " int($2 / 1024) " MB"}' "/proc/${pids[0]}/status"
on node python3 - "$work" "$(dirname "$troupe")/troupe-hello" "${pids[0]}" <<'PY'
import base64, http.client, json, os, re, shutil, ssl, statistics, subprocess, sys, time
cfg=open(sys.argv[1]+'/data/admin.kubeconfig').read()

def f(n): return base64.b64decode(re.search(n+': (.*)',cfg).group(1))
for n,k in (('crt','client-certificate-data'),('key','client-key-data'),('ca','certificate-authority-data')): open(sys.argv[1]+'/'+n,'wb').write(f(k))
ctx=ssl.create_default_context(cafile=sys.argv[1]+'/ca'); ctx.load_cert_chain(sys.argv[1]+'/crt',sys.argv[1]+'/key'); ctx.check_hostname=False
def conn(): return http.client.HTTPSConnection('127.0.0.1',6443,context=ctx,timeout=30)
c=conn()
def call(m,p,b=None):
    c.request(m,p,json.dumps(b) if b else None,{'Content-Type':'application/json'}); r=c.getresponse(); d=r.read(); return r.status,json.loads(d)
def pod(n): return {"metadata":{"name":n},"spec":{"terminationGracePeriodSeconds":5,"containers":[{"name":"c","image":"troupe.dev/hello","imagePullPolicy":"IfNotPresent"}]}}
run=[];gone=[]
for i in range(15):
    s,l=call('GET','/api/v1/namespaces/default/pods'); rv=l['metadata']['resourceVersion']
    w=conn(); w.request('GET','/api/v1/namespaces/default/pods?watch=1&resourceVersion='+rv); wr=w.getresponse()
    t=time.time(); call('POST','/api/v1/namespaces/default/pods',pod('n%d'%i))
    while True:
        e=json.loads(wr.readline())
        if e['object'].get('status',{}).get('phase')=='Running': break
    run.append(time.time()-t)
    t=time.time(); call('DELETE','/api/v1/namespaces/default/pods/n%d'%i)
    while True:
        e=json.loads(wr.readline())
        if e['type']=='DELETED': break
    gone.append(time.time()-t); w.close()
# bare runc of the same program
b=sys.argv[1]+'/bundle'; shutil.rmtree(b,ignore_errors=True); os.makedirs(b+'/rootfs'); shutil.copy(sys.argv[2],b+'/rootfs/hello')
subprocess.run(['runc','spec'],cwd=b,check=True); s=json.load(open(b+'/config.json')); s['process']['terminal']=False; s['process']['args']=['/hello','exit','0']; json.dump(s,open(b+'/config.json','w'))
rc=[]
for i in range(15):
    t=time.time(); subprocess.run(['runc','run','bench%d'%i],cwd=b,check=True,stdin=subprocess.DEVNULL); rc.append(time.time()-t)
m=lambda x:'%.1f ms'%(statistics.median(x)*1000)
print('POST to Running p50',m(run),' runc run p50',m(rc),' delete to gone p50',m(gone))
n=30; s,l=call('GET','/api/v1/namespaces/default/pods'); rv=l['metadata']['resourceVersion']
w=conn(); w.request('GET','/api/v1/namespaces/default/pods?watch=1&resourceVersion='+rv); wr=w.getresponse()
t=time.time()
for i in range(n): call('POST','/api/v1/namespaces/default/pods',pod('m%d'%i))
ready=set()
while len(ready)<n:
    o=json.loads(wr.readline())['object']
    if any(x['type']=='Ready' and x['status']=='True' for x in o.get('status',{}).get('conditions',[])): ready.add(o['metadata']['name'])
print('30 pods ready in %.2f s'%(time.time()-t))
t=time.time()
for i in range(n): call('DELETE','/api/v1/namespaces/default/pods/m%d'%i)
left=n
while left:
    if json.loads(wr.readline())['type']=='DELETED': left-=1
print('30 pods gone in %.2f s'%(time.time()-t))
# 110 pods, and what they cost besides themselves.
def megabytes(pid,what='Rss'): # of shims what they share counts once
    for line in open('/proc/%s/smaps_rollup'%pid):
        if line.startswith(what+':'): return int(line.split()[1])/1024
def shims():
    out=[]
    for p in os.listdir('/proc'):
        try:
            words=open('/proc/%s/cmdline'%p,'rb').read().split(b'\0') if p.isdigit() else []
            if words[0].endswith(b'troupe-shim') and words[1].startswith(sys.argv[1].encode()): out.append(megabytes(p,'Pss'))
        except (OSError,IndexError): pass
    return out
def await_all(names,what):
    names=set(names)
    while names:
        e=json.loads(wr.readline()); o=e['object']
        if what=='gone' and e['type']=='DELETED': names.discard(o['metadata']['name'])
        if what=='ready' and any(x['type']=='Ready' and x['status']=='True' for x in o.get('status',{}).get('conditions',[])): names.discard(o['metadata']['name'])
n=110; names=['k%d'%i for i in range(n)]
t=time.time()
for i in names: call('POST','/api/v1/namespaces/default/pods',pod(i))
await_all(names,'ready')
spent=time.time()-t; own=shims()
print('%d pods ready in %.2f s (%.0f a second); Troupe %.0f MB, %d shims %.0f MB'%(n,spent,n/spent,megabytes(sys.argv[3]),len(own),sum(own)))
for i in names: call('DELETE','/api/v1/namespaces/default/pods/%s'%i)
await_all(names,'gone')
# Sustained: ten are on their way at any time, of those that run the oldest goes.
n=300; posted=ready=0; alive=[]; seen=set(); t=time.time()
while ready<n:
    while posted<n and posted-ready<10:
        call('POST','/api/v1/namespaces/default/pods',pod('s%d'%posted)); posted+=1
    o=json.loads(wr.readline())['object']; name=o['metadata']['name']
    if name not in seen and any(x['type']=='Ready' and x['status']=='True' for x in o.get('status',{}).get('conditions',[])):
        seen.add(name); ready+=1; alive.append(name)
        if len(alive)>20: call('DELETE','/api/v1/namespaces/default/pods/%s'%alive.pop(0))
print('sustained, each of %d ended again: %.0f pods a second'%(n,n/(time.time()-t)))
PY
