"""The views of the report, live: a web app on this machine, for one's own photos and the camera.

    server             a free port, the browser, the end
    connections        how slow, and how many
    assembly           the app as an object: security, routes, socket
    security           who may ask: host, origin, token; what every answer says to the browser
    clients            who asks: one for each browser that showed the token
    turns              whose turn it is: a few pieces of work at once, everybody in turn
    service            album, answers, turns and memory in one place
    limits             how much anybody may ask for
    album              the photos: those that the command names, and those that were dropped
    examples           photographs to begin with
    decoding           what the decoder draws of other codes
    dials              directions of the code, and what the decoder draws along them
    answers            the questions of the library, asked for one photo at a time, and remembered
    exchange           a request and its answer: who asks, what is refused, how it is described
    requests           what a program may say in a question
    descriptions       what answers hold, for programs that read the interface
    routes             plain requests
    collection_routes  requests about the photos of the command as a collection
    encoding           photos encoded in the background, some at a time
    neighbourhood      that collection: encoded in the background, searched, laid out
    group_routes       requests about some of its photos together
    group              what these share, as the page shows it
    beside_routes      requests to two networks at once
    other_network      the other one
    messages           what a page may say through the socket
    live               one socket for everything that moves
    frames             JSON and numbers in one message of the socket
    refusal            why a request is refused
    defects            what nobody expected

A request never names a file and never opens a model.
"""

from __future__ import annotations

from saccade.app.assembly import create_app
from saccade.app.server import serve

__all__ = ["create_app", "serve"]
