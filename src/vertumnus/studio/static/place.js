// Which panels are open.

import { signal } from "./vendor/signals.mjs";

/** The panel on the left, by name. */
export const panel = signal("add");
export const leftOpen = signal(innerWidth > 700);
export const rightOpen = signal(innerWidth > 1100);

/** Whether the piece that is chosen is given another picture. */
export const replacing = signal(false);

/** @param {string} name */
export function openPanel(name) {
  panel.value = name;
  leftOpen.value = true;
}
