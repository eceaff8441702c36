"""A form, and what it says: nothing of a request reaches a page unescaped."""

import html
import os
import sys
from urllib.parse import parse_qs

length = int(os.environ.get("CONTENT_LENGTH") or 0)
form = parse_qs(sys.stdin.buffer.read(length).decode())
name = html.escape(form.get("name", ["stranger"])[0])

sys.stdout.reconfigure(encoding="utf-8")
print("Content-Type: text/html; charset=utf-8\n")
print(f"<!doctype html><title>Greeting</title><p>Hello, {name}!")
print('<form method="post"><input name="name"><button>Greet</button></form>')
