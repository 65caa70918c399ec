// The first page: three examples, an empty collage, and the documents there are.

import { html, Icon } from "../parts/html.js";
import { Problem } from "../parts/fields.js";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import { addFiles, begin, documents, dropped, ready, show } from "../open.js";
import { getJson, postJson } from "../http.js";
import { ask } from "../live.js";
import * as state from "../state.js";
import { openPanel } from "../place.js";

/** @typedef {{name: string, title: string, about: string, verb: string}} Example */

/** @param {() => Promise<unknown>} work */
async function tried(work) {
  try {
    await work();
    state.setError("start", null);
  } catch (error) {
    state.setError("start", error instanceof Error ? error.message : String(error));
  }
}

/** @param {Example} example */
function tryExample(example) {
  return tried(async () => {
    const made = await postJson(`examples/${encodeURIComponent(example.name)}`);
    show(made.id);
    await ready();
    openPanel({ pack: "arrange", compose: "arrange", mosaic: "mosaic", harmonize: "harmonise" }[example.verb] ?? "add");
    if (made.run) await ask(made.run, "run");
    if (made.job) await ask(made.job, made.job.verb);
  });
}

/** @param {File[]} files */
function startWith(files) {
  return tried(async () => {
    if (!files.length) return;
    await begin({ name: "Untitled" });
    await ready();
    openPanel("add");
    await addFiles(files);
  });
}

const SIZES = [
  { label: "Square", look: "", width: 1200, height: 1200 },
  { label: "Landscape", look: "wide", width: 1500, height: 1000 },
  { label: "Portrait", look: "tall", width: 1000, height: 1500 },
  { label: "A4", look: "tall", width: 1240, height: 1754 },
];

export function Start() {
  const [examples, setExamples] = useState(/** @type {Example[]} */ ([]));
  const [listed, setListed] = useState(/** @type {import('../open.js').Listed[]} */ ([]));
  const [busy, setBusy] = useState("");
  const [over, setOver] = useState(false);
  const files = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    getJson("examples")
      .then((found) => setExamples(found.examples ?? found))
      .catch(() => setExamples([]));
    documents()
      .then((found) => setListed(found.documents.toSorted((a, b) => b.changed - a.changed)))
      .catch((error) => state.setError("start", error.message));
  }, []);
  return html`<main
    class=${over ? "home over" : "home"}
    onDragOver=${(/** @type {DragEvent} */ event) => (event.preventDefault(), setOver(true))}
    onDragLeave=${(/** @type {DragEvent} */ event) => event.target === event.currentTarget && setOver(false)}
    onDrop=${async (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      setOver(false);
      if (event.dataTransfer) startWith(await dropped(event.dataTransfer));
    }}
  >
    <div class="home-inner">
      <header class="home-head">
        <img src="static/icon.svg" width="44" height="44" alt="" />
        <div>
          <h1>Vertumnus</h1>
          <p class="note">Collages by hand and by optimiser. Nothing leaves this machine.</p>
        </div>
      </header>
      <${Problem} about="start" />
      ${examples.length
        ? html`<section aria-labelledby="examples-title">
            <h2 id="examples-title">Try one</h2>
            <div class="cards">
              ${examples.map(
                (one) => html`<button
                  type="button"
                  class="card"
                  aria-busy=${String(busy === one.name)}
                  disabled=${busy !== ""}
                  onClick=${async () => {
                    setBusy(one.name);
                    await tryExample(one);
                    setBusy("");
                  }}
                >
                  ${html`<img src=${`static/examples/${one.name}.webp`} width="400" height="300" alt="" />`}
                  <span class="card-title">${busy === one.name ? "Opening …" : one.title}</span>
                  <span class="note">${one.about}</span>
                </button>`,
              )}
            </div>
          </section>`
        : null}
      <div class="home-columns">
        <section aria-labelledby="new-title">
          <h2 id="new-title">Begin</h2>
          <button type="button" class="drop-here" onClick=${() => files.current?.click()}>
            <${Icon} name="image-plus" size=${26} /><span>Drop pictures, a folder or SVG files, or choose them</span>
          </button>
          <input ref=${files} class="unseen" type="file" multiple accept="image/*,.svg,.heic,.avif" aria-label="Pictures to begin with" tabindex="-1" onChange=${(/** @type {any} */ event) => startWith([...event.currentTarget.files])} />
          <div class="sizes">
            ${SIZES.map(
              (size) => html`<button type="button" class="button" onClick=${() => tried(() => begin({ name: "Untitled", width: size.width, height: size.height }))}>
                <span class=${`sheet ${size.look}`} aria-hidden="true"></span>${size.label}<span class="unseen"> empty canvas</span>
              </button>`,
            )}
          </div>
        </section>
        <section aria-labelledby="open-title">
          <h2 id="open-title">In this folder</h2>
          ${listed.length
            ? html`<ul class="documents">
                ${listed.map(
                  (one) => html`<li>
                    <a href=${`#${one.id}`}><${Icon} name="file" size=${16} /><span class="document-name">${one.name}</span><span class="note">${new Date(one.changed * 1000).toLocaleDateString()}</span></a>
                  </li>`,
                )}
              </ul>`
            : html`<p class="note">No collages yet.</p>`}
        </section>
      </div>
    </div>
  </main>`;
}
