// The run that goes on: how far it is, how long it will take, what was understood, and its buttons.

import { html } from "../parts/html.js";
import { IconButton, Progress } from "../parts/fields.js";
import * as state from "../state.js";
import { ask } from "../live.js";

/** @type {Record<string, string>} */
const PHASES = { arrange: "Arranging", finish: "Finishing", settle: "Settling", search: "Searching", "": "Starting" };

export function RunBar() {
  const run = state.run.value;
  if (!run || !state.running()) return null;
  const paused = run.state === "paused";
  const label = run.state === "starting" ? "Getting ready" : paused ? "Paused" : (PHASES[run.phase] ?? run.phase);
  return html`<section class="float runs" aria-label="The run">
    <div class="runs-inner">
      <${Progress} label=${label} done=${run.done} total=${run.total} left=${paused ? null : run.left_seconds} />
      ${run.understood ? html`<p class="runs-words" title=${run.understood}>${run.understood}</p>` : null}
      ${run.message ? html`<p class="runs-words">${run.message}</p>` : null}
    </div>
    <${IconButton} name=${paused ? "play" : "pause"} label=${paused ? "Go on" : "Pause"} keys="Space" onClick=${() => ask({ kind: paused ? "resume" : "pause" }, "run")} />
    <span class="end"><${IconButton} name="square" label="Stop, and keep the layout" onClick=${() => ask({ kind: "stop" }, "run")} /></span>
  </section>`;
}
