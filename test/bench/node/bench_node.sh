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
awk '/VmRSS/ {print "idle: " int($2 / 1024) " MB"}' "/proc/${pids[0]}/status"
on node python3 - "$work" "$(dirname "$troupe")/troupe-hello" <<'PY'
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
PY
