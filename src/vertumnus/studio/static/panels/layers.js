// The list of layers, front first: only the rows that are seen are there, so that a thousand are as quick as ten.

import { html, Icon } from "../parts/html.js";
import { IconButton } from "../parts/fields.js";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import * as edit from "../edit.js";
import { pictureUrl } from "../http.js";

/** @typedef {import('../types').Layer} Layer */

const ROW = 44;
const SPARE = 6; // rows beyond what is seen

export function LayerList() {
  const [query, setQuery] = useState("");
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [anchor, setAnchor] = useState(0);
  const [naming, setNaming] = useState("");
  const [carried, setCarried] = useState("");
  const list = useRef(/** @type {HTMLDivElement | null} */ (null));
  state.structure.value;
  const chosen = state.selection.value;
  const wanted = query.trim().toLowerCase();
  const all = state.stack.layers.toReversed();
  const found = wanted ? all.filter((layer) => `${layer.name} ${layer.prompt ?? ""}`.toLowerCase().includes(wanted)) : all;
  useEffect(() => {
    const watch = new ResizeObserver(() => setHeight(list.current?.clientHeight ?? 400));
    if (list.current) watch.observe(list.current);
    return () => watch.disconnect();
  }, []);
  const [only] = chosen;
  useEffect(() => {
    // What is chosen on the canvas is shown in the list.
    const at = found.findIndex((layer) => layer.id === only);
    const box = list.current;
    if (chosen.size !== 1 || at < 0 || !box) return;
    if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
    else if ((at + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * ROW - box.clientHeight;
  }, [only, chosen.size]);
  const pick = (/** @type {number} */ at, /** @type {{shiftKey: boolean, ctrlKey: boolean, metaKey: boolean}} */ event) => {
    const layer = found[at];
    if (!layer) return;
    if (event.shiftKey) {
      const [from, to] = [Math.min(anchor, at), Math.max(anchor, at)];
      state.choose(found.slice(from, to + 1).map((one) => one.id));
      return;
    }
    setAnchor(at);
    if (event.ctrlKey || event.metaKey) {
      const ids = new Set(chosen);
      if (!ids.delete(layer.id)) ids.add(layer.id);
      state.choose(ids);
    } else state.choose([layer.id]);
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    if (/** @type {HTMLElement} */ (event.target).tagName === "INPUT") return;
    const last = [...chosen].at(-1);
    const at = found.findIndex((layer) => layer.id === last);
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: found.length - 1, PageDown: at + page, PageUp: at - page }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      const bounded = Math.max(0, Math.min(found.length - 1, to));
      if (event.shiftKey && found[bounded]) state.choose([...chosen, found[bounded].id]);
      else pick(bounded, { shiftKey: false, ctrlKey: false, metaKey: false });
    } else if ((event.key === "Enter" || event.key === "F2") && at >= 0) {
      event.preventDefault();
      setNaming(/** @type {Layer} */ (found[at]).id);
    }
  };
  const rename = (/** @type {Layer} */ layer, /** @type {string} */ name) => {
    setNaming("");
    if (name && name !== layer.name) edit.change([layer], () => ({ name }), `Rename ${layer.name}`, true);
    list.current?.focus();
  };
  const drop = (/** @type {Layer} */ onto) => {
    const moving = chosen.has(carried) ? state.chosen() : state.stack.layers.filter((layer) => layer.id === carried);
    setCarried("");
    if (!moving.length || moving.includes(onto)) return;
    const rest = state.stack.layers.filter((layer) => !moving.includes(layer));
    const from = state.stack.layers.indexOf(/** @type {Layer} */ (moving[0]));
    const up = state.stack.layers.indexOf(onto) > from;
    edit.place(moving, rest.indexOf(onto) + (up ? 1 : 0));
  };
  const from = Math.max(0, Math.floor(top / ROW) - SPARE);
  const to = Math.min(found.length, Math.ceil((top + height) / ROW) + SPARE);
  const id = state.canvas.value?.id ?? "";
  const last = [...chosen].at(-1);
  const lastAt = found.findIndex((layer) => layer.id === last);
  return html`<div class="panel-body whole layers">
    <div class="layers-head">
      <input type="search" aria-label="Search layers" placeholder=${`Search ${all.length} layers`} value=${query} onInput=${(/** @type {any} */ event) => setQuery(event.currentTarget.value)} />
      <div class="line tight start" role="toolbar" aria-label="Order of what is chosen">
        <${IconButton} name="arrow-up-to-line" label="To the front" keys="Control+Shift+]" disabled=${!chosen.size} onClick=${() => edit.reorder(state.chosen(), "front")} />
        <${IconButton} name="arrow-up" label="Forward" keys="Control+]" disabled=${!chosen.size} onClick=${() => edit.reorder(state.chosen(), "forward")} />
        <${IconButton} name="arrow-down" label="Backward" keys="Control+[" disabled=${!chosen.size} onClick=${() => edit.reorder(state.chosen(), "backward")} />
        <${IconButton} name="arrow-down-to-line" label="To the back" keys="Control+Shift+[" disabled=${!chosen.size} onClick=${() => edit.reorder(state.chosen(), "back")} />
        <span class="gap"></span>
        <${IconButton} name="copy" label="Duplicate" keys="Control+D" disabled=${!chosen.size} onClick=${() => edit.duplicate(state.chosen())} />
        <span class="end"><${IconButton} name="trash" label="Delete" keys="Delete" disabled=${!chosen.size} onClick=${() => edit.remove(state.chosen())} /></span>
      </div>
    </div>
    <div
      class="layer-list"
      ref=${list}
      role="listbox"
      aria-label="Layers, front first"
      aria-multiselectable="true"
      aria-activedescendant=${lastAt >= from && lastAt < to ? `layer-${last}` : undefined}
      tabindex="0"
      onScroll=${(/** @type {any} */ event) => setTop(event.currentTarget.scrollTop)}
      onKeyDown=${keys}
    >
      <div class="layer-space" role="presentation" style=${{ height: `${found.length * ROW}px` }}>
        ${found.slice(from, to).map((layer, n) => {
          const at = from + n;
          const on = chosen.has(layer.id);
          return html`<div
            key=${layer.id}
            id=${`layer-${layer.id}`}
            class=${`layer-row${on ? " on" : ""}${layer.visible ? "" : " off"}`}
            role="option"
            aria-selected=${String(on)}
            aria-posinset=${at + 1}
            aria-setsize=${found.length}
            aria-label=${`${layer.name}${layer.visible ? "" : ", hidden"}${layer.locked ? ", pinned" : ""}`}
            style=${{ top: `${at * ROW}px` }}
            draggable=${naming !== layer.id}
            onDragStart=${() => setCarried(layer.id)}
            onDragOver=${(/** @type {DragEvent} */ event) => event.preventDefault()}
            onDrop=${() => drop(layer)}
            onClick=${(/** @type {MouseEvent} */ event) => pick(at, event)}
            onDblClick=${() => setNaming(layer.id)}
          >
            <img class="thumb" src=${pictureUrl(id, layer.image, 64)} alt="" loading="lazy" />
            ${naming === layer.id
              ? html`<input type="text" aria-label="Name of the layer" value=${layer.name} ref=${(/** @type {any} */ box) => box && document.activeElement !== box && (box.focus(), box.select())}
                  onKeyDown=${(/** @type {any} */ event) => {
                    if (event.key === "Enter") rename(layer, event.currentTarget.value);
                    if (event.key === "Escape") setNaming("");
                  }}
                  onBlur=${(/** @type {any} */ event) => naming === layer.id && rename(layer, event.currentTarget.value)} />`
              : html`<span class="layer-name">${layer.name}</span>`}
            <span class="layer-marks">
              <span class=${`mark${layer.locked ? " set" : ""}`} title=${layer.locked ? "Release (L)" : "Pin (L)"} onClick=${(/** @type {Event} */ event) => (event.stopPropagation(), edit.togglePin([layer]))}><${Icon} name=${layer.locked ? "pin" : "pin-off"} size=${15} /></span>
              <span class=${`mark${layer.visible ? "" : " set"}`} title=${layer.visible ? "Hide (H)" : "Show (H)"} onClick=${(/** @type {Event} */ event) => (event.stopPropagation(), edit.toggleVisible([layer]))}><${Icon} name=${layer.visible ? "eye" : "eye-off"} size=${15} /></span>
            </span>
          </div>`;
        })}
      </div>
    </div>
    <p class="layers-foot note" role="status">${wanted ? `${found.length} of ${all.length}` : `${all.length} layers`}${chosen.size ? ` · ${chosen.size} chosen` : ""}</p>
  </div>`;
}
