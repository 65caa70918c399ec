// The server's addresses, relative to the page's own, so that a prefix of a proxy does no harm.

const HOME = new URL(".", document.baseURI);

/**
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 */
export function apiUrl(path, query = {}) {
  const url = new URL(`api/${path}`, HOME);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, String(value));
  }
  return url.href;
}

/**
 * @param {string} id
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 */
export function documentUrl(id, path, query) {
  return apiUrl(`documents/${encodeURIComponent(id)}/${path}`, query);
}

/**
 * A picture of a document: `elements/<hash>.png` as its layers say it.
 * @param {string} id
 * @param {string} image
 * @param {number} side
 */
export function pictureUrl(id, image, side) {
  return documentUrl(id, `images/${image.replace("elements/", "")}`, { side });
}

/**
 * What a tile of a mosaic was cut from, whole.
 * @param {string} id
 * @param {string} image
 * @param {number} side
 */
export function originalUrl(id, image, side) {
  return documentUrl(id, `originals/${image.replace("elements/", "")}`, { side });
}

/** @param {Response} response */
async function sentence(response) {
  try {
    const answer = await response.json();
    return String(answer.message ?? answer.detail ?? response.statusText);
  } catch {
    return response.status === 403 || response.status === 401
      ? "this page's link is no longer valid; open the one that the studio printed"
      : `the server answered ${response.status}`;
  }
}

/**
 * @param {string} url
 * @param {RequestInit} [init]
 */
export async function request(url, init) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch {
    throw new Error("the server does not answer");
  }
  if (!response.ok) throw new Error(await sentence(response));
  return response;
}

/**
 * @param {string} path
 * @param {Record<string, string | number | boolean | null | undefined>} [query]
 * @returns {Promise<any>}
 */
export async function getJson(path, query) {
  return (await request(apiUrl(path, query))).json();
}

/**
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function postJson(path, body = {}) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await request(apiUrl(path), init)).json();
}

/**
 * Sends files of the person's to a document.
 * @param {string} id
 * @param {File[]} files
 * @returns {Promise<{uploads: import('./types').Upload[], refused: {name: string, message: string}[]}>}
 */
export async function upload(id, files) {
  const form = new FormData();
  for (const file of files) form.append("files", file, file.name);
  return (await request(documentUrl(id, "uploads"), { method: "POST", body: form })).json();
}
