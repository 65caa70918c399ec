// The mosaic at any depth, with the original under the pointer, a tile's or the whole picture's: OpenSeadragon.

import { html } from "../parts/html.js";
import { Choice, IconButton, Problem, Slider } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { documentUrl, originalUrl, request } from "../http.js";
import { apply, inverse, matrixOf } from "../geometry.js";

/** @typedef {import('../types').Layer} Layer */

export const deep = signal(false);
/** What is seen under the pointer. */
const under = signal(/** @type {"tile" | "picture"} */ ("tile"));
const SHOWN = 512; // pixels of an original's longer side
const TALLEST = 300; // screen pixels of the card when its picture has come

/** @type {Promise<any> | null} */
let loading = null;

/** The library is large, and only read when it is wanted. */
function library() {
  loading ??= new Promise((resolve, reject) => {
    // OpenSeadragon puts a style of its own into the page unless one of that name is there, which the content security
    // policy would not have; this one is none, by its namespace.
    const none = document.createElementNS("urn:none", "style");
    none.setAttribute("data-openseadragon-mobile-css", "none");
    document.head.append(none);
    const script = document.createElement("script");
    script.src = new URL("../vendor/openseadragon.min.js", import.meta.url).href;
    script.onload = () => resolve(/** @type {any} */ (globalThis).OpenSeadragon);
    script.onerror = () => reject(new Error("the deep zoom library could not be read"));
    document.head.append(script);
  });
  return loading;
}

/**
 * The tile at a point of the canvas: cells of hexagons overlap as boxes, and the one with the nearest middle is meant.
 * @param {{x: number, y: number}} point
 */
function tileAt(point) {
  /** @type {Layer | null} */
  let found = null;
  let least = Infinity;
  for (const layer of state.stack.layers) {
    const [w, h] = layer.size;
    const reach = layer.scale * Math.max(1, layer.squeeze) * (w + h) * (layer.shear ? 4 : 1);
    if (!layer.visible || Math.abs(point.x - layer.x) > reach || Math.abs(point.y - layer.y) > reach) continue;
    const at = apply(inverse(matrixOf(layer)), point.x, point.y);
    const [u, v] = [at.x / w, at.y / h];
    // Half a pixel more than it has: cells end on whole pixels when they are drawn.
    if (Math.abs(u) > 0.5 + 0.5 / (w * layer.scale) || Math.abs(v) > 0.5 + 0.5 / (h * layer.scale * layer.squeeze)) continue;
    const far = u * u + v * v;
    if (far <= least) [found, least] = [layer, far];
  }
  return found;
}

/** @param {{original: string}} props address of the picture that was rebuilt, or nothing */
export function DeepZoom({ original }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const lens = useRef(/** @type {HTMLDivElement | null} */ (null));
  const card = useRef(/** @type {HTMLElement | null} */ (null));
  const frame = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [size, setSize] = useState(150);
  const [tile, setTile] = useState(/** @type {Layer | null} */ (null));
  const open = deep.value;
  const tiles = !original || under.value === "tile";
  const id = state.canvas.value?.id ?? "";
  useEffect(() => {
    if (!open) return;
    dialog.current?.showModal();
    /** @type {any} */
    let viewer = null;
    let gone = false;
    const view = place.current;
    const hover = (/** @type {PointerEvent} */ event) => {
      const box = /** @type {HTMLElement} */ (view).getBoundingClientRect();
      follow(viewer, event.buttons ? null : { x: event.clientX - box.left, y: event.clientY - box.top });
    };
    const leave = () => follow(viewer, null);
    view?.addEventListener("pointermove", hover);
    view?.addEventListener("pointerleave", leave);
    setTile(null);
    Promise.all([library(), request(documentUrl(id, "zoom")).then((response) => response.json())])
      .then(([OpenSeadragon, { dzi }]) => {
        if (gone) return;
        viewer = OpenSeadragon({
          element: place.current,
          tileSources: documentUrl(id, dzi),
          showNavigationControl: false,
          showNavigator: true,
          navigatorPosition: "BOTTOM_RIGHT",
          animationTime: 0.6,
          maxZoomPixelRatio: 8,
          drawer: "canvas",
        });
        viewer.addHandler("open-failed", () => state.setError("deepzoom", "the deep zoom of this collage could not be made"));
        // Keys look at what is in the middle.
        let keys = false;
        viewer.addHandler("canvas-key", () => (keys = true));
        viewer.addHandler("canvas-drag", () => (keys = false));
        viewer.addHandler("animation-finish", () => {
          if (keys && view) follow(viewer, { x: view.clientWidth / 2, y: view.clientHeight / 2 });
        });
      })
      .catch((error) => state.setError("deepzoom", error.message));
    return () => {
      gone = true;
      view?.removeEventListener("pointermove", hover);
      view?.removeEventListener("pointerleave", leave);
      viewer?.destroy();
    };
  }, [open, original]);
  /**
   * The original where the pointer is.
   * @param {any} viewer
   * @param {{x: number, y: number} | null} at
   */
  const follow = (viewer, at) => {
    const image = viewer?.world.getItemAt(0);
    if (!image) return;
    const box = image.getBounds();
    const from = viewer.viewport.pixelFromPoint(box.getTopLeft(), true);
    const to = viewer.viewport.pixelFromPoint(box.getBottomRight(), true);
    const inside = at !== null && at.x >= from.x && at.y >= from.y && at.x <= to.x && at.y <= to.y;
    if (original && under.peek() === "picture") glide(at, from, to, inside);
    else point(at, from, to, inside);
  };
  /**
   * The picture that was rebuilt, at the size that it is seen at.
   * @param {{x: number, y: number} | null} at
   * @param {{x: number, y: number}} from
   * @param {{x: number, y: number}} to
   * @param {boolean} inside
   */
  const glide = (at, from, to, inside) => {
    const glass = lens.current;
    glass?.classList.toggle("on", inside);
    if (!glass || !at) return;
    const half = glass.offsetWidth / 2;
    Object.assign(glass.style, {
      left: `${at.x - half}px`,
      top: `${at.y - half}px`,
      backgroundImage: `url("${original}")`,
      backgroundSize: `${to.x - from.x}px ${to.y - from.y}px`,
      backgroundPosition: `${half - (at.x - from.x)}px ${half - (at.y - from.y)}px`,
    });
  };
  /**
   * The picture that the tile was cut from, beside the pointer, and a frame around the tile.
   * @param {{x: number, y: number} | null} at
   * @param {{x: number, y: number}} from
   * @param {{x: number, y: number}} to
   * @param {boolean} inside
   */
  const point = (at, from, to, inside) => {
    const canvas = state.canvas.value;
    const [label, around, view] = [card.current, frame.current, place.current];
    if (!canvas || !label || !around || !view) return;
    const scale = (to.x - from.x) / canvas.width;
    const found = at && inside ? tileAt({ x: (at.x - from.x) / scale, y: (at.y - from.y) / scale }) : null;
    setTile(found);
    label.classList.toggle("on", found !== null);
    around.classList.toggle("on", found !== null && found.outline !== "hexagon");
    if (!at || !found) return;
    const [wide, high] = [label.offsetWidth, label.offsetHeight];
    const left = at.x + 22 + wide > view.clientWidth ? Math.max(0, at.x - 22 - wide) : at.x + 22;
    Object.assign(label.style, { left: `${left}px`, top: `${Math.max(8, Math.min(view.clientHeight - Math.max(high, TALLEST) - 8, at.y - high / 2))}px` });
    const [w, h] = [found.size[0] * found.scale * scale, found.size[1] * found.scale * found.squeeze * scale];
    Object.assign(around.style, {
      width: `${w}px`,
      height: `${h}px`,
      left: `${from.x + found.x * scale - w / 2}px`,
      top: `${from.y + found.y * scale - h / 2}px`,
      transform: `rotate(${found.rotation}deg)`,
    });
  };
  if (!open) return null;
  return html`<dialog class="deep" ref=${dialog} aria-label="Deep zoom" onClose=${() => (deep.value = false)}>
    <div class="dialog-head end"><h2>Deep zoom</h2>
      ${original
        ? html`<${Choice} label="Under the pointer" value=${under.value} options=${[
            { value: "tile", label: "Each tile's original" },
            { value: "picture", label: "The picture" },
          ]} onValue=${(/** @type {any} */ value) => (under.value = value)} />`
        : null}
      ${tiles ? null : html`<${Slider} label="Glass" value=${size} min=${50} max=${400} step=${10} digits=${0} onValue=${setSize} />`}
      <${IconButton} name="x" label="Close" onClick=${() => (deep.value = false)} /></div>
    <${Problem} about="deepzoom" /><div class="deep-place"><div class="deep-view" ref=${place}></div>
      ${tiles
        ? html`<div class="tile-frame" ref=${frame} aria-hidden="true"></div>
            <figure class="tile-card" ref=${card} aria-live="polite">
              ${tile ? html`<img key=${tile.image} src=${originalUrl(id, tile.image, SHOWN)} alt="The original of the tile" /><figcaption>${tile.name}</figcaption>` : null}
            </figure>`
        : html`<div class="lens" ref=${lens} aria-hidden="true" style=${{ width: `${size}px`, height: `${size}px` }}></div>`}
    </div>
  </dialog>`;
}
