// The canvas on the page: Konva's stage, what is looked at (zoom and pan), and when it is drawn.

import { effect } from "../vendor/signals.mjs";
import { signal } from "../vendor/signals.mjs";
import * as state from "../state.js";
import { boxAround } from "../geometry.js";
import { Sprites } from "./sprites.js";
import { Scene } from "./scene.js";
import { Handles } from "./handles.js";
import { Pointer } from "./pointer.js";
import { drawn } from "./meter.js";

const Konva = /** @type {any} */ (globalThis).Konva;
const [LEAST, MOST] = [0.02, 40];
const SLOW = 42; // milliseconds a frame above which moving pictures are drawn less smoothly

/** Screen pixels to a canvas pixel. */
export const zoom = signal(1);
/** What the pointer does on the canvas. @type {import('../signals').Signal<"select" | "pan" | "lasso">} */
export const tool = signal("select");
export const snapping = signal(true);
export const theme = signal(/** @type {"light" | "dark"} */ ("light"));
/** What has been drawn with the lasso, canvas pixels. @type {import('../signals').Signal<[number, number][]>} */
export const lasso = signal([]);
/** The stage there is. @type {{current: Stage | null}} */
export const stage = { current: null };

export class Stage {
  /** @param {HTMLDivElement} container */
  constructor(container) {
    this.container = container;
    Konva.autoDrawEnabled = false;
    this.konva = new Konva.Stage({ container, width: 10, height: 10 });
    this.pieces = new Konva.Layer({ listening: false });
    this.overlay = new Konva.Layer();
    this.konva.add(this.pieces, this.overlay);
    this.sprites = new Sprites(state.canvas.value?.id ?? "", () => this.stale());
    this.scene = new Scene(this.sprites);
    this.view = { scale: 1, x: 0, y: 0, ratio: Math.min(2, devicePixelRatio || 1), width: 0, height: 0 };
    this.fitted = true;
    this.asked = 0;
    this.lastDraw = 0;
    this.pace = 16;
    this.sharpen = 0;
    this.pieces.add(
      new Konva.Shape({
        listening: false,
        sceneFunc: (/** @type {any} */ context) => this.scene.draw(context._context, this.view),
      }),
    );
    this.handles = new Handles(this);
    this.pointer = new Pointer(this);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(container);
    this.stops = [
      state.onChange((what) => {
        if (what === "layers" || state.running()) this.scene.stale();
        if (what === "layers") this.handles.refresh();
        this.invalidate();
      }),
      effect(() => {
        state.selection.value;
        this.handles.refresh();
        this.invalidate();
      }),
      effect(() => {
        const canvas = state.canvas.value;
        if (!canvas) return;
        this.changedCanvas(canvas.id, `${canvas.width} ${canvas.height}`);
      }),
      effect(() => {
        this.scene.dark = theme.value === "dark";
        this.handles.colours(theme.value === "dark");
        this.stale();
      }),
      effect(() => {
        lasso.value;
        this.handles.drawLasso(lasso.value);
        this.invalidate();
      }),
    ];
    this.size = "";
    this.resize();
    stage.current = this;
  }

  /**
   * @param {string} id
   * @param {string} size
   */
  changedCanvas(id, size) {
    if (id !== this.sprites.document) {
      this.sprites.close();
      this.sprites = this.scene.sprites = new Sprites(id, () => this.stale());
      this.fitted = true;
    }
    if (size !== this.size) {
      this.size = size;
      this.fit();
    }
    this.stale();
  }

  destroy() {
    for (const stop of this.stops) stop();
    this.resizing.disconnect();
    this.pointer.destroy();
    this.konva.destroy();
    this.sprites.close();
    if (stage.current === this) stage.current = null;
  }

  stale() {
    this.scene.stale();
    this.invalidate();
  }

  /** Draws with the next frame. */
  invalidate() {
    if (this.asked) return;
    this.asked = requestAnimationFrame((time) => {
      this.asked = 0;
      this.draw(time);
    });
  }

  /** @param {number} time */
  draw(time) {
    const since = time - this.lastDraw;
    this.lastDraw = time;
    // Pictures that move, many of them on a slow machine, are drawn from their nearest pixels, and sharply at rest.
    if (since < 400) this.pace += (since - this.pace) * 0.12;
    const moving = state.held.size > 0 || state.run.value?.state === "running";
    this.scene.smooth = !(moving && this.pace > SLOW);
    this.pieces.draw();
    this.handles.place();
    this.overlay.draw();
    drawn(time);
    clearTimeout(this.sharpen);
    if (!this.scene.smooth) {
      this.sharpen = window.setTimeout(() => {
        this.pace = 16;
        this.stale();
      }, 220);
    }
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.container;
    if (!width || !height || (width === this.view.width && height === this.view.height)) return;
    const first = !this.view.width;
    this.view.x += (width - this.view.width) / 2;
    this.view.y += (height - this.view.height) / 2;
    this.view.width = width;
    this.view.height = height;
    this.konva.size({ width, height });
    if (first || this.fitted) this.fit();
    else this.look(this.view.scale, this.view.x, this.view.y);
  }

  /** Shows the whole canvas. */
  fit() {
    const canvas = state.canvas.value;
    const { width, height } = this.view;
    if (!canvas || !width) return;
    const scale = Math.min((width - 56) / canvas.width, (height - 132) / canvas.height);
    this.look(scale, (width - canvas.width * scale) / 2, 62 + (height - 132 - canvas.height * scale) / 2);
    this.fitted = true;
  }

  /**
   * @param {number} scale
   * @param {number} x
   * @param {number} y
   */
  look(scale, x, y) {
    this.fitted = false;
    Object.assign(this.view, { scale: Math.min(MOST, Math.max(LEAST, scale)), x, y });
    this.konva.scale({ x: this.view.scale, y: this.view.scale });
    this.konva.position({ x, y });
    zoom.value = this.view.scale;
    this.invalidate();
  }

  /**
   * @param {number} factor
   * @param {{x: number, y: number}} [about] on the screen
   */
  zoomBy(factor, about = { x: this.view.width / 2, y: this.view.height / 2 }) {
    const scale = Math.min(MOST, Math.max(LEAST, this.view.scale * factor));
    const k = scale / this.view.scale;
    this.look(scale, about.x - (about.x - this.view.x) * k, about.y - (about.y - this.view.y) * k);
  }

  /**
   * @param {number} dx
   * @param {number} dy
   */
  pan(dx, dy) {
    this.look(this.view.scale, this.view.x + dx, this.view.y + dy);
  }

  /** Shows what is chosen, as large as it fits. */
  zoomToSelection() {
    const box = boxAround(state.chosen());
    if (!box) return this.fit();
    const { width, height } = this.view;
    const scale = Math.min(8, 0.6 * Math.min(width / (box.right - box.left), height / (box.bottom - box.top)));
    const [x, y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    return this.look(scale, width / 2 - x * scale, height / 2 - y * scale);
  }

  /**
   * @param {{clientX: number, clientY: number}} event
   */
  toCanvas(event) {
    const box = this.container.getBoundingClientRect();
    const { scale, x, y } = this.view;
    return { x: (event.clientX - box.left - x) / scale, y: (event.clientY - box.top - y) / scale };
  }
}
