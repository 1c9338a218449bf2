// @ts-check
/** The frame of a report in a notebook with a kernel: what the page asks goes to Python, what Python answers to the page. */

/** @param {{model: any, el: HTMLElement}} view */
function render({ model, el }) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts allow-downloads");
  frame.title = model.get("title");
  frame.srcdoc = model.get("page");
  frame.style.cssText = `width: 100%; height: ${model.get("height")}px; border: 0`;
  el.append(frame);

  /** @param {MessageEvent} event */
  const passOn = (event) => {
    if (event.source !== frame.contentWindow || event.data?.saccade !== "image") return;
    model.send({ number: event.data.number }, undefined, [event.data.image]);
  };
  /** @param {any} content @param {DataView[]} buffers */
  const answer = (content, buffers) => {
    const [code, redrawn] = buffers.map((view) => view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
    // A frame without rights has no origin that could be named.
    frame.contentWindow?.postMessage({ saccade: "answer", number: content.number, milliseconds: content.milliseconds, code, redrawn: redrawn ?? null }, "*");
  };
  window.addEventListener("message", passOn);
  model.on("msg:custom", answer);
  return () => {
    window.removeEventListener("message", passOn);
    model.off("msg:custom", answer);
  };
}

export default { render };
