"""An application for WSGI (PEP 3333), as any framework makes one, run as a CGI script."""

import json
import os
from pathlib import Path
from wsgiref.handlers import CGIHandler

NOTES = Path(os.environ["NOTES"])


def application(environ, start_response):
    notes = json.loads(NOTES.read_text()) if NOTES.exists() else {}
    name = environ["PATH_INFO"].strip("/")
    status, answer = "200 OK", notes
    if environ["REQUEST_METHOD"] == "PUT":
        length = int(environ.get("CONTENT_LENGTH") or 0)
        notes[name] = environ["wsgi.input"].read(length).decode()
        NOTES.write_text(json.dumps(notes))
        status, answer = "201 Created", notes[name]
    elif name:
        status, answer = ("200 OK", notes[name]) if name in notes else ("404 Not Found", None)
    content = json.dumps(answer).encode() + b"\n"
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    start_response(status, fields)
    return [content]


CGIHandler().run(application)
