"""The reference library as golden.py, compare.py and bench.py use it."""

import base64
import gzip
import json
import os
import subprocess

from tokenizers import Tokenizer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TESTDATA = os.path.join(ROOT, "internal", "token", "testdata")
FILES = ("tokenizer.json", "tokenizer.json.gz", "tokenizer.assembled.json.gz")


def tokenizer_files(data):
    """name -> file of every tokenizer of the shared data and of testdata/tokenizers."""
    found = {}
    for folder in (os.path.join(data, "tokenizers"), os.path.join(TESTDATA, "tokenizers")):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            for file in FILES:
                path = os.path.join(folder, name, file)
                if os.path.exists(path):
                    found[name] = path
                    break
    return found


def load(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        tokenizer = Tokenizer.from_str(f.read().decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def text_of(line):
    """The text of a line that tools/token/texts wrote; invalid UTF-8 is replaced."""
    if "bytes" in line:
        return base64.b64decode(line["bytes"]).decode("utf-8", errors="replace")
    return line.get("text", "")


def texts(data, *flags):
    """Each line of tools/token/texts as a dictionary."""
    command = ["go", "run", "./tools/token/texts", *flags, data]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        for line in process.stdout:
            yield json.loads(line)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
