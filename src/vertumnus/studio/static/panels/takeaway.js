// Takes it away: every export, and the command that makes the same again.

import { html, Icon } from "../parts/html.js";
import { Check, NumberField, Problem, Select, Slider } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import { useEffect, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { documentUrl, request } from "../http.js";
import { ask } from "../live.js";
import { settle } from "../edit.js";

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
  { value: "json", label: "JSON", about: "The document alone, as it is described in docs/document.md." },
  { value: "html", label: "Web page", about: "The picture, with the names of its pieces." },
  { value: "mp4", label: "Film", about: "How the last run arranged it." },
];
const SCALED = new Set(["png", "jpeg", "webp", "tiff", "psd", "ora", "dzi", "mp4"]);

const format = signal("png");
const scale = signal(1);
const quality = signal(90);
const transparent = signal(false);

/** @param {{text: string}} props */
function Copy({ text }) {
  const [copied, setCopied] = useState(false);
  return html`<div class="copy">
    <code tabindex="0" aria-label="Command line">${text}</code>
    <button type="button" class="button small" onClick=${async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Without the clipboard's leave: chosen, for the person to copy.
        const range = document.createRange();
        const code = document.querySelector(".copy code");
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
  const [answer, setAnswer] = useState(/** @type {{command: string, same?: boolean, message?: string, note?: string} | null} */ (null));
  const id = state.canvas.value?.id ?? "";
  const revision = state.saved.value;
  useEffect(() => {
    let current = true;
    request(documentUrl(id, "again"))
      .then((response) => response.json())
      .then((found) => current && (setAnswer(found), state.setError("again", null)))
      .catch((error) => current && (setAnswer(null), state.setError("again", error.message)));
    return () => {
      current = false;
    };
  }, [id, revision, state.run.value?.state]);
  return html`<section class="block" aria-labelledby="again-title">
    <h3 id="again-title">The same from the command line</h3>
    ${answer?.command ? html`<${Copy} text=${answer.command} />` : null}
    ${answer?.message ?? answer?.note ? html`<p class="note">${answer.message ?? answer.note}</p>` : null}
    <${Problem} about="again" />
  </section>`;
}

export function TakeAway() {
  const [busy, setBusy] = useState("");
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
        ...(one.value === "jpeg" || one.value === "webp" ? { quality: quality.value } : {}),
        ...(one.value === "png" && transparent.value ? { transparent: true } : {}),
      };
      const response = await request(documentUrl(canvas.id, `exports/${one.value}`, query));
      const named = /filename="?([^";]+)"?/.exec(response.headers.get("content-disposition") ?? "")?.[1];
      const link = document.createElement("a");
      link.href = URL.createObjectURL(await response.blob());
      link.download = named ?? `${canvas.name}.${one.value}`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      state.setError("export", null);
      state.said.value = `${one.label} saved`;
    } catch (error) {
      state.setError("export", error instanceof Error ? error.message : String(error));
    }
    setBusy("");
  };
  return html`<div class="panel-body">
    <${Select} label="As" value=${format.value} options=${FORMATS} onValue=${(/** @type {string} */ value) => (format.value = value)} />
    <p class="note">${one?.about}</p>
    ${SCALED.has(format.value)
      ? html`<${NumberField} label="Pixels to a canvas pixel" value=${scale.value} min=${0.05} max=${32} step=${0.5} onValue=${(/** @type {number} */ value) => (scale.value = value)} hint="A collage does not depend on resolution: at 4 it is the same, sharper." />
          <p class="note">${Math.round(canvas.width * scale.value).toLocaleString("en")} × ${Math.round(canvas.height * scale.value).toLocaleString("en")} pixels</p>`
      : null}
    ${format.value === "jpeg" || format.value === "webp" ? html`<${Slider} label="Quality" value=${quality.value} min=${10} max=${100} step=${1} digits=${0} onValue=${(/** @type {number} */ value) => (quality.value = value)} />` : null}
    ${format.value === "png" && canvas.background !== null ? html`<${Check} label="Without the ground" value=${transparent.value} onValue=${(/** @type {boolean} */ on) => (transparent.value = on)} />` : null}
    <button type="button" class="button primary wide" disabled=${busy !== ""} onClick=${save}><${Icon} name="download" size=${17} />${busy ? `Making ${busy} …` : `Save ${one?.label}`}</button>
    <${Problem} about="export" />
    <${Again} />
    <section class="block" aria-labelledby="file-title">
      <h3 id="file-title">The file</h3>
      <p class="note">${canvas.path} is written by itself two seconds after a change.</p>
      <button type="button" class="button" onClick=${() => ask({ kind: "save" })}>Save now</button>
    </section>
  </div>`;
}
