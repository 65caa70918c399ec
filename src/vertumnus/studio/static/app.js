// The page: what is where. Panels are in panels/, the canvas in canvas/.

import { render } from "./vendor/preact.mjs";
import { useEffect, useRef, useState } from "./vendor/hooks.mjs";
import { html, Icon } from "./parts/html.js";
import { IconButton, Problem } from "./parts/fields.js";
import * as state from "./state.js";
import { addFiles, dropped, follow, shown } from "./open.js";
import { redo, undo } from "./edit.js";
import { lasso, snapping, Stage, stage, theme, tool, zoom } from "./canvas/stage.js";
import { measured } from "./canvas/meter.js";
import { cut, traffic } from "./live.js";
import { leftOpen, openPanel, panel, rightOpen } from "./place.js";
import { watchKeys, helping } from "./keys.js";
import { Help } from "./panels/help.js";
import { Start } from "./panels/start.js";
import { Add } from "./panels/add.js";
import { LayerList } from "./panels/layers.js";
import { Steps } from "./panels/history.js";
import { Selected } from "./panels/selected.js";
import { Arrange } from "./panels/arrange.js";
import { RunBar } from "./panels/runbar.js";
import { Harmonise } from "./panels/harmonise.js";
import { Mosaic, Preview } from "./panels/mosaic.js";
import { TakeAway } from "./panels/takeaway.js";

/** The panels on the left. */
const PANELS = /** @type {const} */ ([
  ["add", "plus", "Add", Add],
  ["layers", "layers", "Layers", LayerList],
  ["arrange", "shapes", "Arrange", Arrange],
  ["harmonise", "sparkles", "Harmonise", Harmonise],
  ["mosaic", "grid-3x3", "Mosaic", Mosaic],
  ["history", "rotate-ccw-clock", "History", Steps],
  ["export", "download", "Take away", TakeAway],
]);

/** @param {string} next */
export function setTheme(next) {
  theme.value = next === "dark" ? "dark" : "light";
  document.documentElement.dataset["theme"] = theme.value;
  localStorage.setItem("vertumnus-theme", theme.value);
}

function Top() {
  const { steps, at } = state.history.value;
  const lost = state.connection.value === "lost";
  const unsaved = state.saved.value < state.revision.value;
  return html`<header class="top">
    <a class="brand" href="#" onClick=${() => sessionStorage.setItem("vertumnus-home", "1")}
      ><img src="static/icon.svg" width="22" height="22" alt="All collages" /></a
    ><h1 class="name">${state.canvas.value?.name ?? ""}</h1>
    <span class="saved" role="status">
      ${lost ? html`<span class="problem-words"><${Icon} name="wifi-off" size=${14} /> Not connected; trying again</span>` : unsaved ? "Saving …" : "Saved"}
    </span>
    <span class="gap"></span>
    <${IconButton} name="undo-2" label=${at > 0 ? `Undo: ${steps[at - 1]}` : "Undo"} keys="Control+Z" disabled=${at === 0} onClick=${undo} />
    <${IconButton} name="redo-2" label=${at < steps.length ? `Redo: ${steps[at]}` : "Redo"} keys="Control+Shift+Z" disabled=${at >= steps.length} onClick=${redo} />
    <span class="divider"></span>
    <span class="end line tight">
      <${IconButton} name=${theme.value === "dark" ? "sun" : "moon"} label=${theme.value === "dark" ? "Light theme" : "Dark theme"} onClick=${() => setTheme(theme.value === "dark" ? "light" : "dark")} />
      <${IconButton} name="keyboard" label="Keyboard shortcuts" keys="?" onClick=${() => (helping.value = true)} />
      <${IconButton} name="panel-right" label="Properties" pressed=${rightOpen.value} onClick=${() => (rightOpen.value = !rightOpen.value)} />
    </span>
    <button type="button" class="button primary small" onClick=${() => openPanel("export")}><${Icon} name="download" size=${16} />Take away</button>
  </header>`;
}

/** @param {string} name */
function open(name) {
  if (panel.value === name && leftOpen.value) leftOpen.value = false;
  else openPanel(name);
}

function Rail() {
  const move = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [.../** @type {HTMLElement} */ (event.currentTarget).querySelectorAll("button")];
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
  };
  return html`<nav class="rail" aria-label="Panels"><div role="tablist" aria-label="Panels" aria-orientation="vertical" onKeyDown=${move}>
    ${PANELS.map(
      ([name, icon, label], n) =>
        html`<button
          type="button"
          role="tab"
          id=${`tab-${name}`}
          aria-selected=${String(panel.value === name && leftOpen.value)}
          aria-controls=${panel.value === name && leftOpen.value ? "left-panel" : undefined}
          aria-keyshortcuts=${String(n + 1)}
          onClick=${() => open(name)}
        >
          <${Icon} name=${icon} size=${20} />${label}
        </button>`,
    )}
  </div></nav>`;
}

function Left() {
  const found = PANELS.find(([name]) => name === panel.value) ?? PANELS[0];
  const [name, , label, Body] = found;
  return html`<aside class="left" aria-label=${label}><div class="left-inner" id="left-panel" role="tabpanel" aria-labelledby=${`tab-${name}`}>
    <div class="panel-head end"><h2>${label}</h2><${IconButton} name="panel-left" label="Close panel" onClick=${() => (leftOpen.value = false)} /></div>
    <${Body} />
  </div></aside>`;
}

function Tools() {
  const tools = /** @type {const} */ ([
    ["select", "mouse-pointer-2", "Choose and move", "V"],
    ["pan", "hand", "Move the view", "Space"],
    ["lasso", "lasso-select", "Draw a shape (lasso)", "S"],
  ]);
  return html`<div class="float tools" role="toolbar" aria-label="Tools">
    ${tools.map(
      ([name, icon, label, keys]) =>
        html`<${IconButton} name=${icon} label=${label} keys=${keys} pressed=${tool.value === name} onClick=${() => (tool.value = name)} />`,
    )}
    <${IconButton} name="magnet" label="Snapping" keys="G" pressed=${snapping.value} onClick=${() => (snapping.value = !snapping.value)} />
  </div>`;
}

function Look() {
  return html`<div class="float look end" role="toolbar" aria-label="View">
    <${IconButton} name="zoom-out" label="Smaller" keys="-" onClick=${() => stage.current?.zoomBy(1 / 1.25)} />
    <button type="button" class="icon-button text percent" data-tip="Whole canvas  0" aria-label=${`Zoom ${Math.round(zoom.value * 100)} %: show the whole canvas`} aria-keyshortcuts="0" onClick=${() => stage.current?.fit()}>
      ${Math.round(zoom.value * 100)} %
    </button>
    <${IconButton} name="zoom-in" label="Larger" keys="+" onClick=${() => stage.current?.zoomBy(1.25)} />
  </div>`;
}

function Hollow() {
  state.structure.value;
  if (state.stack.layers.length || state.connection.value !== "open") return null;
  return html`<div class="hollow">
    <${Icon} name="images" size=${34} />
    <p>Drop pictures or a folder here, or take icons and words from <b>Add</b>.</p>
  </div>`;
}

function Middle() {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [dropping, setDropping] = useState(false);
  useEffect(() => {
    const made = new Stage(/** @type {HTMLDivElement} */ (place.current));
    return () => made.destroy();
  }, []);
  const chosen = state.selection.value.size;
  return html`<main
    class="middle"
    onDragEnter=${(/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") && setDropping(true)}
    onDragOver=${(/** @type {DragEvent} */ event) => event.preventDefault()}
    onDragLeave=${(/** @type {DragEvent} */ event) => event.currentTarget === event.target && setDropping(false)}
    onDrop=${async (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      setDropping(false);
      const at = stage.current?.toCanvas(event) ?? null;
      if (event.dataTransfer) await addFiles(await dropped(event.dataTransfer), at);
    }}
  >
    <div
      class="stage"
      ref=${place}
      id="canvas"
      tabindex="0"
      role="application"
      aria-roledescription="collage"
      aria-label=${`Collage canvas, ${state.stack.layers.length} layers, ${chosen} chosen. Page down and page up choose the next and the one before, arrow keys move, question mark lists all keys.`}
    ></div>
    <${Hollow} />
    <${Preview} />
    <${Tools} />
    <div class="above">
      <${Problem} about="general" />
      <${Problem} about="selection" />
      ${state.errors.value.has("run") && panel.value !== "arrange" ? html`<${Problem} about="run" />` : null}
      ${state.errors.value.has("add") && panel.value !== "add" ? html`<${Problem} about="add" />` : null}
      ${lasso.value.length > 2 && panel.value !== "arrange" && tool.value !== "lasso"
        ? html`<div class="float still">
            <span class="note pad">A shape is drawn</span>
            <button type="button" class="button small primary" onClick=${() => openPanel("arrange")}>Fill it</button>
            <button type="button" class="button small" onClick=${() => (lasso.value = [])}>Forget it</button>
          </div>`
        : null}
    </div>
    <${RunBar} />
    <${Look} />
    ${dropping ? html`<div class="drop"><${Icon} name="upload" size=${28} />Let go: each picture becomes a layer</div>` : null}
  </main>`;
}

function Right() {
  return html`<aside class="right" aria-label="Properties"><${Selected} /></aside>`;
}

function Page() {
  if (!shown.value) return html`<${Start} /><${Help} /><${Said} />`;
  if (!state.canvas.value) {
    return html`<div class="waiting" role="status">${state.connection.value === "lost" ? "The studio does not answer; trying again." : "Opening …"}<${Problem} about="start" /></div><${Said} />`;
  }
  const look = `studio${leftOpen.value ? "" : " no-left"}${rightOpen.value ? "" : " no-right"}`;
  return html`<div class=${look}>
      <${Top} />
      <${Rail} />
      ${leftOpen.value ? html`<${Left} />` : null}
      <${Middle} />
      ${rightOpen.value ? html`<${Right} />` : null}
    </div>
    <${Help} /><${Said} />`;
}

function Said() {
  return html`<div class="unseen" role="status" aria-live="polite">${state.said.value}</div>`;
}

setTheme(document.documentElement.dataset["theme"] ?? "light");
watchKeys({ open: (n) => open(PANELS[n]?.[0] ?? "add"), setTheme });
addEventListener("hashchange", () => follow());
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => event.preventDefault());
render(html`<${Page} />`, /** @type {HTMLElement} */ (document.getElementById("app")));
follow();

// For tests and benchmarks/studio.py: what is shown, and how fast.
Object.assign(globalThis, { vertumnus: { state, stage, measured, traffic, cut } });
