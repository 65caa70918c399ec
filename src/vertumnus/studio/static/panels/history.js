// The steps there are, by name; any of them can be gone to.

import { html } from "../parts/html.js";
import { useEffect, useRef } from "../vendor/hooks.mjs";
import { Problem } from "../parts/fields.js";
import * as state from "../state.js";
import { ask } from "../live.js";

const MOST = 400; // steps shown on either side

export function Steps() {
  const { steps, at } = state.history.value;
  const now = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => now.current?.scrollIntoView({ block: "nearest" }), [at, steps.length]);
  const from = Math.max(0, at - MOST);
  const entries = ["As it was opened", ...steps].slice(from, at + MOST);
  return html`<div class="panel-body">
    <${Problem} about="history" />
    <ol class="steps" start=${from}>
      ${entries.map((name, n) => {
        const step = from + n;
        return html`<li key=${step}>
          <button
            type="button"
            ref=${step === at ? now : null}
            class=${step > at ? "step undone" : "step"}
            aria-current=${step === at ? "step" : undefined}
            onClick=${() => ask({ kind: "go", step }, "history")}
          >
            <span class="step-number">${step || ""}</span>${name}${step > at ? html`<span class="unseen"> (undone)</span>` : null}
          </button>
        </li>`;
      })}
    </ol>
  </div>`;
}
