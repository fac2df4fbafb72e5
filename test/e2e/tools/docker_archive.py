#!/usr/bin/env python3
"""Makes an image as docker saves it, of one layer with one program. docker_archive.py PROGRAM NAME ARCHIVE"""
import hashlib, io, json, sys, tarfile
program, name, archive = sys.argv[1:]
def entry(tar, name, data, mode=0o644):
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), mode
    tar.addfile(info, io.BytesIO(data))
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode='w') as tar:
    entry(tar, 'app', open(program, 'rb').read(), 0o755)
digest = 'sha256:' + hashlib.sha256(layer.getvalue()).hexdigest()
config = {'architecture': 'amd64', 'os': 'linux', 'config': {'Entrypoint': ['/app']},
          'rootfs': {'type': 'layers', 'diff_ids': [digest]}}
with tarfile.open(archive, 'w') as tar:
    entry(tar, 'layer.tar', layer.getvalue())
    entry(tar, 'config.json', json.dumps(config).encode())
    entry(tar, 'manifest.json', json.dumps([{'Config': 'config.json', 'RepoTags': [name], 'Layers': ['layer.tar']}]).encode())
