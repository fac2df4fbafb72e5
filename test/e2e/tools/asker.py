# asker.py ADDRESS STOP [THREADS [PAUSE]]: asks port 80 of ADDRESS over a new connection each time until the
# file STOP is there; PAUSE seconds apart in each thread. Says how many failed, and how.
import os, socket, sys, threading, time
address, stop = sys.argv[1:3]
count, pause = int((sys.argv[3:4] or [4])[0]), float((sys.argv[4:5] or [0])[0])
done, failures, pacer = [0] * count, [], threading.Event()
def ask(step):
    with socket.create_connection((address, 80), 5) as s:
        step[0] = 'answer'
        s.sendall(b'GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n')
        said = b''
        while more := s.recv(4096): said += more
        if b'200 OK' not in said: raise OSError('answered ' + repr(said[:60]))
def work(n):
    while not os.path.exists(stop):
        step = ['connect']
        try:
            ask(step)
            done[n] += 1
        except OSError as why:
            failures.append('%.3f %s: %s' % (time.time(), step[0], why))
        pacer.wait(pause)
begun = time.time()
threads = [threading.Thread(target=work, args=(n,)) for n in range(count)]
for t in threads: t.start()
for t in threads: t.join()
print('%d requests, %.0f a second, %d failed %s' % (sum(done), sum(done) / (time.time() - begun), len(failures), failures[:3]))
