"""The views of the report, live: a web app on this machine, for one's own photos and the camera.

    server       a free port, the browser, the end
    connections  how slow, and how many
    assembly     the app as an object: security, routes, socket
    security     who may ask: host, origin, token; what every answer says to the browser
    clients      who asks: one for each browser that showed the token
    turns        whose turn it is: a few pieces of work at once, everybody in turn
    service      album, answers, turns and memory in one place
    limits       how much anybody may ask for
    album        the photos: those that the command names, and those that were dropped
    examples     photographs to begin with
    decoding     what the decoder draws of other codes
    dials        directions of the code, and what the decoder draws along them
    answers      the questions of the library, asked for one photo at a time, and remembered
    requests     what a program may say in a question
    routes       plain requests
    live         one socket for everything that moves
    frames       JSON and numbers in one message of the socket
    refusal      why a request is refused
    defects      what nobody expected

A request never names a file and never opens a model.
"""

from __future__ import annotations

from saccade.app.assembly import create_app
from saccade.app.server import serve

__all__ = ["create_app", "serve"]
