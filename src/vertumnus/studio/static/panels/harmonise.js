// Harmonise: a model draws the rough collage anew, as far as each piece allows; a gallery of seeds to choose from.

import { html, Icon } from "../parts/html.js";
import { Check, NumberField, Problem, Slider, TextField } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { ask } from "../live.js";
import { Options, useSchema } from "./options.js";
import { JobCard, jobOf, working } from "./job.js";
import { pictureUrl } from "../http.js";

const values = signal(/** @type {Record<string, unknown>} */ ({}));
const count = signal(10);
const first = signal(0);
/** Options that have controls of their own here. */
const OWN = ["prompt", "seed", "seeds", "only", "layers", "negative", "auto_adjust", "auto", "count"];

export function Harmonise() {
  state.structure.value;
  state.numbers.value;
  const schema = useSchema("harmonize");
  const job = jobOf("harmonize");
  const busy = working(job);
  const canvas = state.canvas.value;
  const chosen = state.chosen();
  const layers = state.stack.layers;
  const has = (/** @type {string} */ name) => Boolean(schema?.properties?.[name]);
  const auto = has("auto_adjust") ? "auto_adjust" : has("auto") ? "auto" : "";
  const start = (/** @type {Record<string, unknown>} */ more) =>
    ask(
      {
        kind: "job",
        verb: "harmonize",
        options: {
          ...values.value,
          ...(has("seeds") ? { seeds: Array.from({ length: count.value }, (_, n) => first.value + n) } : { seed: first.value }),
          ...more,
        },
      },
      "harmonize",
    );
  return html`<div class="panel-body">
    <${TextField} label="What the whole picture shows" lines=${2} value=${canvas?.prompt ?? ""} placeholder="a still life on a wooden table" hint="The words of the pieces are added to it." onValue=${(/** @type {string} */ prompt) => ask({ kind: "canvas", prompt: prompt || null }, "harmonize")} />
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
    ${auto ? html`<${Check} label="Adjust attention by itself" value=${Boolean(values.value[auto] ?? schema?.properties?.[auto]?.default)} hint=${schema?.properties?.[auto]?.description ?? "The sliders of attention are moved until every piece shows its words."} onValue=${(/** @type {boolean} */ on) => (values.value = { ...values.value, [auto]: on })} />` : null}
    ${busy ? null : html`<button type="button" class="button primary wide" disabled=${!layers.length} onClick=${() => start({})}><${Icon} name="sparkles" size=${17} />Harmonise</button>`}
    ${!busy && has("only")
      ? html`<button type="button" class="button wide" disabled=${chosen.length !== 1} onClick=${() => start({ only: chosen[0]?.id })}><${Icon} name="refresh-cw" size=${16} />${chosen.length === 1 ? `Only “${chosen[0]?.name}” anew` : "Only one piece anew: choose it"}</button>`
      : null}
    <${Problem} about="harmonize" />
    ${job ? html`<${JobCard} job=${job} expected=${count.value} choose="Take" />` : html`<p class="note">Without a large model the small one that ships shows how it works; see Model below.</p>`}
    <details class="more"><summary>All options</summary><div><${Options} schema=${schema} values=${values.value} onValues=${(/** @type {Record<string, unknown>} */ next) => (values.value = next)} but=${OWN} /></div></details>
  </div>`;
}
