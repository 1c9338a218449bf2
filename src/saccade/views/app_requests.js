// @ts-check
/** Plain requests to the server that this page came from. */

/** What the server refuses, in its own words. */
export class RefusedByServer extends Error {
  /** @param {number} status @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** @param {string} address @param {RequestInit} [request] @returns {Promise<Response>} */
async function answerOf(address, request) {
  let response;
  try {
    response = await fetch(address, request);
  } catch {
    throw new RefusedByServer(0, "the server does not answer.");
  }
  if (response.ok) return response;
  let reason = response.statusText;
  try { reason = (await response.json()).detail; } catch { /* then the status says it */ }
  throw new RefusedByServer(response.status, reason);
}

/** @param {string} address @returns {Promise<any>} */
export async function getJson(address) {
  return (await answerOf(address)).json();
}

/** @param {string} address @param {any} question @returns {RequestInit} */
function posted(address, question) {
  return { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(question) };
}

/** @param {string} address @param {any} question @returns {Promise<any>} */
export async function postJson(address, question) {
  return (await answerOf(address, posted(address, question))).json();
}

/** @param {string} address @param {any} question @returns {Promise<Blob>} */
export async function postForFile(address, question) {
  return (await answerOf(address, posted(address, question))).blob();
}

/** @param {Blob} file @param {string} name @returns {Promise<{number: string, name: string}>} */
export async function sendPhoto(file, name) {
  const headers = { "content-type": "application/octet-stream" };
  return (await answerOf(`api/photos?name=${encodeURIComponent(name)}`, { method: "POST", headers, body: file })).json();
}
