// Which document is shown: its id stands after the # of the address, so that a tab can be copied and goes on.

import { signal } from "./vendor/signals.mjs";
import * as state from "./state.js";
import { ask, connect, disconnect } from "./live.js";
import { getJson, postJson, upload } from "./http.js";

/** The document that is open, or nothing for the first page. */
export const shown = signal("");
/** What is said of files that were refused. @type {import('./signals').Signal<{name: string, message: string}[]>} */
export const refused = signal([]);

/** @typedef {{id: string, name: string, path: string, changed: number}} Listed */

/** @returns {Promise<{documents: Listed[], first: string | null}>} */
export function documents() {
  return getJson("documents");
}

/** @param {string} id */
export function show(id) {
  if (location.hash !== `#${id}`) location.hash = id;
  else follow();
}

/** Opens what the address says. */
export async function follow() {
  const id = location.hash.slice(1);
  if (!id) {
    disconnect();
    shown.value = "";
    state.canvas.value = null;
    document.title = "Vertumnus studio";
    const { documents: listed, first } = await documents();
    const one = first && !sessionStorage.getItem("vertumnus-home") ? listed.find((other) => other.path === first) : null;
    if (one) show(one.id);
    return;
  }
  sessionStorage.setItem("vertumnus-home", "1");
  try {
    const listed = (await documents()).documents.find((one) => one.id === id);
    if (listed) await postJson("documents/open", { path: listed.path });
    state.setError("start", null);
  } catch (error) {
    state.setError("start", error instanceof Error ? error.message : String(error));
    location.hash = "";
    return;
  }
  state.selection.value = new Set();
  state.errors.value = new Map();
  shown.value = id;
  connect(id);
}

/**
 * A new document, shown.
 * @param {{name?: string, width?: number, height?: number}} how
 */
export async function begin(how = {}) {
  const made = await postJson("documents", how);
  show(made.id);
  return made.id;
}

/** Waits until the document that is being opened is there. */
export async function ready() {
  for (let n = 0; n < 400 && state.connection.value !== "open"; n++) await new Promise((next) => setTimeout(next, 25));
}

const MOST_AT_ONCE = 100;

/**
 * Files of the person's become layers.
 * @param {File[]} files
 * @param {{x: number, y: number} | null} [at]
 */
export async function addFiles(files, at = null) {
  const found = await uploads(files);
  if (!found.length) return;
  const place = at && found.length === 1 ? { x: at.x, y: at.y } : {};
  const done = await ask({ kind: "add", elements: found.map((one) => ({ upload: one.id, name: one.name, ...place })) }, "add");
  if (done?.ids) {
    state.choose(done.ids);
    state.said.value = `${done.ids.length} added`;
  }
}

/**
 * Sends files, and says of each that is refused why.
 * @param {File[]} files
 */
export async function uploads(files) {
  const id = shown.value;
  /** @type {import('./types').Upload[]} */
  const found = [];
  refused.value = [];
  try {
    for (let n = 0; n < files.length; n += MOST_AT_ONCE) {
      const answer = await upload(id, files.slice(n, n + MOST_AT_ONCE));
      found.push(...answer.uploads);
      refused.value = [...refused.value, ...answer.refused];
    }
    state.setError("add", null);
  } catch (error) {
    state.setError("add", error instanceof Error ? error.message : String(error));
  }
  return found;
}

/**
 * The files that were dropped, those in folders too.
 * @param {DataTransfer} data
 */
export async function dropped(data) {
  const entries = [...data.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (!entries.length) return [...data.files];
  /** @type {File[]} */
  const files = [];
  const walk = async (/** @type {any} */ entry) => {
    if (files.length >= 5000) return;
    if (entry.isFile) files.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    else {
      const reader = entry.createReader();
      for (;;) {
        /** @type {any[]} */
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        for (const one of some) await walk(one);
      }
    }
  };
  for (const entry of entries) await walk(entry);
  return files.filter((file) => !file.name.startsWith("."));
}
