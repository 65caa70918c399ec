// Handles: Konva's transformer around what is chosen, one more handle that shears, guides, the box, the lasso.

import * as state from "../state.js";
import { Hand, naming } from "../edit.js";
import { boxAround, fieldsOf, inverse, matrixOf, times } from "../geometry.js";
import { input } from "./meter.js";

const Konva = /** @type {any} */ (globalThis).Konva;
/** @typedef {import('../geometry.js').Matrix} Matrix */

const DEGREES = 180 / Math.PI;

export class Handles {
  /** @param {import('./stage.js').Stage} stage */
  constructor(stage) {
    this.stage = stage;
    const overlay = stage.overlay;
    // Stands for what is chosen; the transformer is tied to it.
    this.proxy = new Konva.Rect({ listening: false, width: 1, height: 1 });
    this.transformer = new Konva.Transformer({
      flipEnabled: false,
      rotationSnaps: [0, 45, 90, 135, 180, 225, 270, 315],
      rotationSnapTolerance: 4,
      rotateAnchorOffset: 26,
      anchorSize: 10,
      anchorCornerRadius: 5,
      borderStrokeWidth: 1.25,
      anchorStrokeWidth: 1.5,
      padding: 2,
      ignoreStroke: true,
      boundBoxFunc: (/** @type {any} */ before, /** @type {any} */ after) =>
        Math.abs(after.width) < 3 || Math.abs(after.height) < 3 ? before : after,
    });
    this.shear = new Konva.RegularPolygon({ sides: 4, radius: 7, strokeWidth: 1.5, strokeScaleEnabled: false, draggable: true, visible: false });
    this.outlines = new Konva.Shape({ listening: false, sceneFunc: (/** @type {any} */ context) => this.drawOutlines(context._context) });
    this.box = new Konva.Rect({ listening: false, strokeWidth: 1, strokeScaleEnabled: false, visible: false });
    this.guideX = new Konva.Line({ listening: false, strokeWidth: 1, strokeScaleEnabled: false, visible: false });
    this.guideY = new Konva.Line({ listening: false, strokeWidth: 1, strokeScaleEnabled: false, visible: false });
    this.lasso = new Konva.Line({ listening: false, strokeWidth: 2, strokeScaleEnabled: false, visible: false, lineJoin: "round" });
    overlay.add(this.proxy, this.outlines, this.transformer, this.shear, this.box, this.guideX, this.guideY, this.lasso);
    /** @type {Hand | null} */
    this.hand = null;
    /** @type {Matrix} */
    this.from = [1, 0, 0, 1, 0, 0];
    this.colour = "#000000";
    this.key = "";
    this.transformer.on("transformstart", () => this.begin());
    this.transformer.on("transform", (/** @type {any} */ event) => this.transform(event.evt));
    this.transformer.on("transformend", () => this.end());
    this.shear.on("dragstart", () => this.begin());
    this.shear.on("dragmove", (/** @type {any} */ event) => this.slant(event.evt));
    this.shear.on("dragend", () => this.end());
    for (const [name, cursor] of [["mouseenter", "ew-resize"], ["mouseleave", "default"]])
      this.shear.on(name, () => (stage.container.style.cursor = /** @type {string} */ (cursor)));
  }

  /** @param {boolean} dark */
  colours(dark) {
    this.colour = dark ? "#ff9d7a" : "#b4451f";
    const ground = dark ? "#1d1e22" : "#ffffff";
    this.transformer.setAttrs({ anchorStroke: this.colour, anchorFill: ground, borderStroke: this.colour });
    this.shear.setAttrs({ stroke: this.colour, fill: ground });
    this.box.setAttrs({ stroke: this.colour, fill: dark ? "rgba(255,157,122,.12)" : "rgba(180,69,31,.08)" });
    for (const guide of [this.guideX, this.guideY]) guide.setAttrs({ stroke: dark ? "#6cc9ff" : "#0a6ebd", dash: [4, 4] });
    this.lasso.setAttrs({ stroke: this.colour, fill: dark ? "rgba(255,157,122,.12)" : "rgba(180,69,31,.08)" });
  }

  /**
   * Whether a press is on a handle, which is the transformer's to deal with.
   * @param {PointerEvent} event
   */
  owns(event) {
    const bounds = this.stage.container.getBoundingClientRect();
    const at = { x: event.clientX - bounds.left, y: event.clientY - bounds.top };
    if (!this.transformer.visible()) return false;
    // Konva looks at what it has drawn of the handles; a drawing that is due is done first.
    const shape = this.stage.overlay.getIntersection(at);
    return Boolean(shape && (shape === this.shear || shape.getParent() === this.transformer) && shape.name() !== "back");
  }

  /** Something was chosen, or what is chosen has changed from elsewhere. */
  refresh() {
    if (this.hand) return;
    this.key = "";
  }

  /** Puts the handles where what is chosen lies, before a frame is drawn. */
  place() {
    if (this.hand) {
      this.placeShear();
      return;
    }
    const chosen = state.chosen().filter((layer) => layer.visible);
    const free = chosen.filter((layer) => !layer.locked);
    const show = free.length > 0 && chosen.length <= 2000;
    this.transformer.visible(show);
    this.shear.visible(show && chosen.length === 1);
    if (!show) {
      if (this.transformer.nodes().length) this.transformer.nodes([]);
      return;
    }
    const [one] = chosen;
    if (chosen.length === 1 && one) {
      // Of a flipped piece too the handle that turns is on top: its box is the same.
      const [w, h] = one.size;
      this.proxy.setAttrs({
        width: w, height: h, offsetX: w / 2, offsetY: h / 2, x: one.x, y: one.y, rotation: one.rotation,
        skewX: Math.tan(one.shear / DEGREES), scaleX: one.scale, scaleY: one.scale * one.squeeze,
      });
    } else {
      const box = boxAround(chosen);
      if (!box) return;
      this.proxy.setAttrs({
        width: box.right - box.left, height: box.bottom - box.top, offsetX: 0, offsetY: 0,
        x: box.left, y: box.top, rotation: 0, skewX: 0, scaleX: 1, scaleY: 1,
      });
    }
    if (!this.transformer.nodes().length) this.transformer.nodes([this.proxy]);
    this.transformer.forceUpdate();
    this.placeShear();
  }

  placeShear() {
    if (!this.shear.visible() || this.shear.isDragging()) return;
    const scale = this.stage.view.scale;
    const m = this.proxy.getTransform().getMatrix();
    const [w, h] = [this.proxy.width(), this.proxy.height()];
    const at = { x: m[0] * (w / 2) + m[2] * h + m[4], y: m[1] * (w / 2) + m[3] * h + m[5] };
    const far = Math.hypot(m[2], m[3]) || 1;
    const gap = 22 / scale;
    this.shear.position({ x: at.x + (m[2] / far) * gap, y: at.y + (m[3] / far) * gap });
    this.shear.scale({ x: 1 / scale, y: 1 / scale });
  }

  begin() {
    this.hand = new Hand(state.chosen());
    this.from = /** @type {Matrix} */ ([...this.proxy.getTransform().getMatrix()]);
  }

  /** @param {Event | undefined} event */
  transform(event) {
    if (!this.hand) return;
    if (event) input(event.timeStamp);
    this.follow(/** @type {Matrix} */ ([...this.proxy.getTransform().getMatrix()]));
  }

  /**
   * Everything that is held goes where the proxy has gone.
   * @param {Matrix} now
   */
  follow(now) {
    if (!this.hand) return;
    const moved = times(now, inverse(this.from));
    this.hand.move((start) => {
      const made = fieldsOf(times(moved, matrixOf(start)));
      // What was exact stays exact.
      if (Math.abs(made.squeeze - start.squeeze) < 1e-6 * start.squeeze) made.squeeze = start.squeeze;
      if (Math.abs(made.shear - start.shear) < 1e-5) made.shear = start.shear;
      if (Math.abs(made.scale - start.scale) < 1e-6 * start.scale) made.scale = start.scale;
      return made;
    });
    state.changed("poses");
  }

  /** @param {Event | undefined} event */
  slant(event) {
    if (!this.hand) return;
    if (event) input(event.timeStamp);
    const [start] = [...this.hand.start.values()];
    if (!start) return;
    const at = this.shear.position();
    // Along the piece's own axes, from its middle: across by as much as the slant, down by half its height.
    const r = start.rotation / DEGREES;
    const [dx, dy] = [at.x - start.x, at.y - start.y];
    const across = dx * Math.cos(r) + dy * Math.sin(r);
    const down = -dx * Math.sin(r) + dy * Math.cos(r);
    const most = Math.max(Math.abs(down), 0.25 * start.size[1] * start.scale * start.squeeze);
    let shear = Math.max(-75, Math.min(75, Math.atan(across / most) * DEGREES));
    if (Math.abs(shear) < 2) shear = 0;
    this.hand.move(() => ({ shear }));
    const layer = this.hand.layers[0];
    if (layer) {
      this.proxy.skewX(Math.tan(layer.shear / DEGREES));
      this.transformer.forceUpdate();
    }
    state.changed("poses");
  }

  end() {
    const { hand } = this;
    this.hand = null;
    if (!hand) return;
    const anchor = this.shear.isDragging() ? "Shear" : this.transformer.getActiveAnchor() === "rotater" ? "Turn" : "Change";
    const [layer] = hand.layers;
    const start = layer && hand.start.get(layer.id);
    const name =
      layer && start && layer.shear !== start.shear && layer.scale === start.scale ? "Shear"
      : layer && start && layer.rotation !== start.rotation && layer.scale === start.scale && anchor !== "Shear" ? "Turn"
      : layer && start && Math.abs(layer.squeeze - start.squeeze) > 1e-6 ? "Squeeze"
      : "Scale";
    hand.drop(`${name} ${naming(hand.layers)}`);
  }

  /** Lets go as if nothing had been done. */
  cancel() {
    const { hand } = this;
    if (!hand) return false;
    this.hand = null;
    this.transformer.stopTransform();
    this.shear.stopDrag();
    hand.cancel();
    return true;
  }

  /** @param {import('./snap.js').Guides} guides */
  showGuides({ x, y }) {
    const canvas = state.canvas.value;
    if (!canvas) return;
    const far = 100 * Math.max(canvas.width, canvas.height);
    this.guideX.setAttrs({ visible: x !== null, points: [x ?? 0, -far, x ?? 0, far] });
    this.guideY.setAttrs({ visible: y !== null, points: [-far, y ?? 0, far, y ?? 0] });
  }

  /** @param {import('../geometry.js').Box | null} box */
  showBox(box) {
    this.box.visible(box !== null);
    if (box) this.box.setAttrs({ x: box.left, y: box.top, width: box.right - box.left, height: box.bottom - box.top });
  }

  /** @param {[number, number][]} points */
  drawLasso(points) {
    this.lasso.setAttrs({ visible: points.length > 1, points: points.flat(), closed: points.length > 2 });
  }

  /**
   * The outline of each of several that are chosen, and of what is locked.
   * @param {CanvasRenderingContext2D} context
   */
  drawOutlines(context) {
    const chosen = state.chosen();
    if (!chosen.length || (chosen.length === 1 && !chosen[0]?.locked)) return;
    const { scale, x, y, ratio } = this.stage.view;
    const k = scale * ratio;
    context.save();
    context.strokeStyle = this.colour;
    context.lineWidth = 1 * ratio;
    context.globalAlpha = chosen.length > 300 ? 0.35 : 0.8;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.beginPath();
    for (const layer of chosen) {
      const m = matrixOf(layer);
      const [w, h] = [layer.size[0] / 2, layer.size[1] / 2];
      const corners = /** @type {[number, number][]} */ ([[-w, -h], [w, -h], [w, h], [-w, h]]);
      corners.forEach(([u, v], n) => {
        const px = (m[0] * u + m[2] * v + m[4]) * k + x * ratio;
        const py = (m[1] * u + m[3] * v + m[5]) * k + y * ratio;
        if (n) context.lineTo(px, py);
        else context.moveTo(px, py);
      });
      context.closePath();
    }
    if (chosen.every((layer) => layer.locked)) context.setLineDash([4 * ratio, 4 * ratio]);
    context.stroke();
    context.restore();
  }
}
