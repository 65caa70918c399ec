// Work that takes a while and gives results to choose from.

import { html, Icon } from "../parts/html.js";
import { Progress } from "../parts/fields.js";
import * as state from "../state.js";
import { ask } from "../live.js";
import { documentUrl } from "../http.js";

/**
 * The newest job of a verb.
 * @param {string} verb
 */
export function jobOf(verb) {
  return [...state.jobs.value.values()].filter((job) => job.verb === verb).at(-1) ?? null;
}

/** @param {import('../types').Job | null} job */
export function working(job) {
  return job?.state === "running";
}

/** @param {string} image address relative to the document's */
export function resultUrl(image) {
  if (/^(https?:)?\//.test(image)) return image;
  return documentUrl(state.canvas.value?.id ?? "", image);
}

/**
 * How it stands, its results as they come, and what can be done with them.
 * @param {{job: import('../types').Job, gallery?: boolean, choose?: string, expected?: number}} props
 *    expected: how many results there will be
 */
export function JobCard({ job, gallery = true, choose = "Use this one", expected = 0 }) {
  const busy = working(job);
  const coming = busy && gallery ? Math.max(0, Math.min(24, expected - job.results.length)) : 0;
  return html`<div class="job" aria-live="polite">
    ${busy
      ? html`<${Progress} label=${job.what || "Working"} done=${job.done} total=${job.total} left=${job.left_seconds} />
          <button type="button" class="button small" onClick=${() => ask({ kind: "cancel", job: job.id }, job.verb)}><${Icon} name="x" size=${15} />Stop</button>`
      : null}
    ${job.state === "failed" ? html`<p class="problem" role="alert"><${Icon} name="triangle-alert" size=${15} /><span>${job.message}</span></p>` : null}
    ${job.state !== "failed" && job.message ? html`<p class="note">${job.message}</p>` : null}
    ${gallery && job.results.length + coming
      ? html`<div class="gallery" role="group" aria-label="Results">
          ${job.results.map(
            (result) => html`<button
              type="button"
              key=${result.index}
              class="result"
              aria-pressed=${String(job.chosen === result.index)}
              aria-label=${`${choose}: ${result.name ?? (result.seed === null ? `result ${result.index + 1}` : `seed ${result.seed}`)}`}
              onClick=${() => ask({ kind: "choose", job: job.id, index: result.index }, job.verb)}
            >
              <img src=${resultUrl(result.image)} alt="" />
              <span class="result-name">${result.name ?? (result.seed === null ? "" : `seed ${result.seed}`)}${job.chosen === result.index ? " ✓" : ""}</span>
            </button>`,
          )}
          ${Array.from({ length: coming }, () => html`<span class="result to-come" aria-hidden="true"></span>`)}
        </div>`
      : null}
  </div>`;
}
