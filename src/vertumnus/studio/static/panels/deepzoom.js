// The mosaic at any depth, with the original under the pointer: OpenSeadragon.

import { html } from "../parts/html.js";
import { IconButton, Problem, Slider } from "../parts/fields.js";
import { signal } from "../vendor/signals.mjs";
import { useEffect, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { documentUrl, request } from "../http.js";

export const deep = signal(false);

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

/** @param {{original: string}} props address of the original picture, or nothing */
export function DeepZoom({ original }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const lens = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [size, setSize] = useState(150);
  const open = deep.value;
  useEffect(() => {
    if (!open) return;
    dialog.current?.showModal();
    /** @type {any} */
    let viewer = null;
    let gone = false;
    const id = state.canvas.value?.id ?? "";
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
        if (!original) return;
        new OpenSeadragon.MouseTracker({
          element: place.current,
          moveHandler: (/** @type {any} */ event) => follow(viewer, event.position),
          leaveHandler: () => lens.current?.classList.remove("on"),
        });
      })
      .catch((error) => state.setError("deepzoom", error.message));
    return () => {
      gone = true;
      viewer?.destroy();
    };
  }, [open, original]);
  /**
   * The original where the pointer is, at the size that it is seen at.
   * @param {any} viewer
   * @param {{x: number, y: number}} at
   */
  const follow = (viewer, at) => {
    const glass = lens.current;
    const image = viewer?.world.getItemAt(0);
    if (!glass || !image) return;
    const box = image.getBounds();
    const from = viewer.viewport.pixelFromPoint(box.getTopLeft(), true);
    const to = viewer.viewport.pixelFromPoint(box.getBottomRight(), true);
    const inside = at.x >= from.x && at.y >= from.y && at.x <= to.x && at.y <= to.y;
    glass.classList.toggle("on", inside);
    const half = glass.offsetWidth / 2;
    Object.assign(glass.style, {
      left: `${at.x - half}px`,
      top: `${at.y - half}px`,
      backgroundImage: `url("${original}")`,
      backgroundSize: `${to.x - from.x}px ${to.y - from.y}px`,
      backgroundPosition: `${half - (at.x - from.x)}px ${half - (at.y - from.y)}px`,
    });
  };
  if (!open) return null;
  return html`<dialog class="deep" ref=${dialog} aria-label="Deep zoom" onClose=${() => (deep.value = false)}>
    <div class="dialog-head end"><h2>Deep zoom</h2>
      ${original ? html`<${Slider} label="Original under the pointer" value=${size} min=${0} max=${400} step=${10} digits=${0} onValue=${setSize} />` : null}
      <${IconButton} name="x" label="Close" onClick=${() => (deep.value = false)} /></div>
    <${Problem} about="deepzoom" /><div class="deep-place"><div class="deep-view" ref=${place}></div>${original && size ? html`<div class="lens" ref=${lens} aria-hidden="true" style=${{ width: `${size}px`, height: `${size}px` }}></div>` : null}</div>
  </dialog>`;
}
