// Pack and compose: the optimisers arrange what is there, and a person may have a hand in it.

import { html, Icon } from "../parts/html.js";
import { Check, Choice, NumberField, Problem, TextField } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { ask } from "../live.js";
import { getJson } from "../http.js";
import { uploads } from "../open.js";
import { lasso, tool } from "../canvas/stage.js";
import { Options, useSchema } from "./options.js";

/** What was asked for, kept while panels come and go. */
const form = {
  verb: signal(/** @type {"pack" | "compose"} */ ("pack")),
  shape: signal(/** @type {"named" | "text" | "icon" | "lasso" | "picture"} */ ("named")),
  named: signal("heart"),
  text: signal("Q"),
  icon: signal("cat"),
  upload: signal(/** @type {{id: string, name: string} | null} */ (null)),
  prompt: signal(""),
  like: signal(/** @type {{id: string, name: string} | null} */ (null)),
  count: signal(/** @type {number | null} */ (null)),
  seed: signal(0),
  goOn: signal(false),
  options: { pack: signal(/** @type {Record<string, unknown>} */ ({})), compose: signal(/** @type {Record<string, unknown>} */ ({})) },
};

const BASIC = { pack: ["quality", "sizes", "rotation", "gap", "overlap"], compose: ["iterations", "rotation", "colour", "background"] };

/** @returns {import('../types').ShapeGiven | null} */
function shapeAsked() {
  switch (form.shape.value) {
    case "named":
      return { named: form.named.value };
    case "text":
      return { named: `text:${form.text.value}` };
    case "icon":
      return { named: `icon:${form.icon.value.trim().replaceAll(" ", "-")}` };
    case "lasso":
      return lasso.value.length > 2 ? { lasso: lasso.value.map(([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10]) } : null;
    case "picture":
      return form.upload.value ? { upload: form.upload.value.id } : null;
  }
}

function Shape() {
  const [names, setNames] = useState(["heart", "circle", "square", "star"]);
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    getJson("shapes").then((found) => setNames(found.shapes)).catch(() => undefined);
  }, []);
  useEffect(() => {
    if (lasso.value.length > 2) form.shape.value = "lasso";
  }, [lasso.value.length > 2]);
  const kind = form.shape.value;
  return html`<section class="block" aria-labelledby="shape-title">
    <h3 id="shape-title">Fill a shape</h3>
    <div class="shape-kinds" role="group" aria-label="What kind of shape">
      ${/** @type {const} */ ([
        ["named", "heart", "Name"],
        ["text", "type", "Letters"],
        ["icon", "puzzle", "Icon"],
        ["lasso", "lasso-select", "Drawn"],
        ["picture", "image", "Picture"],
      ]).map(
        ([value, icon, label]) => html`<button type="button" aria-pressed=${String(kind === value)} onClick=${() => {
          form.shape.value = value;
          if (value === "lasso" && lasso.value.length < 3) tool.value = "lasso";
        }}><${Icon} name=${icon} size=${18} /><span>${label}</span></button>`,
      )}
    </div>
    ${kind === "named"
      ? html`<div class="shape-names" role="group" aria-label="Shape">
          ${names.map((name) => html`<button type="button" class="chip" aria-pressed=${String(form.named.value === name)} onClick=${() => (form.named.value = name)}>${name}</button>`)}
        </div>`
      : null}
    ${kind === "text" ? html`<${TextField} label="Letters or a word" value=${form.text.value} live onValue=${(/** @type {string} */ text) => (form.text.value = text)} />` : null}
    ${kind === "icon" ? html`<${TextField} label="The icon's name" value=${form.icon.value} live onValue=${(/** @type {string} */ text) => (form.icon.value = text)} hint="Any of the 7,900 icons, as the panel Add finds them." />` : null}
    ${kind === "lasso"
      ? html`<p class="note">${lasso.value.length > 2 ? `A shape of ${lasso.value.length} points is drawn.` : "Draw around a region of the canvas."}</p>
          <div class="line"><button type="button" class="button small" onClick=${() => (tool.value = "lasso")}><${Icon} name="lasso-select" size=${15} />${lasso.value.length > 2 ? "Draw again" : "Draw"}</button>
          ${lasso.value.length > 2 ? html`<button type="button" class="button small" onClick=${() => (lasso.value = [])}>Forget</button>` : null}
          ${lasso.value.length > 2 ? null : html`<button type="button" class="button small" onClick=${ellipse}>An ellipse</button>`}</div>`
      : null}
    ${kind === "picture"
      ? html`<div class="line"><button type="button" class="button small" onClick=${() => file.current?.click()}><${Icon} name="upload" size=${15} />Choose a picture</button><span class="note">${form.upload.value?.name ?? "Dark or opaque is inside; PNG, JPEG, SVG."}</span></div>
          <input ref=${file} type="file" class="unseen" tabindex="-1" aria-label="Picture of the shape" accept="image/*,.svg" onChange=${async (/** @type {any} */ event) => {
            const [one] = await uploads([...event.currentTarget.files]);
            if (one) form.upload.value = one;
          }} />`
      : null}
    <${Problem} about="shape" />
  </section>`;
}

/** A shape without a pointer: what the lasso would have drawn around the canvas. */
function ellipse() {
  const canvas = state.canvas.value;
  if (!canvas) return;
  lasso.value = Array.from({ length: 48 }, (_, n) => {
    const angle = (n / 48) * 2 * Math.PI;
    return [canvas.width * (0.5 + 0.42 * Math.cos(angle)), canvas.height * (0.5 + 0.42 * Math.sin(angle))];
  });
}

function Sentence() {
  const file = useRef(/** @type {HTMLInputElement | null} */ (null));
  return html`<section class="block" aria-labelledby="sentence-title">
    <h3 id="sentence-title">Show something</h3>
    <${TextField} label="What the whole shows" lines=${2} value=${form.prompt.value} live placeholder="a cat" onValue=${(/** @type {string} */ text) => (form.prompt.value = text)} hint="In words; several things, where they lie, and colours are understood. What was understood is said while it runs." />
    <div class="line">
      <button type="button" class="button small" onClick=${() => file.current?.click()}><${Icon} name="image" size=${15} />${form.like.value ? form.like.value.name : "Or rebuild a photograph"}</button>
      ${form.like.value ? html`<button type="button" class="button small" onClick=${() => (form.like.value = null)}>Not this one</button>` : null}
    </div>
    <input ref=${file} type="file" class="unseen" tabindex="-1" aria-label="Photograph to rebuild" accept="image/*" onChange=${async (/** @type {any} */ event) => {
      const [one] = await uploads([...event.currentTarget.files]);
      if (one) form.like.value = one;
    }} />
  </section>`;
}

export function Arrange() {
  state.structure.value;
  const verb = form.verb.value;
  const schema = useSchema(verb);
  const running = state.running();
  const values = form.options[verb];
  const shape = shapeAsked();
  const empty = state.stack.layers.length === 0;
  const chosen = (/** @type {Record<string, unknown>} */ next) => {
    const before = values.value;
    values.value = next;
    if (!running || state.run.value?.verb !== verb) return;
    for (const name of new Set([...Object.keys(before), ...Object.keys(next)])) {
      if (before[name] !== next[name]) ask({ kind: "option", name, value: next[name] ?? schema?.properties?.[name]?.default ?? null }, "run");
    }
  };
  const start = () =>
    ask(
      {
        kind: "run",
        verb,
        seed: form.seed.value,
        anew: !form.goOn.value,
        options: values.value,
        ...(form.count.value ? { count: form.count.value } : {}),
        ...(verb === "pack" ? { shape } : { prompt: form.prompt.value || null, ...(form.like.value ? { like: form.like.value.id } : {}) }),
      },
      "run",
    );
  const cannot = empty ? "Add some pieces first." : verb === "pack" && !shape ? "Say which shape." : verb === "compose" && !form.prompt.value.trim() && !form.like.value ? "Say what it shows." : "";
  return html`<div class="panel-body">
    <${Choice} label="How to arrange" value=${verb} options=${[
      { value: "pack", label: "A shape", icon: "shapes" },
      { value: "compose", label: "A sentence", icon: "text-quote" },
    ]} onValue=${(/** @type {any} */ value) => (form.verb.value = value)} />
    ${verb === "pack" ? html`<${Shape} />` : html`<${Sentence} />`}
    <div class="row">
      <${NumberField} label="Pieces" value=${form.count.value} placeholder="as they are" min=${1} max=${20000} digits=${0} hint="More than there are: the pictures are used in turn." onValue=${(/** @type {number} */ value) => (form.count.value = Math.round(value))} />
      <${NumberField} label="Seed" value=${form.seed.value} min=${0} digits=${0} hint="The same number gives the same collage, another one another." onValue=${(/** @type {number} */ value) => (form.seed.value = Math.round(value))} />
    </div>
    <${Check} label="Start from where they lie" value=${form.goOn.value} disabled=${running} hint="Otherwise pieces find a first place by themselves. Pinned pieces stay where they are either way." onValue=${(/** @type {boolean} */ on) => (form.goOn.value = on)} />
    <${Options} schema=${schema} values=${values.value} onValues=${chosen} only=${BASIC[verb]} />
    ${running
      ? html`<p class="note">It runs. Drag a piece and the rest flows around it; L pins it; what you change here counts at once.</p>
          <div class="row"><button type="button" class="button" onClick=${() => ask({ kind: state.run.value?.state === "paused" ? "resume" : "pause" }, "run")}>
            <${Icon} name=${state.run.value?.state === "paused" ? "play" : "pause"} size=${16} />${state.run.value?.state === "paused" ? "Go on" : "Pause"}</button>
          <button type="button" class="button" onClick=${() => ask({ kind: "stop" }, "run")}><${Icon} name="square" size=${15} />Stop</button></div>`
      : html`<button type="button" class="button primary wide" disabled=${cannot !== ""} onClick=${start}><${Icon} name="play" size=${17} />${verb === "pack" ? "Pack" : "Compose"}</button>
          ${cannot ? html`<p class="note">${cannot}</p>` : null}`}
    <${Problem} about="run" />
    ${state.run.value?.understood ? html`<p class="note"><b>Understood:</b> ${state.run.value.understood}</p>` : null}
    <details class="more"><summary>All options</summary><div><${Options} schema=${schema} values=${values.value} onValues=${chosen} but=${BASIC[verb]} /></div></details>
  </div>`;
}
