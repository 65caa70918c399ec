// Takes it away: every export, and the command that makes the same again.

import { html, Icon } from "../parts/html.js";
import { Check, NumberField, Problem, Select } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import { useEffect, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { documentUrl, request } from "../http.js";
import { ask } from "../live.js";
import { settle } from "../edit.js";
import { Options, useSchema } from "./options.js";

const FORMATS = [
  { value: "png", label: "PNG", about: "The picture, without loss, transparent where the canvas is." },
  { value: "jpeg", label: "JPEG", about: "The picture, small; no transparency." },
  { value: "webp", label: "WebP", about: "The picture, smaller still." },
  { value: "tiff", label: "TIFF", about: "For print." },
  { value: "svg", label: "SVG", about: "Every layer for itself: opens in a browser and in Inkscape." },
  { value: "pdf", label: "PDF", about: "For print, every layer for itself." },
  { value: "psd", label: "PSD", about: "Layers for Photoshop and its kin." },
  { value: "ora", label: "OpenRaster", about: "Layers for Krita and GIMP; what is moved there comes back." },
  { value: "dzi", label: "Deep zoom", about: "A folder of tiles and a page, in one zip: for very large pictures on the web." },
  { value: "collage", label: "Collage", about: "The document itself, with its pictures: to go on another day." },
  { value: "json", label: "JSON", about: "The document as text beside its pictures, in one zip." },
  { value: "html", label: "Web page of words", about: "A cloud of words as a page that can be searched; only for clouds of words." },
  { value: "film", label: "Film of the run", about: "How the pieces found their places, as an animated WebP that goes round and round." },
  { value: "gif", label: "Film of the run, GIF", about: "The same with fewer colours: shown everywhere." },
  { value: "mp4", label: "Film of the run, MP4", about: "The same as a video." },
  { value: "csv", label: "Table of cells", about: "Which tile lies where, for a spreadsheet; only for mosaics." },
];
const FILMS = new Set(["film", "gif", "mp4"]);
const SCALED = new Set(["png", "jpeg", "webp", "tiff", "psd", "ora", "dzi"]);
/** Formats that are there only for what one tool makes. @type {Record<string, string>} */
const ONLY = { html: "words", csv: "mosaic" };

const format = signal("png");
const scale = signal(1);
const ground = signal("");
const printing = signal(/** @type {Record<string, unknown>} */ ({}));

/** @param {string} value whether a format is a film of a run */
const film = (value) => FILMS.has(value);

/** @param {{text: string}} props */
function Copy({ text }) {
  const [copied, setCopied] = useState(false);
  return html`<div class="copy">
    <code tabindex="0" aria-label="Command line">${text}</code>
    <button type="button" class="button small" onClick=${async (/** @type {any} */ event) => {
      const { parentElement } = event.currentTarget;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Without the clipboard's leave: chosen, for the person to copy.
        const range = document.createRange();
        const code = parentElement.querySelector("code");
        if (code) range.selectNodeContents(code);
        getSelection()?.removeAllRanges();
        getSelection()?.addRange(range);
      }
      setCopied(true);
      state.said.value = "Copied";
      setTimeout(() => setCopied(false), 1500);
    }}><${Icon} name=${copied ? "check" : "clipboard"} size=${15} />${copied ? "Copied" : "Copy"}</button>
  </div>`;
}

function Again() {
  const [answer, setAnswer] = useState(/** @type {{command: string, again: string | null, render: string, exact: boolean | null} | null} */ (null));
  const id = state.canvas.value?.id ?? "";
  const revision = state.saved.value;
  useEffect(() => {
    let current = true;
    request(documentUrl(id, "again", { format: format.value, scale: scale.value === 1 ? "" : scale.value, background: ground.value }))
      .then((response) => response.json())
      .then((found) => current && (setAnswer(found), state.setError("again", null)))
      .catch((error) => current && (setAnswer(null), state.setError("again", error.message)));
    return () => {
      current = false;
    };
  }, [id, revision, state.run.value?.state, format.value, scale.value, ground.value]);
  return html`<section class="block" aria-labelledby="again-title">
    <h3 id="again-title">The same from the command line</h3>
    ${answer?.command ? html`<${Copy} text=${answer.command} />` : null}
    ${answer && answer.again && answer.command !== answer.again
      ? html`<p class="note">That draws the file as it is. It was changed by hand since it was made; as it was made:</p><${Copy} text=${answer.again} />`
      : null}
    <${Problem} about="again" />
  </section>`;
}

export function TakeAway() {
  const [busy, setBusy] = useState("");
  const [said, setSaid] = useState("");
  const pdf = useSchema("pdf");
  const canvas = state.canvas.value;
  if (!canvas) return null;
  const one = FORMATS.find(({ value }) => value === format.value) ?? FORMATS[0];
  const save = async () => {
    if (!one) return;
    setBusy(one.label);
    try {
      await settle();
      const query = {
        ...(SCALED.has(one.value) && scale.value !== 1 ? { scale: scale.value } : {}),
        ...(ground.value && !film(one.value) ? { background: ground.value } : {}),
        ...(one.value === "pdf" ? /** @type {Record<string, string>} */ (printing.value) : {}),
      };
      const response = await request(documentUrl(canvas.id, `exports/${one.value}`, query));
      const named = /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "")?.[1];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = named ?? `${canvas.name}.${one.value}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      state.setError("export", null);
      setSaid(decodeURIComponent(response.headers.get("x-vertumnus-said") ?? ""));
      state.said.value = `${one.label} saved`;
    } catch (error) {
      state.setError("export", error instanceof Error ? error.message : String(error));
    }
    setBusy("");
  };
  return html`<div class="panel-body">
    <${Select} label="As" value=${format.value} options=${FORMATS.filter((one) => (!ONLY[one.value] || ONLY[one.value] === canvas.made_by?.tool) && (!film(one.value) || state.run.value))} onValue=${(/** @type {string} */ value) => (format.value = value)} />
    <p class="note">${one?.about}</p>
    ${SCALED.has(format.value)
      ? html`<${NumberField} label="Pixels to a canvas pixel" value=${scale.value} min=${0.05} max=${32} step=${0.5} onValue=${(/** @type {number} */ value) => (scale.value = value)} hint="A collage does not depend on resolution: at 4 it is the same, sharper." />
          <p class="note">${Math.round(canvas.width * scale.value).toLocaleString("en")} × ${Math.round(canvas.height * scale.value).toLocaleString("en")} pixels</p>`
      : null}
    ${format.value === "pdf" ? html`<${Options} schema=${pdf} values=${printing.value} onValues=${(/** @type {Record<string, unknown>} */ next) => (printing.value = next)} />` : null}
    ${film(format.value) ? null : html`<${Check} label="On another ground" value=${ground.value !== ""} onValue=${(/** @type {boolean} */ on) => (ground.value = on ? "#ffffff" : "")} />`}
    ${ground.value && !film(format.value) ? html`<div class="line"><input id="other-ground" type="color" value=${ground.value} onInput=${(/** @type {any} */ event) => (ground.value = event.currentTarget.value)} /><label for="other-ground" class="note">Colour of the ground in this file</label></div>` : null}
    ${said ? html`<p class="note good">${said}</p>` : null}
    <button type="button" class="button primary wide" disabled=${busy !== ""} onClick=${save}><${Icon} name="download" size=${17} />${busy ? `Making ${busy} …` : `Save ${one?.label}`}</button>
    <${Problem} about="export" />
    ${film(format.value) ? html`<p class="note">The command line films a run while it goes on: <code>vertumnus pack … --record run.webp</code></p>` : html`<${Again} />`}
    <section class="block" aria-labelledby="file-title">
      <h3 id="file-title">The file</h3>
      <p class="note">${canvas.path} is written by itself two seconds after a change.</p>
      <button type="button" class="button" onClick=${() => ask({ kind: "save" })}>Save now</button>
    </section>
  </div>`;
}
