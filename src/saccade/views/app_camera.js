// @ts-check
/** The camera: the map of what is before it, frame by frame; a still can be kept as a photo. */
import { build } from "./build.js";
import { button, chooser, slider } from "./controls.js";
import { mapAtPixels, paintMap, pixelsOfImage } from "./stage.js";
import { valueInWords } from "./where.js";

/** Frames are sent and drawn with so many pixels on the longer side. */
const CAMERA_SIDE = 320;
/** How fast the colours follow the strongest value: the whole picture would flicker with it otherwise. */
const SCALE_FOLLOWS = 0.12;
const CAMERA_NAMES = /** @type {Record<string, string>} */ ({ saliency: "What would change its code", activation_energy: "Where its code is strong" });

/** @param {Float32Array} values @returns {number} the middle one of their sizes, where a haze over the whole picture would end */
function middleOf(values) {
  const sorted = Float32Array.from(values, Math.abs).sort();
  return sorted[sorted.length >> 1];
}

/**
 * @param {any} data @param {any} transport @param {(file: Blob, name: string) => void} keep @param {() => void} onClose
 * @returns {{node: HTMLElement, close: () => void}}
 */
export function openCamera(data, transport, keep, onClose) {
  const video = build("video", { muted: true, playsinline: true, hidden: true });
  const grab = build("canvas");
  const canvas = build("canvas", { class: "app-camera-canvas", role: "img", "aria-label": "what the camera sees, with the map of the model" });
  const status = build("p", { class: "app-passes", role: "status" }, "The browser asks whether the camera may be used\u2026");
  const rate = build("p", { class: "app-camera-rate" });
  let method = data.camera[0];
  let opacity = 0.75;
  let isOpen = true;
  /** @type {MediaStream | null} */
  let stream = null;
  /** @type {number} */
  let strongest = 0;
  const methods = chooser({ label: "What is painted", value: method, choices: data.camera.map((/** @type {string} */ name) => ({ value: name, text: CAMERA_NAMES[name] ?? name, title: name })), onChange: (value) => { method = value; strongest = 0; } });
  const paint = slider({ label: "Paint", least: 0, most: 1, step: 0.05, value: opacity, inWords: (value) => `${Math.round(100 * value)}\u00a0%`, onInput: (value) => { opacity = value; } });
  const still = button("Keep this picture", () => keepStill(), { class: "button primary", disabled: true });
  const node = build("section", { class: "app-camera", "aria-label": "Camera" },
    build("figure", {}, canvas, rate), build("div", { class: "app-camera-side" }, build("h2", {}, "Look into the camera"), build("p", {}, "The map follows what it sees. Keep a picture, and everything on this page is asked of it."),
      data.camera.length > 1 ? methods.node : null, paint.node, build("div", { class: "toolbar" }, still, button("Stop the camera", () => close())), status), video);

  async function open() {
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } }, audio: false });
    } catch (error) {
      const name = error instanceof Error ? error.name : "";
      node.classList.add("failed"); // an empty picture with its buttons would look as if something were to come
      status.textContent = name === "NotAllowedError" ? "The browser may not use the camera; allow it beside the address, and try again." : name === "NotFoundError" ? "This machine has no camera that the browser can find. A photo that is dropped on this page does as well." : "The camera cannot be used here. It needs this machine\u2019s own address (127.0.0.1 or localhost), or https.";
      return;
    }
    if (!isOpen) { close(); return; }
    video.srcObject = stream;
    await video.play();
    status.textContent = "";
    still.disabled = false;
    run();
  }

  async function run() {
    let frames = 0;
    let since = performance.now();
    while (isOpen) {
      const factor = CAMERA_SIDE / Math.max(video.videoWidth, video.videoHeight, 1);
      const width = Math.max(8, Math.round(video.videoWidth * factor));
      const height = Math.max(8, Math.round(video.videoHeight * factor));
      if (grab.width !== width || grab.height !== height) { grab.width = width; grab.height = height; canvas.width = width; canvas.height = height; }
      const context = /** @type {CanvasRenderingContext2D} */ (grab.getContext("2d", { willReadFrequently: true }));
      context.drawImage(video, 0, 0, width, height);
      const image = context.getImageData(0, 0, width, height);
      const colours = new Uint8Array(3 * width * height);
      for (let pixel = 0; pixel < width * height; pixel += 1) for (let k = 0; k < 3; k += 1) colours[3 * pixel + k] = image.data[4 * pixel + k];
      try {
        const answer = await transport.ask("frame", { width, height, method }, colours);
        if (!isOpen) return;
        if (answer) draw(image, answer);
        frames += 1;
        status.textContent = "";
      } catch (error) {
        status.textContent = error instanceof Error ? error.message : String(error);
        await new Promise((resolve) => { setTimeout(resolve, 500); });
      }
      const seconds = (performance.now() - since) / 1000;
      if (seconds > 1) {
        node.dataset.rate = (frames / seconds).toFixed(1);
        frames = 0;
        since = performance.now();
      }
    }
  }

  /** @param {ImageData} image @param {import("./app_socket.js").SocketAnswer} answer */
  function draw(image, answer) {
    const { rows, columns, box, scale, unit, title, milliseconds } = answer.words;
    strongest = strongest === 0 ? scale.high : strongest + SCALE_FOLLOWS * (scale.high - strongest);
    const steady = { ...scale, high: strongest, low: scale.signed ? -strongest : 0 };
    const grid = { values: new Float32Array(answer.numbers), rows, columns, scale: steady };
    const placed = mapAtPixels(grid, box, image.width, image.height, true);
    const target = new ImageData(image.width, image.height);
    paintMap(target, pixelsOfImage(image), placed, steady, { ramps: data.ramps, opacity, contours: false, least: middleOf(grid.values) });
    canvas.getContext("2d").putImageData(target, 0, 0);
    rate.textContent = `${title}: ${unit}; the last colour is ${valueInWords({ is_share: false, scale: steady }, strongest)} (it follows the strongest value of the last second), and what lies below the middle value of the picture is not painted. ${node.dataset.rate ? `${node.dataset.rate} pictures a second, ` : ""}${Math.round(milliseconds)} ms each.`;
  }

  function keepStill() {
    const whole = build("canvas", { width: video.videoWidth, height: video.videoHeight });
    whole.getContext("2d").drawImage(video, 0, 0);
    whole.toBlob((/** @type {Blob | null} */ file) => { if (file) keep(file, `camera ${new Date().toTimeString().slice(0, 8)}.png`); }, "image/png");
  }

  function close() {
    isOpen = false;
    for (const track of stream?.getTracks() ?? []) track.stop();
    node.remove();
    onClose();
  }

  open();
  return { node, close };
}
