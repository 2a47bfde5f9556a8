// Requests to the server that this page came from.

const KEY = "wearabouts-key";

export class Problem extends Error {
  constructor(kind, status, detail, retry) {
    super(detail);
    this.kind = kind;
    this.status = status;
    this.retry = retry;
  }
}

export function rememberKey(key) {
  try { sessionStorage.setItem(KEY, key); } catch { held = key; }
}

let held = "";

function key() {
  try { return sessionStorage.getItem(KEY) || held; } catch { return held; }
}

async function ask(path, options = {}) {
  const headers = new Headers(options.headers);
  if (key()) headers.set("X-API-Key", key());
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("network", 0, "", null);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const kind = String(body.type || "").split(":").pop() || "internal";
  throw new Problem(kind, response.status, String(body.detail || ""), response.headers.get("Retry-After"));
}

function query(parameters) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") search.set(name, value);
  }
  return search.toString();
}

export async function describe() {
  return (await ask("/v1/describe")).json();
}

export async function sample(path) {
  return (await ask(path)).blob();
}

export async function searchPhoto(photo, parameters, signal) {
  const form = new FormData();
  form.append("photo", photo, "photo");
  return (await ask(`/v1/search?${query(parameters)}`, { method: "POST", body: form, signal })).json();
}

export async function searchText(parameters, signal) {
  return (await ask(`/v1/search?${query(parameters)}`, { signal })).json();
}

export async function searchSimilar(id, parameters, signal) {
  return (await ask(`/v1/products/${encodeURIComponent(id)}/similar?${query(parameters)}`, { signal })).json();
}
