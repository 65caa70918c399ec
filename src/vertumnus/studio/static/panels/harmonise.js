// Harmonise: a model draws the rough collage anew, as far as each piece allows; a gallery of seeds to choose from.

import { html, Icon } from "../parts/html.js";
import { Check, NumberField, Problem, Slider, TextField } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { ask } from "../live.js";
import { Options, useSchema, within } from "./options.js";
import { JobCard, jobOf, working } from "./job.js";
import { pictureUrl } from "../http.js";

const values = signal(/** @type {Record<string, unknown>} */ ({}));
const count = signal(10);
const first = signal(0);
const model = signal("mini");
/** What the whole shows, where it was said here and not in the document. */
const prompt = signal("");
const FIRST = ["method", "steps", "guidance", "negative"];

export function Harmonise() {
  state.structure.value;
  state.numbers.value;
  const schema = within(useSchema("harmonize"), "how");
  const job = jobOf("harmonize");
  const busy = working(job);
  const canvas = state.canvas.value;
  const chosen = state.chosen();
  const layers = state.stack.layers;
  const words = prompt.value || canvas?.prompt || "";
  // Where only some of the pieces have words, the others are called by their names.
  const said = layers.filter((layer) => layer.visible && layer.prompt);
  const all = [...new Set(layers.filter((layer) => layer.visible).map((layer) => layer.prompt || layer.name))];
  const start = (/** @type {Record<string, unknown>} */ more) =>
    ask(
      {
        kind: "job",
        verb: "harmonize",
        options: { prompt: words || (said.length && all.length <= 40 ? all.join(" and ") : "auto"), model: model.value || "mini", seed: first.value, seeds: count.value, how: values.value, ...more },
      },
      "harmonize",
    );
  const set = (/** @type {Record<string, unknown>} */ next) => (values.value = next);
  return html`<div class="panel-body">
    <${TextField} label="What the whole picture shows" lines=${2} value=${words} live placeholder="by itself, from the pieces" hint="Words of the pieces are found in it, and steer each piece for itself. Empty: made of the pieces' own words." onValue=${(/** @type {string} */ text) => (prompt.value = text)} />
    <details class="more" open=${layers.length <= 12}>
      <summary>Pieces: ${layers.length}, front first</summary>
      <div class="steering">
        ${layers.length > 40 ? html`<p class="note">The first 40. Choose a piece on the canvas for its own sliders.</p>` : null}
        ${layers.toReversed().slice(0, 40).map((layer) => html`<div class="steer" key=${layer.id}>
          <img class="thumb" src=${pictureUrl(canvas?.id ?? "", layer.image, 64)} alt="" />
          <div>
            <${TextField} label=${layer.name} value=${layer.prompt ?? ""} placeholder="what it shows" onValue=${(/** @type {string} */ prompt) => edit.change([layer], () => ({ prompt: prompt || null }), `Words of ${layer.name}`, true)} />
            <${Slider} label=${`${layer.name}: may change`} value=${layer.noise} min=${0} max=${1} ends=${["kept", "drawn anew"]} onValue=${(/** @type {number} */ noise) => edit.change([layer], () => ({ noise }), `May change ${layer.name}`, true)} />
          </div>
        </div>`)}
      </div>
    </details>
    <div class="row">
      <${NumberField} label="Seeds" value=${count.value} min=${1} max=${50} digits=${0} hint="How many pictures to choose from." onValue=${(/** @type {number} */ value) => (count.value = Math.round(value))} />
      <${NumberField} label="From seed" value=${first.value} min=${0} digits=${0} onValue=${(/** @type {number} */ value) => (first.value = Math.round(value))} />
    </div>
    <${Check} label="Adjust every piece by itself" value=${Boolean(values.value["auto"])} hint="How far each may change, and how strongly its words are drawn to it, from its size." onValue=${(/** @type {boolean} */ on) => set({ ...values.value, auto: on })} />
    <${TextField} label="Model" value=${model.value} hint="mini ships with the program and shows how it works; none matches tones and hides seams without a model; owner/name is a large one that is on this machine." onValue=${(/** @type {string} */ name) => (model.value = name.trim())} />
    ${busy ? null : html`<button type="button" class="button primary wide" disabled=${!layers.length} onClick=${() => start({})}><${Icon} name="sparkles" size=${17} />Harmonise</button>`}
    ${busy || !canvas?.made_by || canvas.made_by.tool !== "harmonize"
      ? null
      : html`<button type="button" class="button wide" disabled=${chosen.length !== 1} onClick=${() => start({ layer: chosen[0]?.id })}><${Icon} name="refresh-cw" size=${16} />${chosen.length === 1 ? `Only “${chosen[0]?.name}” anew` : "Only one piece anew: choose it"}</button>`}
    <${Problem} about="harmonize" />
    ${job ? html`<${JobCard} job=${job} expected=${count.value} choose="Take" />` : html`<p class="note">Ten pictures to choose from; each that you take is a step of the history.</p>`}
    <details class="more"><summary>All options</summary><div><${Options} schema=${schema} values=${values.value} onValues=${set} only=${FIRST} /><${Options} schema=${schema} values=${values.value} onValues=${set} but=${[...FIRST, "auto", "lora"]} /></div></details>
  </div>`;
}
