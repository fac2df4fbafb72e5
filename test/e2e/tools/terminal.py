#!/usr/bin/env python3
"""Runs a command in a terminal of its own. terminal.py COMMAND... [--steps STEP...]
A step is "WORDS => INPUT": INPUT is typed once WORDS have been seen; an input ROWSxCOLUMNS! resizes the
terminal instead, and ! takes it away. Prints all that was shown; ends as the command ends, or with 124 after 20 seconds."""
import fcntl, os, pty, re, select, struct, sys, termios, time

split = sys.argv.index('--steps') if '--steps' in sys.argv else len(sys.argv)
command, steps = sys.argv[1:split], [s.split(' => ', 1) for s in sys.argv[split + 1:]]

def resize(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

pid, terminal = pty.fork()
if pid == 0:
    resize(0, 24, 80)
    os.execvp(command[0], command)
shown, seen, end = b'', 0, time.monotonic() + 20
while True:
    left = end - time.monotonic()
    if left <= 0:
        os.kill(pid, 9)
        break
    if select.select([terminal], [], [], left)[0]:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # the command has closed its side
            break
        if not piece:
            break
        shown += piece
    while steps and steps[0][0].encode() in shown[seen:]:
        words, text = steps.pop(0)
        seen += shown[seen:].index(words.encode()) + len(words)
        size = re.fullmatch(r'(\d+)x(\d+)!', text)
        if text == '!':
            sys.stdout.buffer.write(shown)
            os.kill(pid, 9)
            sys.exit(0)
        if size:
            resize(terminal, int(size[1]), int(size[2]))
        else:
            os.write(terminal, text.encode().decode('unicode_escape').encode())
sys.stdout.buffer.write(shown)
_, status = os.waitpid(pid, 0)
sys.exit(124 if left <= 0 else os.waitstatus_to_exitcode(status))
