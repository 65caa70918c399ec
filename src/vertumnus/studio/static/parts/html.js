// htm's tagged templates for Preact, and the icons.

import { h } from "../vendor/preact.mjs";
import htm from "../vendor/htm.mjs";
import { ICONS } from "../vendor/icons.js";

/** @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(/** @type {any} */ (h));

/**
 * An icon, which says nothing to a screen reader: what it is on does.
 * @param {{name: string, size?: number}} props
 */
export function Icon({ name, size = 18 }) {
  return html`<svg class="icon" width=${size} height=${size} viewBox="0 0 24 24" aria-hidden="true">
    ${(ICONS[name] ?? []).map(([tag, attributes]) => h(tag, attributes))}
  </svg>`;
}
