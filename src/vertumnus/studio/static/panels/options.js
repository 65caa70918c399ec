// A tool's options as controls, made from the JSON schema the server has of them: names, defaults, bounds and help are
// the command line's own.

import { html } from "../parts/html.js";
import { Check, NumberField, Select, Slider, TextField } from "../parts/fields.js";
import { useEffect, useState } from "../vendor/hooks.mjs";
import { getJson } from "../http.js";

/** @typedef {import('../types').Schema} Schema */

/** @type {Map<string, Promise<Schema>>} */
const schemas = new Map();

/** @param {string} verb */
export function useSchema(verb) {
  const [schema, setSchema] = useState(/** @type {Schema | null} */ (null));
  useEffect(() => {
    const wanted = schemas.get(verb) ?? getJson(`options/${verb}`);
    schemas.set(verb, wanted);
    wanted.then(setSchema).catch(() => schemas.delete(verb));
  }, [verb]);
  return schema;
}

/**
 * A schema without references, and the ones it may be besides null.
 * @param {Schema} schema
 * @param {Schema} root
 * @returns {{kinds: Schema[], nullable: boolean}}
 */
function kindsOf(schema, root) {
  const resolved = schema.$ref ? (root.$defs?.[schema.$ref.split("/").at(-1) ?? ""] ?? {}) : schema;
  const some = resolved.anyOf ?? [resolved];
  const kinds = some.flatMap((one) => (one.anyOf || one.$ref ? kindsOf(one, root).kinds : [one]));
  return { kinds: kinds.filter((one) => one.type !== "null"), nullable: kinds.some((one) => one.type === "null") };
}

/**
 * The schema of a field that has fields of its own, such as `how`.
 * @param {Schema | null} schema
 * @param {string} name
 * @returns {Schema | null}
 */
export function within(schema, name) {
  const field = schema?.properties?.[name];
  if (!schema || !field) return null;
  const { kinds } = kindsOf(field, schema);
  const found = kinds.find((kind) => kind.properties);
  // Defaults of the whole stand before those of each: a mosaic of the studio has fewer cells than one of its own.
  const given = /** @type {Record<string, unknown> | undefined} */ (field.default);
  const properties = Object.fromEntries(
    Object.entries(found?.properties ?? {}).map(([key, one]) => [key, given && key in given ? { ...one, default: given[key] } : one]),
  );
  return { properties, ...(schema.$defs ? { $defs: schema.$defs } : {}) };
}

/** @param {string} name */
export function spoken(name) {
  const words = name.replaceAll("_", " ");
  return `${words[0]?.toUpperCase()}${words.slice(1)}`;
}

/**
 * One option.
 * @param {{name: string, schema: Schema, root: Schema, value: unknown, onValue: (value: unknown) => void, label?: string}} props
 */
export function Option({ name, schema, root, value, onValue, label = spoken(name) }) {
  const { kinds, nullable } = kindsOf(schema, root);
  const given = value === undefined ? schema.default : value;
  const hint = schema.description;
  const words = kinds.flatMap((kind) => kind.enum ?? (kind.const === undefined ? [] : [kind.const])).map(String);
  const number = kinds.find((kind) => kind.type === "number" || kind.type === "integer");
  if (kinds.some((kind) => kind.type === "boolean")) {
    return html`<${Check} label=${label} hint=${hint} value=${given === null ? null : Boolean(given)} onValue=${onValue} />`;
  }
  if (words.length && !number) {
    const options = words.map((word) => ({ value: word, label: word }));
    if (nullable) options.unshift({ value: "", label: "by itself" });
    return html`<${Select} label=${label} hint=${hint} value=${given === null || given === undefined ? "" : String(given)} options=${options} onValue=${(/** @type {string} */ word) => onValue(word || null)} />`;
  }
  if (number && !words.length) {
    const min = number.minimum ?? number.exclusiveMinimum;
    const max = number.maximum ?? number.exclusiveMaximum;
    const whole = number.type === "integer";
    if (!nullable && min !== undefined && max !== undefined && max - min <= 4) {
      return html`<${Slider} label=${label} hint=${hint} value=${Number(given ?? min)} min=${min} max=${max} step=${whole ? 1 : 0.01} onValue=${onValue} />`;
    }
    return html`<${NumberField} label=${label} hint=${hint} value=${given === null || given === undefined ? null : Number(given)} placeholder="by itself" min=${min} max=${max} step=${whole ? 1 : "any"} digits=${whole ? 0 : 4} onValue=${onValue} />`;
  }
  const list = kinds.some((kind) => kind.type === "array");
  if (kinds.some((kind) => kind.type === "object") && !kinds.some((kind) => kind.type === "string")) return null;
  const written = Array.isArray(given) ? given.join(", ") : given === null || given === undefined ? "" : String(given);
  const read = (/** @type {string} */ text) => {
    if (!text.trim()) return onValue(null);
    if (!list) return onValue(number && !Number.isNaN(Number(text)) ? Number(text) : text);
    return onValue(text.split(",").map((part) => (Number.isNaN(Number(part)) ? part.trim() : Number(part))));
  };
  return html`<${TextField} label=${label} hint=${hint} value=${written} placeholder=${words.length ? words.join(", ") : "by itself"} onValue=${read} />`;
}

/**
 * All options of a verb but some.
 * @param {{schema: Schema | null, values: Record<string, unknown>, onValues: (values: Record<string, unknown>) => void, only?: string[], but?: string[]}} props
 */
export function Options({ schema, values, onValues, only, but = [] }) {
  if (!schema?.properties) return null;
  const names = only ? only.filter((name) => schema.properties?.[name]) : Object.keys(schema.properties).filter((name) => !but.includes(name));
  const set = (/** @type {string} */ name, /** @type {unknown} */ value) => {
    const next = { ...values, [name]: value };
    if (JSON.stringify(value) === JSON.stringify(schema.properties?.[name]?.default)) delete next[name];
    onValues(next);
  };
  return html`${names.map(
    (name) => html`<${Option} key=${name} name=${name} schema=${/** @type {Record<string, Schema>} */ (schema.properties)[name]} root=${schema} value=${values[name]} onValue=${(/** @type {unknown} */ value) => set(name, value)} />`,
  )}`;
}
