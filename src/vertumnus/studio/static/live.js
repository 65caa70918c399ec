// The connection: commands out, changes and poses in, opened again when it is cut.

import * as state from "./state.js";
import { readFrame, seenFrame, POSES, DRAG } from "./frames.js";
import { follow, settled } from "./motion.js";
import { documentUrl, getJson } from "./http.js";

/** A sentence of the library, said of a command. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string | null} field
   */
  constructor(message, field) {
    super(message);
    this.field = field;
  }
}

/** @type {WebSocket | null} */
let socket = null;
let opened = "";
let seq = 0;
let wait = 250;
let retry = 0;
/** What waits for an answer, by its number; what nobody numbered waits for none. @type {Map<number | null, {resolve: (done: import('./types').Done) => void, reject: (error: Error) => void}>} */
const waiting = new Map();
export const traffic = { received: 0, sent: 0, frames: 0 };

/**
 * Opens a document; `welcome` brings it.
 * @param {string} id
 */
export function connect(id) {
  disconnect();
  opened = id;
  open();
}

export function disconnect() {
  opened = "";
  clearTimeout(retry);
  const old = socket;
  socket = null;
  old?.close();
  lose("the document was closed");
  state.connection.value = "closed";
}

function open() {
  const url = new URL(documentUrl(opened, "live"));
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const mine = new WebSocket(url);
  mine.binaryType = "arraybuffer";
  socket = mine;
  if (state.connection.value !== "lost") state.connection.value = "opening";
  mine.onmessage = (event) => {
    if (socket === mine) receive(event.data);
  };
  mine.onclose = () => {
    if (socket === mine) lost();
  };
  silent = 0;
}

/** The connection is gone; it is opened again, less often the longer that does not succeed. */
function lost() {
  const old = socket;
  socket = null;
  old?.close();
  lose("the connection was lost before this was done; what is shown is what the server has");
  state.connection.value = "lost";
  clearTimeout(retry);
  retry = window.setTimeout(open, wait);
  wait = Math.min(wait * 1.7, 5000);
}

// A network that is cut says nothing: silence is asked about, and a connection that does not answer is given up.
// It is told by this clock's ticks and not by the time, since a page that was busy has yet to read what came meanwhile.
let silent = 0;
setInterval(() => {
  if (socket?.readyState !== WebSocket.OPEN) return;
  silent += 1;
  if (silent > 15) lost();
  else if (silent > 2) send({ kind: "ping" }).catch(() => undefined);
}, 3_000);
addEventListener("offline", () => {
  if (socket) lost();
});

/** Cuts the connection as a network would; it is opened again by itself. */
export function cut() {
  lost();
}

/** @param {string} message */
function lose(message) {
  for (const { reject } of waiting.values()) reject(new Refused(message, null));
  waiting.clear();
}

/** @param {string | ArrayBuffer} data */
function receive(data) {
  silent = 0;
  if (typeof data !== "string") {
    traffic.received += data.byteLength;
    poses(data);
    return;
  }
  traffic.received += data.length;
  /** @type {import('./types').FromServer} */
  const message = JSON.parse(data);
  switch (message.kind) {
    case "welcome":
      wait = 250;
      state.connection.value = "open";
      settled(state.layers.keys());
      state.welcome(message);
      break;
    case "changed":
      settled([...message.removed, ...message.layers.map((layer) => layer.id)]);
      state.change(message);
      break;
    case "history":
      state.history.value = { steps: message.steps, at: message.at };
      break;
    case "run":
      state.run.value = message;
      if (message.state === "failed") state.setError("run", message.message);
      if (!state.running()) {
        state.unplaced.clear();
        exactly();
      }
      break;
    case "job": {
      const jobs = new Map(state.jobs.value);
      jobs.set(message.id, message);
      state.jobs.value = jobs;
      break;
    }
    case "saved":
      state.saved.value = message.revision;
      break;
    case "done":
      state.revision.value = Math.max(state.revision.value, message.revision);
      waiting.get(message.seq)?.resolve(message);
      waiting.delete(message.seq);
      break;
    case "refused": {
      const one = waiting.get(message.seq);
      if (one) one.reject(new Refused(message.message, message.field ?? null));
      else state.setError("general", message.message);
      waiting.delete(message.seq);
      break;
    }
    case "error":
      state.setError(message.about ?? "general", message.message);
      break;
  }
}

/** Frames say poses in single precision; once a run is over, what the document holds is asked for. */
async function exactly() {
  const id = opened;
  try {
    for (let tries = 0; tries < 20; tries++) {
      const found = await getJson(`documents/${encodeURIComponent(id)}`);
      if (opened !== id || state.running()) return;
      if (found.revision >= state.revision.value) {
        settled(state.layers.keys());
        state.change({ layers: found.document.layers, revision: found.revision });
        return;
      }
      // Something was changed while this was on its way.
    }
  } catch {
    // The next change, or the next welcome, brings it.
  }
}

/** @param {ArrayBuffer} buffer */
function poses(buffer) {
  const frame = readFrame(buffer);
  if (!frame || (frame.kind !== POSES && frame.kind !== DRAG)) return;
  traffic.frames += 1;
  // One that was late, of a run that is over by what was said before it, would put layers where they no longer are.
  if (frame.kind === DRAG || state.running()) follow(frame);
  // Said once the frame has been drawn, so that a slow page is not sent more than it can show.
  if (frame.kind === POSES) requestAnimationFrame(() => sendBytes(seenFrame(frame.step)));
}

/** @param {ArrayBuffer} buffer */
export function sendBytes(buffer) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  traffic.sent += buffer.byteLength;
  socket.send(buffer);
}

/**
 * Tells the server something, and waits until it is done. Raises `Refused` with the library's sentence if it is not.
 * @param {import('./types').Command} command
 * @returns {Promise<import('./types').Done>}
 */
export function send(command) {
  if (socket?.readyState !== WebSocket.OPEN) {
    return Promise.reject(new Refused("there is no connection to the server; it is tried again by itself", null));
  }
  seq += 1;
  const text = JSON.stringify({ ...command, seq });
  traffic.sent += text.length;
  const answered = new Promise((resolve, reject) => waiting.set(seq, { resolve, reject }));
  socket.send(text);
  return /** @type {Promise<import('./types').Done>} */ (answered);
}

/**
 * The same, where a refusal is shown beside what it is about. True if it was done.
 * @param {import('./types').Command} command
 * @param {string} [about]
 */
export async function ask(command, about = "general") {
  try {
    const done = await send(command);
    state.setError(about, null);
    return done;
  } catch (error) {
    state.setError(about, error instanceof Error ? error.message : String(error));
    return null;
  }
}
