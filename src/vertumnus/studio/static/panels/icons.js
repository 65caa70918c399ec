// Icons to choose from, by name, in a colour.

import { html } from "../parts/html.js";
import { Problem, TextField } from "../parts/fields.js";
import { useEffect, useState } from "../vendor/hooks.mjs";
import * as state from "../state.js";
import { apiUrl, getJson } from "../http.js";

const FIRST = ["apple", "lemon", "leaf", "pumpkin", "carrot", "cat", "dog", "bird", "fish", "heart", "star", "flower", "tree", "sun", "moon", "cloud"];
const MOST = 48;

/**
 * @param {{id: string, does: string, most?: number, onPick: (name: string, colour: string) => void, children?: any}} props
 *    does: what picking one does, before its name; children: beside the colour
 */
export function IconPicker({ id, does, most = MOST, onPick, children }) {
  const [query, setQuery] = useState("");
  const [names, setNames] = useState(FIRST);
  const [colour, setColour] = useState("#c9532b");
  useEffect(() => {
    if (!query.trim()) {
      setNames(FIRST);
      return;
    }
    let current = true;
    const timer = setTimeout(async () => {
      try {
        const found = await getJson("icons", { q: query });
        if (!current) return;
        setNames((found.icons ?? []).slice(0, most));
        state.setError(id, null);
      } catch (error) {
        state.setError(id, error instanceof Error ? error.message : String(error));
      }
    }, 180);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query]);
  return html`<div class="icon-search">
      <${TextField} label="Search icons" type="search" value=${query} live onValue=${setQuery} placeholder="7,900 by name" />
      <div class="field"><span class="field-label"><label for=${`${id}-colour`}>Colour</label></span><input id=${`${id}-colour`} type="color" value=${colour} onInput=${(/** @type {any} */ event) => setColour(event.currentTarget.value)} /></div>
      ${children}
    </div>
    <${Problem} about=${id} />
    <div class="icons" role="group" aria-label="Icons found">
      ${names.map(
        (name) => html`<button type="button" key=${name} aria-label=${`${does} ${name.replaceAll("-", " ")}`} title=${name} onClick=${() => onPick(name, colour)}>
          <img src=${apiUrl(`icons/${encodeURIComponent(name)}`, { color: colour })} alt="" loading="lazy" />
        </button>`,
      )}
    </div>
    ${names.length ? null : html`<p class="note">No icon has that in its name.</p>`}`;
}
