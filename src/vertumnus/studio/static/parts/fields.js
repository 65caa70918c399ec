// Controls: each with a label, its sentence of help, and what was wrong with it.

import { html, Icon } from "./html.js";
import { useEffect, useId, useRef, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";

/**
 * A question mark that says what a word means, to the pointer, the keyboard and screen readers.
 * @param {{label: string, text?: string | undefined}} props
 */
export function Hint({ label, text }) {
  const id = useId();
  if (!text) return null;
  return html`<span class="hint"
    ><button type="button" class="hint-mark" aria-label=${`What is ${label.toLowerCase()}?`} aria-describedby=${id}><span aria-hidden="true">?</span></button
    ><span class="hint-text" role="tooltip" id=${id}>${text}</span></span
  >`;
}

/** @param {{about: string}} props the library's sentence about something, if there is one */
export function Problem({ about }) {
  const message = state.errors.value.get(about);
  if (!message) return null;
  return html`<p class="problem" role="alert">
    <${Icon} name="triangle-alert" size=${15} />
    <span>${message}</span>
    <button type="button" class="quiet" aria-label="Dismiss" onClick=${() => state.setError(about, null)}><${Icon} name="x" size=${14} /></button>
  </p>`;
}

/**
 * @param {{name: string, label: string, onClick: (event: MouseEvent) => void, pressed?: boolean, disabled?: boolean, keys?: string, className?: string, size?: number}} props
 */
export function IconButton({ name, label, onClick, pressed, disabled, keys, className = "", size = 18 }) {
  return html`<button
    type="button"
    class=${`icon-button ${className}`}
    aria-label=${label}
    aria-pressed=${pressed === undefined ? undefined : String(pressed)}
    aria-keyshortcuts=${keys}
    data-tip=${keys ? `${label}  ${keys}` : label}
    disabled=${disabled}
    onClick=${onClick}
  >
    <${Icon} name=${name} size=${size} />
  </button>`;
}

/**
 * @param {number | null} value
 * @param {number} digits
 */
function written(value, digits) {
  return value === null ? "" : String(Number(value.toFixed(digits)));
}

/**
 * A number. Said when it is entered, or while arrows change it; null is shown for values that differ.
 * @param {{label: string, value: number | null, onValue: (value: number) => void, unit?: string, min?: number, max?: number, step?: number, digits?: number, hint?: string | undefined, disabled?: boolean, short?: boolean, placeholder?: string}} props
 */
export function NumberField({ label, value, onValue, unit, min, max, step = 1, digits = 2, hint, disabled, short, placeholder }) {
  const id = useId();
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const shown = text ?? written(value, digits);
  const enter = (/** @type {string} */ given) => {
    setText(null);
    const number = Number(given);
    if (given.trim() === "" || Number.isNaN(number)) return;
    const bounded = Math.min(max ?? Infinity, Math.max(min ?? -Infinity, number));
    if (value === null || written(bounded, digits) !== written(value, digits)) onValue(bounded);
  };
  return html`<div class=${short ? "field short" : "field"}>
    <span class="field-label"><label for=${id}>${label}</label><${Hint} label=${label} text=${hint} /></span>
    <span class="number">
      <input
        id=${id}
        type="number"
        inputmode="decimal"
        value=${shown}
        min=${min}
        max=${max}
        step=${step}
        disabled=${disabled}
        placeholder=${value === null ? (placeholder ?? "differ") : ""}
        onInput=${(/** @type {any} */ event) => setText(event.currentTarget.value)}
        onChange=${(/** @type {any} */ event) => enter(event.currentTarget.value)}
        onBlur=${() => setText(null)}
      />
      ${unit ? html`<span class="unit" aria-hidden="true">${unit}</span>` : null}
    </span>
  </div>`;
}

/**
 * A slider and its number.
 * @param {{label: string, value: number | null, onValue: (value: number) => void, min: number, max: number, step?: number, digits?: number, hint?: string | undefined, disabled?: boolean, ends?: [string, string]}} props
 */
export function Slider({ label, value, onValue, min, max, step = 0.01, digits = 2, hint, disabled, ends }) {
  const id = useId();
  const [held, setHeld] = useState(/** @type {number | null} */ (null));
  const shown = held ?? value;
  return html`<div class="field slider">
    <span class="field-label"><label for=${id}>${label}</label><${Hint} label=${label} text=${hint} /></span>
    <span class="slider-row">
      <input
        id=${id}
        type="range"
        min=${min}
        max=${max}
        step=${step}
        value=${shown ?? (min + max) / 2}
        disabled=${disabled}
        aria-valuetext=${shown === null ? "differ" : undefined}
        onInput=${(/** @type {any} */ event) => setHeld(Number(event.currentTarget.value))}
        onChange=${(/** @type {any} */ event) => {
          setHeld(null);
          onValue(Number(event.currentTarget.value));
        }}
      />
      <output for=${id}>${shown === null ? "–" : Number(shown.toFixed(digits))}</output>
    </span>
    ${ends ? html`<span class="ends" aria-hidden="true"><span>${ends[0]}</span><span>${ends[1]}</span></span>` : null}
  </div>`;
}

/**
 * @param {{label: string, value: string, onValue: (value: string) => void, hint?: string | undefined, placeholder?: string, lines?: number, live?: boolean, disabled?: boolean, type?: string}} props
 */
export function TextField({ label, value, onValue, hint, placeholder, lines, live, disabled, type = "text" }) {
  const id = useId();
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const common = {
    id,
    value: text ?? value,
    placeholder,
    disabled,
    onInput: (/** @type {any} */ event) => {
      setText(event.currentTarget.value);
      if (live) onValue(event.currentTarget.value);
    },
    onBlur: (/** @type {any} */ event) => {
      setText(null);
      if (event.currentTarget.value !== value) onValue(event.currentTarget.value);
    },
  };
  const enter = (/** @type {any} */ event) => {
    if (event.key === "Enter" && event.currentTarget.value !== value) {
      onValue(event.currentTarget.value);
      setText(null);
    }
  };
  return html`<div class="field">
    <span class="field-label"><label for=${id}>${label}</label><${Hint} label=${label} text=${hint} /></span>
    ${lines ? html`<textarea ...${common} rows=${lines}></textarea>` : html`<input type=${type} ...${common} onKeyDown=${enter} />`}
  </div>`;
}

/**
 * @param {{label: string, value: string, options: {value: string, label: string}[], onValue: (value: string) => void, hint?: string | undefined, disabled?: boolean}} props
 */
export function Select({ label, value, options, onValue, hint, disabled }) {
  const id = useId();
  return html`<div class="field">
    <span class="field-label"><label for=${id}>${label}</label><${Hint} label=${label} text=${hint} /></span>
    <select id=${id} value=${value} disabled=${disabled} onChange=${(/** @type {any} */ event) => onValue(event.currentTarget.value)}>
      ${options.map((one) => html`<option value=${one.value} selected=${one.value === value}>${one.label}</option>`)}
    </select>
  </div>`;
}

/**
 * @param {{label: string, value: boolean | null, onValue: (value: boolean) => void, hint?: string | undefined, disabled?: boolean}} props
 */
export function Check({ label, value, onValue, hint, disabled }) {
  const box = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    if (box.current) box.current.indeterminate = value === null;
  });
  return html`<div class="field check">
    <label
      ><input
        ref=${box}
        type="checkbox"
        checked=${value === true}
        disabled=${disabled}
        onChange=${(/** @type {any} */ event) => onValue(event.currentTarget.checked)}
      /><span>${label}</span></label
    ><${Hint} label=${label} text=${hint} />
  </div>`;
}

/**
 * One of a few, as buttons beside each other.
 * @param {{label: string, value: string, options: {value: string, label: string, icon?: string}[], onValue: (value: string) => void}} props
 */
export function Choice({ label, value, options, onValue }) {
  return html`<div class="choice" role="group" aria-label=${label}>
    ${options.map(
      (one) =>
        html`<button type="button" aria-pressed=${String(one.value === value)} onClick=${() => onValue(one.value)}>
          ${one.icon ? html`<${Icon} name=${one.icon} size=${16} />` : null}<span>${one.label}</span>
        </button>`,
    )}
  </div>`;
}

/**
 * How far something is, and how long it will take.
 * @param {{label: string, done: number, total: number, left: number | null}} props
 */
export function Progress({ label, done, total, left }) {
  const known = total > 0;
  const share = known ? Math.min(100, Math.round((100 * done) / total)) : 0;
  return html`<div class="progress">
    <div class="progress-words">
      <span>${label}</span>
      <span>${known ? `${share} %` : ""}${left !== null && left !== undefined && left > 0 ? ` · ${time(left)} left` : ""}</span>
    </div>
    <progress aria-label=${label} max=${known ? total : undefined} value=${known ? done : undefined}></progress>
  </div>`;
}

/** @param {number} seconds */
export function time(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}
