"""How fast is the app? Finger, drop, camera, twenty clients at once, memory over many requests.

    python benchmarks/app.py [REQUESTS]

Measured from outside, against a server in a process of its own, with the model that ships, at 128 px: the finger and the
camera over its socket, as the page asks; the drop over plain requests, as the page asks for a photo and its first map.
What a browser takes to draw comes on top; `--browser` measures both together in headless Chromium, with a fake camera.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from PIL import Image
from skimage import data
from websockets.sync.client import connect

from saccade.app.frames import packed, unpacked

TOKEN = "benchmarks have no secrets"
BEARER = {"authorization": f"Bearer {TOKEN}"}


def started() -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """A server in a process of its own, and what it says of itself."""
    words = [sys.executable, "-m", "saccade", "serve", "--json", "--no-open", "--port", "0", "--token", TOKEN]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = []
    while (line := process.stdout.readline()) != "}\n":
        assert line, "the server did not start"
        lines.append(line)
    return process, json.loads("".join([*lines, "}"]))


def percentiles(seconds: list[float]) -> str:
    """The middle, and what one in twenty exceeds."""
    p50, p95 = np.percentile(np.array(seconds) * 1000, [50, 95])
    return f"p50 {p50:.0f} ms, p95 {p95:.0f} ms ({len(seconds)})"


def finger(port: int, moves: int = 200) -> str:
    """One move of a cover after the other: image up, code and redrawing down."""
    image = np.random.default_rng(0).random((128, 128, 3), np.float32)
    times = []
    with connect(f"ws://127.0.0.1:{port}/live", additional_headers=BEARER, max_size=None) as socket:
        for number in range(moves):
            start = time.perf_counter()
            socket.send(packed({"id": number, "kind": "run"}, image.astype("<f4").tobytes()))
            reply, _ = unpacked(socket.recv())
            assert reply["id"] == number, reply
            times.append(time.perf_counter() - start)
    return percentiles(times[5:])


def camera(port: int, method: str, frames: int = 100) -> str:
    """One frame after the other, as the page sends them."""
    pixels = np.asarray(Image.fromarray(data.chelsea()).resize((320, 240)))
    with connect(f"ws://127.0.0.1:{port}/live", additional_headers=BEARER, max_size=None) as socket:
        for number in range(frames + 5):
            if number == 5:
                start = time.perf_counter()
            head = {"id": number, "kind": "frame", "width": 320, "height": 240, "method": method}
            socket.send(packed(head, pixels.tobytes()))
            reply, _ = unpacked(socket.recv())
            assert "error" not in reply, reply
    return f"{frames / (time.perf_counter() - start):.0f} pictures a second"


def drop(client: httpx2.Client, drops: int = 12) -> str:
    """Photos of two million pixels: sent, encoded, redrawn, explained."""
    times = []
    for number in range(drops):
        photo = Image.fromarray(np.roll(data.astronaut(), 7 * number, axis=1)).resize((1600, 1200))
        buffer = io.BytesIO()
        photo.save(buffer, "JPEG", quality=90)
        start = time.perf_counter()
        dropped = client.post("/api/photos", content=buffer.getvalue(), headers={"content-type": "image/jpeg"}).json()
        client.get(f"/api/photos/{dropped['number']}").raise_for_status()
        client.post("/api/explain", json={"photo": dropped["number"]}).raise_for_status()
        times.append(time.perf_counter() - start)
    return percentiles(times[1:])


def memory(client: httpx2.Client, process: subprocess.Popen[str], requests: int) -> str:
    """Photos are dropped, asked and forgotten again and again: what a server meets in a week."""

    def resident() -> float:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    buffer = io.BytesIO()
    Image.fromarray(data.coffee()).save(buffer, "JPEG")
    shown = []
    done, turn = 0, 0
    while done < requests:
        number = client.post("/api/photos", content=buffer.getvalue(), headers={"content-type": "image/jpeg"}).json()[
            "number"
        ]
        client.post("/api/explain", json={"photo": number, "method": "activation_energy"}).raise_for_status()
        client.get("/api/photos").raise_for_status()
        client.get(f"/api/photos/{number}/thumbnail").raise_for_status()
        client.post("/api/compare", json={"a": "f0", "b": number}).raise_for_status()
        done, turn = done + 5, turn + 1
        if turn % max(1, requests // 50) == 0:
            shown.append(resident())
    third = max(1, len(shown) // 3)
    return f"{np.mean(shown[:third]):.0f} MB in the first third, {np.mean(shown[-third:]):.0f} MB in the last, of {done} requests"


def together(address: str, clients: int = 20, rounds: int = 8) -> str:
    """Browsers that ask at the same time, each one question after the other: a photo of its own, and its first map."""
    medians: list[float] = []
    wrong: list[int] = []
    at_once = threading.Barrier(clients)

    def visit(number: int) -> None:
        pixels = np.roll(data.astronaut(), 11 * number, axis=1)
        times = []
        with httpx2.Client(base_url=address.partition("?")[0], timeout=300) as client:
            client.get(address).raise_for_status()  # the token becomes a cookie of its own
            at_once.wait()
            for turn in range(rounds):
                buffer = io.BytesIO()
                Image.fromarray(np.roll(pixels, turn, axis=0)).save(buffer, "JPEG")
                start = time.perf_counter()
                headers = {"content-type": "image/jpeg"}
                dropped = client.post("api/photos", content=buffer.getvalue(), headers=headers)
                explained = client.post("api/explain", json={"photo": dropped.json()["number"]})
                times.append(time.perf_counter() - start)
                wrong.extend(answer.status_code for answer in (dropped, explained) if answer.status_code >= 400)
        medians.append(float(np.median(times)))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quick, slow = min(medians) * 1000, max(medians) * 1000
    return (
        f"{len(wrong)} errors, {len(medians)} clients; their medians {quick:.0f} to {slow:.0f} ms, "
        f"{slow / quick:.2f} times apart"
    )


def in_browser(address: str) -> dict[str, str]:
    """The same with a page that draws."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
    from browsers import chromium

    buffer = io.BytesIO()
    Image.fromarray(data.astronaut()).save(buffer, "JPEG")
    measurements = {}
    with chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        tab = browser.new_context(permissions=["camera"], reduced_motion="reduce").new_page()
        tab.goto(address)
        tab.wait_for_selector(".hero .stage-canvas", state="attached", timeout=60_000)
        tab.wait_for_timeout(2000)
        times = []
        for number in range(6):
            tab.evaluate("performance.clearMarks()")
            files = [{"name": f"{number}.jpg", "mimeType": "image/jpeg", "buffer": buffer.getvalue() + bytes(number)}]
            tab.set_input_files("input[type=file]", files)
            deadline = time.monotonic() + 60
            marked = "performance.getEntriesByName('saccade hero')[0]?.startTime - performance.getEntriesByName('saccade drop')[0]?.startTime"
            while not isinstance(value := tab.evaluate(f"({marked}) || null"), (int, float)):
                assert time.monotonic() < deadline
                tab.wait_for_timeout(20)
            times.append(value / 1000)
        measurements["drop to first map, drawn"] = percentiles(times)
        tab.get_by_role("button", name="Use the camera").click()
        tab.wait_for_selector(".app-camera[data-rate]", timeout=60_000)
        tab.wait_for_timeout(4000)
        measurements["camera, drawn"] = f"{tab.get_attribute('.app-camera', 'data-rate')} pictures a second"
    return measurements


def main() -> None:
    """Measure everything and say it."""
    requests = next((int(word) for word in sys.argv[1:] if word.isdigit()), 10_000)
    process, announcement = started()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{announcement['port']}", headers=BEARER, timeout=120) as client:
            client.post("/api/explain", json={"photo": "f0"}).raise_for_status()
            time.sleep(5)  # it opens the model once more meanwhile
            print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            print("finger:", finger(announcement["port"]))
            for method in ("saliency", "activation_energy"):
                print(f"camera, {method}:", camera(announcement["port"], method))
            print("drop to first map:", drop(client))
            print("twenty clients at once, drop to first map:", together(announcement["url"]))
            if "--browser" in sys.argv:
                for name, text in in_browser(announcement["url"]).items():
                    print(f"{name}:", text)
            print("memory:", memory(client, process, requests))
            print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    finally:
        process.kill()
        process.communicate()


if __name__ == "__main__":
    main()
